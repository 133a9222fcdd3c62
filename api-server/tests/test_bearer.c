#include "auth/bearer.h"

#include "auth/mint.h"
#include "crypto/jwt.h"
#include "support_ring.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { NOW_S = 1767225600 };

struct fixture {
  struct settings settings;
  struct keys keys;
  struct keyring *theirs;
  struct foreign_keys foreign;
  struct metrics *metrics;
  struct arena *arena;
  struct authenticator auth;
  struct buffer token;
};

/* Our own key is "own", that of others "theirs". */
static void begin(struct fixture *f) {
  *f = (struct fixture){.settings = {.auth_issuer = "me", .auth_audience = "you"},
                        .keys = {.ring = support_ring("own")},
                        .theirs = support_ring("theirs"),
                        .metrics = metrics_new(1, NULL),
                        .arena = arena_new(1 << 16)};
  f->foreign.keys = f->theirs->keys;
  f->auth = (struct authenticator){.settings = &f->settings,
                                   .keys = &f->keys,
                                   .foreign = &f->foreign,
                                   .cache = token_cache_new(),
                                   .hits = metrics_series(f->metrics, METRIC_TOKEN_CACHE_HITS, ""),
                                   .misses = metrics_series(f->metrics, METRIC_TOKEN_CACHE_MISSES, "")};
  buffer_init(&f->token, 1 << 14);
}

static void end(struct fixture *f) {
  buffer_done(&f->token);
  token_cache_free(f->auth.cache);
  keyring_free(f->keys.ring);
  keyring_free(f->theirs);
  arena_free(f->arena);
  metrics_free(f->metrics);
}

static struct span mint_token(struct fixture *f, const struct keyring *ring, const char *sub, int64_t ttl_s) {
  int64_t exp_s;
  buffer_clear(&f->token);
  cr_assert_eq(mint(ring, "me", "you", NOW_S, &(struct mint_wish){.sub = sub, .ttl_s = ttl_s}, &f->token, &exp_s, NULL), 0);
  return (struct span){f->token.data, f->token.len};
}

/* "" where it is accepted, else why not. */
static const char *verify(struct fixture *f, struct span token, int64_t now_s, struct principal *ret, bool *ret_unknown_key) {
  const char *why_not = "";
  *ret_unknown_key = false;
  return bearer_verify(&f->auth, token, now_s, f->arena, ret, ret_unknown_key, &why_not) < 0 ? why_not : "";
}

Test(bearer, the_token_of_the_field) {
  static const struct {
    const char *field, *token; /* NULL: none */
  } cases[] = {{"Bearer abc", "abc"}, {"bEARER \t abc \t", "abc"}, {"Bearer a b", "a b"}, {"Bearer ", NULL}, {"Bearer   ", NULL},
               {"Bearer", NULL},      {"Bearerabc", NULL},         {"Basic abc", NULL},   {"", NULL}};
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct span token = bearer_of((struct span){cases[i].field, strlen(cases[i].field)});
    size_t n = cases[i].token ? strlen(cases[i].token) : 0;
    cr_expect_eq(token.len, n, "%s", cases[i].field);
    cr_expect_eq(!token.at, !cases[i].token, "%s", cases[i].field);
    if (n && token.len == n) cr_expect_arr_eq(token.at, cases[i].token, n, "%s", cases[i].field);
  }
  cr_expect_null(bearer_of((struct span){0}).at);
}

Test(bearer, keys_are_our_own_or_foreign_ones_that_never_were) {
  struct fixture f;
  begin(&f);
  cr_expect(bearer_knows_key(&f.auth, "own"));
  cr_expect(bearer_knows_key(&f.auth, "theirs"));
  cr_expect_not(bearer_knows_key(&f.auth, "nobody's"));
  (void)snprintf(f.keys.left[0], KID_SIZE, "theirs");
  cr_expect_not(bearer_knows_key(&f.auth, "theirs"), "it was taken out here, whoever still has it");
  struct principal who;
  bool unknown;
  cr_expect_str_neq(verify(&f, mint_token(&f, f.theirs, "alice", 60), NOW_S, &who, &unknown), "");
  cr_expect(unknown);
  end(&f);
}

