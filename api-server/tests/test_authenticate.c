#include "auth/authenticate.h"

#include "auth/mint.h"
#include "auth/session.h"
#include "base/clock.h"
#include "support_ring.h"

#include <criterion/criterion.h>
#include <string.h>

struct fixture {
  struct settings settings;
  struct keys keys;
  struct metrics *metrics;
  struct arena *arena;
  struct authenticator auth;
  struct secrets secrets;
  struct foreign_keys foreign;
  struct buffer field; /* "Bearer <token>" */
  enum auth_outcome outcome;
};

static void begin(struct fixture *f) {
  *f = (struct fixture){.settings = {.auth_issuer = "me",
                                     .auth_audience = "you",
                                     .app_jwt_secret = {.current = "the secret of tickets"},
                                     .session_secret = {.current = "the secret of sessions"},
                                     .cors_allowed_origins = {1, {{"https://a", 9}}}},
                        .keys = {.ring = support_ring("1")}};
  f->metrics = metrics_new(1, NULL);
  f->arena = arena_new(1 << 16);
  secrets_init(&f->secrets, &f->settings, f->metrics);
  f->auth = (struct authenticator){.settings = &f->settings,
                                   .keys = &f->keys,
                                   .foreign = &f->foreign,
                                   .secrets = &f->secrets,
                                   .cache = token_cache_new(),
                                   .hits = metrics_series(f->metrics, METRIC_TOKEN_CACHE_HITS, ""),
                                   .misses = metrics_series(f->metrics, METRIC_TOKEN_CACHE_MISSES, "")};
  buffer_init(&f->field, 1 << 16);
}

static void end(struct fixture *f) {
  buffer_done(&f->field);
  token_cache_free(f->auth.cache);
  keyring_free(f->keys.ring);
  arena_free(f->arena);
  metrics_free(f->metrics);
}

static void mint_token(struct fixture *f, const char *scheme, const char *sub, const char *roles, int64_t ttl_s) {
  _cleanup_(json_freep) cJSON *list = cJSON_Parse(roles);
  int64_t exp_s;
  buffer_clear(&f->field);
  buffer_puts(&f->field, scheme);
  struct mint_wish wish = {.sub = sub, .roles = list, .ttl_s = ttl_s};
  cr_assert_eq(mint(f->keys.ring, "me", "you", clock_real_ms() / 1000, &wish, &f->field, &exp_s, NULL), 0);
}

static int ask_with(struct fixture *f, const struct credentials *given, struct principal *ret, const char **why_not) {
  struct authentication authentication = {0};
  cr_assert(authenticate(&f->auth, &authentication, given, f->arena), "what needs nobody else is decided at once");
  *ret = authentication.who;
  *why_not = authentication.why_not;
  f->outcome = authentication.outcome;
  return authentication.outcome == AUTH_ACCEPTED ? 0 : -1;
}

static int ask(struct fixture *f, struct principal *ret, const char **why_not) {
  struct credentials given = {.accepted = CREDENTIAL_USUAL, .authorization = {f->field.data, f->field.len}};
  return ask_with(f, &given, ret, why_not);
}

Test(authenticate, verifies_once_and_remembers) {
  struct fixture f;
  struct principal who;
  const char *why_not;
  begin(&f);
  mint_token(&f, "bEaReR  ", "alice", "[\"finance\",\"other\"]", 60);
  for (int i = 0; i < 3; i++) {
    cr_assert_eq(ask(&f, &who, &why_not), 0, "%s", why_not);
    cr_expect_str_eq(who.sub, "alice");
    cr_expect_eq(who.roles, ROLE_FINANCE);
    cr_expect(who.verified);
  }
  cr_expect_eq(series_value(f.auth.hits), 2);
  cr_expect_eq(series_value(f.auth.misses), 1);
  end(&f);
}

Test(authenticate, a_key_that_left_takes_its_tokens_along) {
  struct fixture f;
  struct principal who;
  const char *why_not;
  begin(&f);
  mint_token(&f, "Bearer ", "alice", "[]", 60);
  cr_assert_eq(ask(&f, &who, &why_not), 0);
  keyring_free(f.keys.ring);
  f.keys.ring = support_ring("2");
  token_cache_clear(f.auth.cache); /* what the worker does when keys change */
  cr_expect_eq(ask(&f, &who, &why_not), -1);
  cr_expect_not_null(why_not);
  end(&f);
}

Test(authenticate, says_why_not) {
  struct fixture f;
  struct principal who;
  const char *why_not = "";
  begin(&f);
  static const char *const none[] = {"", "Basic abc", "Bearer", "Bearer "};
  for (size_t i = 0; i < ELEMENTS(none); i++) {
    struct credentials given = {.accepted = CREDENTIAL_USUAL, .authorization = {none[i], strlen(none[i])}};
    cr_expect_eq(ask_with(&f, &given, &who, &why_not), -1);
    cr_expect_eq(f.outcome, AUTH_ABSENT, "\"%s\" is no credential", none[i]);
  }
  mint_token(&f, "Bearer ", "alice", "[]", -120);
  cr_expect_eq(ask(&f, &who, &why_not), -1);
  cr_expect_str_eq(why_not, "expired");
  keyring_free(TAKE(f.keys.ring));
  cr_expect_eq(ask(&f, &who, &why_not), -1);
  cr_expect_str_eq(why_not, "unknown_key");
  end(&f);
}

