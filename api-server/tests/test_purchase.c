#include "iap/purchase.h"

#include <criterion/criterion.h>
#include <string.h>

Test(purchase, who_may_use_the_sandbox) {
  static const struct {
    bool strict;
    const char *profiles, *profile;
    bool allowed;
  } cases[] = {
      {true, "", "u-1", false},  {true, "u-1", "u-1", true},  {true, "a, u-1,b", "u-1", true}, {true, "u-11, u-", "u-1", false},
      {true, " ,, ", "", false}, {true, "u-1", "U-1", false}, {false, "", "anybody", true},    {true, "a,u-1 ", "u-1", true},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct settings settings = {.iap_strict = cases[i].strict, .iap_sandbox_profiles = cases[i].profiles};
    cr_expect_eq(purchase_sandbox_allowed(&settings, cases[i].profile), cases[i].allowed, "%s in %s", cases[i].profile, cases[i].profiles);
  }
}

/* What the database function gets: the columns by their names, what was not told left out. */
Test(purchase, what_is_sent) {
  _cleanup_(arena_freep) struct arena *arena = arena_new(65536);
  struct purchase seen = {.store = "google",
                          .environment = "production",
                          .token = "a\"b",
                          .type = PURCHASE_SUBSCRIPTION,
                          .state = PURCHASE_GRACE,
                          .product_id = "pro",
                          .observed_ms = 1700000000123,
                          .auto_renew = true};
  struct purchase_claim claim = {.profile = "u-1"};
  struct db_query query = {0};
  struct error error;
  cr_assert_eq(purchase_apply(&query, &seen, &claim, arena, &error), 0, "%s", error.message);
  cr_expect_str_eq(query.values[0],
                   "{\"quantity\":1,\"refunded_quantity\":0,\"store\":\"google\",\"environment\":\"production\",\"token\":\"a\\\"b\","
                   "\"type\":\"subscription\",\"state\":\"grace\",\"product_id\":\"pro\",\"observed_at\":\"2023-11-14T22:13:20.123000Z\","
                   "\"auto_renew\":true,\"test\":false,\"acknowledged\":false,\"consumed\":false}");
  cr_expect_str_eq(query.values[1], "u-1");
  cr_expect_null(query.values[2]);
}

Test(purchase, what_is_too_large_is_refused) {
  _cleanup_(arena_freep) struct arena *arena = arena_new(1 << 20);
  _cleanup_free_ char *token = malloc(40001);
  cr_assert(token);
  memset(token, 'x', 40000);
  token[40000] = 0;
  struct purchase seen = {.store = "google", .environment = "production", .token = token, .product_id = "p"};
  struct db_query query = {0};
  struct error error;
  cr_assert_eq(purchase_apply(&query, &seen, &(struct purchase_claim){.profile = "u"}, arena, &error), -1);
  cr_expect_eq(error.kind, ERROR_INVALID);
}