Test(bearer, what_is_verified_is_remembered_until_it_ends) {
  struct fixture f;
  struct principal who;
  bool unknown;
  begin(&f);
  struct span token = mint_token(&f, f.theirs, "alice", 60);
  for (int i = 0; i < 2; i++) {
    cr_assert_str_eq(verify(&f, token, NOW_S, &who, &unknown), "");
    cr_expect_str_eq(who.sub, "alice");
    cr_expect_str_eq(who.kid, "theirs");
    cr_expect_eq(who.until_s, NOW_S + 60);
    cr_expect(who.verified && who.credential == CREDENTIAL_BEARER && !who.roles && !who.sid);
  }
  cr_expect_eq(series_value(f.auth.hits), 1);
  cr_expect_str_neq(verify(&f, token, NOW_S + 3600, &who, &unknown), "", "what is over is not believed from memory either");
  cr_expect_not(unknown);
  end(&f);
}

Test(bearer, a_subject_too_long_to_remember_is_verified_each_time) {
  struct fixture f;
  struct principal who;
  bool unknown;
  char sub[TOKEN_SUBJECT_SIZE + 1];
  memset(sub, 's', sizeof sub - 1);
  sub[sizeof sub - 1] = 0;
  begin(&f);
  struct span token = mint_token(&f, f.keys.ring, sub, 60);
  for (int i = 0; i < 2; i++) cr_assert_str_eq(verify(&f, token, NOW_S, &who, &unknown), "");
  cr_expect_str_eq(who.sub, sub);
  cr_expect_eq(series_value(f.auth.misses), 2);
  end(&f);
}

Test(bearer, what_is_no_token_is_refused) {
  struct fixture f;
  struct principal who;
  bool unknown;
  begin(&f);
  struct span token = mint_token(&f, f.keys.ring, "alice", 60);
  cr_expect_str_neq(verify(&f, (struct span){token.at, token.len - 1}, NOW_S, &who, &unknown), "");
  cr_expect_str_neq(verify(&f, (SPAN("a.b.c")), NOW_S, &who, &unknown), "");
  char *long_one = arena_alloc(f.arena, JWT_MAX_BYTES + 1);
  cr_assert_not_null(long_one);
  memset(long_one, 'a', JWT_MAX_BYTES + 1);
  cr_expect_str_neq(verify(&f, (struct span){long_one, JWT_MAX_BYTES + 1}, NOW_S, &who, &unknown), "");
  cr_expect_eq(series_value(f.auth.hits), 0);
  end(&f);
}

Test(bearer, of_what_nobody_verified_only_the_subject_is_taken) {
  static const struct {
    const char *field, *sub;
  } cases[] = {
      {"Bearer e30.eyJzdWIiOiJib2IiLCJyb2xlcyI6WyJhZG1pbiJdfQ.c2ln", "bob"}, /* {"sub":"bob","roles":["admin"]} */
      {"Bearer e30.eyJzdWIiOjd9.c2ln", "anonymous"},                         /* {"sub":7} */
      {"Bearer e30.e30.c2ln", "anonymous"},
      {"Bearer a.b", "anonymous"},
      {"Bearer abc", "anonymous"},
      {"Basic abc", "anonymous"},
      {"", "anonymous"},
  };
  _cleanup_(arena_freep) struct arena *arena = arena_new(1 << 12);
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct principal who = authenticate_unverified((struct span){cases[i].field, strlen(cases[i].field)}, arena);
    cr_expect_str_eq(who.sub, cases[i].sub, "%s", cases[i].field);
    cr_expect(!who.verified && !who.roles && !who.kid && !who.sid, "%s", cases[i].field);
  }
}
