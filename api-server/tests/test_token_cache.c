#include "auth/token_cache.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct token token(const char *sub, int64_t exp_s) {
  struct token made = {.exp_s = exp_s, .roles = ROLE_ADMIN};
  cr_assert_eq(sha256(sub, strlen(sub), made.digest), 0);
  (void)snprintf(made.sub, sizeof made.sub, "%s", sub);
  return made;
}

Test(token_cache, an_entry_lives_until_its_exp) {
  struct token_cache *cache = token_cache_new();
  struct token one = token("one", 100), two = token("two", 100);
  cr_expect_null(token_cache_get(cache, one.digest, 0));
  token_cache_put(cache, &one);
  cr_assert_not_null(token_cache_get(cache, one.digest, 99));
  cr_expect_str_eq(token_cache_get(cache, one.digest, 99)->sub, "one");
  cr_expect_eq(token_cache_get(cache, one.digest, 99)->roles, ROLE_ADMIN);
  cr_expect_null(token_cache_get(cache, one.digest, 100));
  cr_expect_null(token_cache_get(cache, two.digest, 0));
  token_cache_free(cache);
}

Test(token_cache, all_are_forgotten_when_keys_change) {
  struct token_cache *cache = token_cache_new();
  struct token one = token("one", 100);
  token_cache_put(cache, &one);
  token_cache_clear(cache);
  cr_expect_null(token_cache_get(cache, one.digest, 0));
  token_cache_free(cache);
}

Test(token_cache, a_full_set_loses_what_expires_first) {
  struct token_cache *cache = token_cache_new();
  struct token all[TOKEN_CACHE_WAYS + 1];
  for (int i = 0; i <= TOKEN_CACHE_WAYS; i++) {
    char sub[16];
    (void)snprintf(sub, sizeof sub, "s%d", i);
    all[i] = token(sub, 100 + i);
    all[i].digest[0] = all[i].digest[1] = 0; /* one set */
    token_cache_put(cache, &all[i]);
  }
  cr_expect_null(token_cache_get(cache, all[0].digest, 0));
  for (int i = 1; i <= TOKEN_CACHE_WAYS; i++) cr_expect_not_null(token_cache_get(cache, all[i].digest, 0));
  token_cache_free(cache);
}

Test(token_cache, the_same_token_takes_one_place) {
  struct token_cache *cache = token_cache_new();
  struct token kept = token("kept", 5), often = token("often", 100);
  kept.digest[0] = kept.digest[1] = often.digest[0] = often.digest[1] = 0;
  token_cache_put(cache, &kept);
  for (int i = 0; i < 20; i++) token_cache_put(cache, &often);
  cr_expect_not_null(token_cache_get(cache, kept.digest, 0));
  token_cache_free(cache);
}
