#include "auth/authenticate.h"

#include "auth/mint.h"
#include "base/clock.h"

#include <criterion/criterion.h>
#include <string.h>

/* A ring of one fresh key. */
static struct keyring *new_ring(const char *kid) {
  struct keyring *ring = NULL;
  _cleanup_(rsa_key_freep) struct rsa_key *key = NULL;
  _cleanup_(keyring_files_freep) cJSON *files = NULL;
  cr_assert_eq(rsa_key_generate(2048, &key, NULL), 0);
  cr_assert_eq(keyring_make(key, kid, &files, NULL), 0);
  cr_assert_eq(keyring_parse(files, &ring, NULL), 0);
  return ring;
}

struct fixture {
  struct settings settings;
  struct keys keys;
  struct metrics *metrics;
  struct arena *arena;
  struct authenticator auth;
  struct buffer field; /* "Bearer <token>" */
};

static void begin(struct fixture *f) {
  *f = (struct fixture){.settings = {.auth_issuer = "me", .auth_audience = "you"}, .keys = {.ring = new_ring("1")}};
  f->metrics = metrics_new(1, NULL);
  f->arena = arena_new(1 << 16);
  f->auth = (struct authenticator){.settings = &f->settings,
                                   .keys = &f->keys,
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

static int ask(struct fixture *f, struct principal *ret, const char **why_not) {
  return authenticate(&f->auth, (struct span){f->field.data, f->field.len}, f->arena, ret, why_not);
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
  f.keys.ring = new_ring("2");
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
    cr_expect_eq(authenticate(&f.auth, (struct span){none[i], strlen(none[i])}, f.arena, &who, &why_not), -1);
    cr_expect_null(why_not, "\"%s\" is no credential", none[i]);
  }
  mint_token(&f, "Bearer ", "alice", "[]", -120);
  cr_expect_eq(ask(&f, &who, &why_not), -1);
  cr_expect_str_eq(why_not, "expired");
  keyring_free(TAKE(f.keys.ring));
  cr_expect_eq(ask(&f, &who, &why_not), -1);
  cr_expect_str_eq(why_not, "no key is loaded");
  end(&f);
}

Test(authenticate, what_nobody_verified_has_a_name_and_no_role) {
  struct fixture f;
  begin(&f);
  mint_token(&f, "Bearer ", "mallory", "[\"admin\"]", 60);
  struct principal who = authenticate_unverified((struct span){f.field.data, f.field.len}, f.arena);
  cr_expect_str_eq(who.sub, "mallory");
  cr_expect_eq(who.roles, 0);
  cr_expect_not(who.verified);
  static const char *const nonsense[] = {"Bearer a.b.c", "Bearer ..", "Bearer x", "Bearer e30.e30.e30", ""};
  for (size_t i = 0; i < ELEMENTS(nonsense); i++) {
    who = authenticate_unverified((struct span){nonsense[i], strlen(nonsense[i])}, f.arena);
    cr_expect_str_eq(who.sub, "anonymous");
  }
  end(&f);
}