/* A cookie field or a ticket of "alice", an admin, in the fixture's buffer. */
static struct sealed close_seal(struct fixture *f, enum seal_kind kind, const char *kid, int64_t exp_s, int64_t until_s) {
  int64_t now_s = clock_real_ms() / 1000;
  struct sealed what = {.sub = "alice", .kid = kid, .roles = ROLE_ADMIN, .exp_s = now_s + exp_s, .until_s = now_s + until_s};
  random_id(what.id);
  buffer_clear(&f->field);
  buffer_puts(&f->field, kind == SEAL_SESSION ? "__Host-session=" : "");
  cr_assert_eq(seal(&f->secrets, kind, now_s, &what, &f->field), 0);
  return what;
}

Test(authenticate, a_session_and_where_it_may_come_from) {
  static const struct {
    bool changes, upgrades;
    const char *origin;
    bool csrf;
    enum auth_outcome outcome;
  } cases[] = {
      {false, false, NULL, false, AUTH_ACCEPTED},         {false, false, "https://b", false, AUTH_ACCEPTED},
      {true, false, "https://a", true, AUTH_ACCEPTED},    {true, false, "https://a", false, AUTH_FORBIDDEN},
      {true, false, NULL, true, AUTH_FORBIDDEN},          {true, false, "https://b", true, AUTH_FORBIDDEN},
      {true, false, "https://a.b", true, AUTH_FORBIDDEN}, {false, true, "https://a", false, AUTH_ACCEPTED},
      {false, true, NULL, false, AUTH_FORBIDDEN},         {false, true, "https://b", false, AUTH_FORBIDDEN},
  };
  struct fixture f;
  begin(&f);
  struct sealed session = close_seal(&f, SEAL_SESSION, "1", 60, 60);
  char csrf[SESSION_CSRF_SIZE];
  cr_assert_eq(session_csrf(&f.secrets, SECRET_CURRENT, session.id, csrf), 0);
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct principal who;
    const char *why_not;
    struct credentials given = {.accepted = CREDENTIAL_USUAL,
                                .cookie = {f.field.data, f.field.len},
                                .origin = {cases[i].origin, cases[i].origin ? strlen(cases[i].origin) : 0},
                                .csrf = {cases[i].csrf ? csrf : NULL, cases[i].csrf ? strlen(csrf) : 0},
                                .changes = cases[i].changes,
                                .upgrades = cases[i].upgrades};
    (void)!ask_with(&f, &given, &who, &why_not);
    cr_expect_eq(f.outcome, cases[i].outcome, "case %zu: %s", i, why_not);
    if (f.outcome != AUTH_ACCEPTED) continue;
    cr_expect_str_eq(who.sub, "alice");
    cr_expect_str_eq(who.sid, session.id);
    cr_expect_eq(who.credential, CREDENTIAL_SESSION);
    cr_expect_eq(who.until_s, session.exp_s);
    cr_expect_eq(who.roles, ROLE_ADMIN);
  }
  end(&f);
}

Test(authenticate, a_ticket_and_what_ends_it) {
  static const struct {
    const char *kid;
    int64_t exp_s, until_s;
    unsigned accepted;
    enum auth_outcome outcome;
    const char *why_not;
  } cases[] = {
      {"1", 60, 600, CREDENTIAL_TICKET, AUTH_ACCEPTED, NULL},         {"1", 60, 600, CREDENTIAL_USUAL, AUTH_ABSENT, NULL},
      {"2", 60, 600, CREDENTIAL_TICKET, AUTH_REFUSED, "unknown_key"}, {"1", 0, 600, CREDENTIAL_TICKET, AUTH_REFUSED, "expired"},
      {"1", 60, 0, CREDENTIAL_TICKET, AUTH_REFUSED, "expired"},
  };
  struct fixture f;
  begin(&f);
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct principal who;
    const char *why_not;
    struct sealed ticket = close_seal(&f, SEAL_TICKET, cases[i].kid, cases[i].exp_s, cases[i].until_s);
    struct credentials given = {.accepted = cases[i].accepted, .ticket = {f.field.data, f.field.len}};
    (void)!ask_with(&f, &given, &who, &why_not);
    cr_expect_eq(f.outcome, cases[i].outcome, "case %zu", i);
    if (cases[i].why_not) cr_expect_str_eq(why_not, cases[i].why_not);
    if (f.outcome == AUTH_ACCEPTED) cr_expect(who.until_s == ticket.until_s && !who.sid && who.credential == CREDENTIAL_TICKET);
  }
  end(&f);
}

Test(authenticate, the_first_credential_counts_alone) {
  struct fixture f;
  struct principal who;
  const char *why_not;
  begin(&f);
  (void)close_seal(&f, SEAL_SESSION, "1", 60, 60);
  struct credentials given = {
      .accepted = CREDENTIAL_USUAL | CREDENTIAL_TICKET, .cookie = {f.field.data, f.field.len}, .authorization = SPAN("Bearer a.b.c")};
  cr_expect_eq(ask_with(&f, &given, &who, &why_not), -1, "a bad token isn't mended by a good cookie");
  given.ticket = SPAN("");
  cr_expect_eq(ask_with(&f, &given, &who, &why_not), -1);
  cr_expect_str_eq(why_not, "malformed", "nor a ticket by anything");
  given.accepted = CREDENTIAL_SESSION;
  cr_expect_eq(ask_with(&f, &given, &who, &why_not), 0, "what isn't accepted isn't looked at");
  end(&f);
}
