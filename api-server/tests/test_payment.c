#include "store/payment.h"

#include <criterion/criterion.h>
#include <string.h>

#define _cleanup_json_ _cleanup_(json_freep)

Test(payment, each_event_is_read) {
  static const char *const names[] = {"payment.succeeded", "coins.credited", "subscription.activated", "subscription.cancelled"};
  for (size_t i = 0; i < PAYMENT_EVENTS; i++) {
    _cleanup_json_ cJSON *json = cJSON_CreateObject();
    struct payment payment;
    cJSON_AddStringToObject(json, "event", names[i]);
    cr_assert_eq(payment_read(json, &payment), 0, "%s", names[i]);
    cr_assert_eq(payment.event, i);
    cr_assert_str_eq(payment_event_name(payment.event), names[i]);
  }
}

Test(payment, what_is_left_out_is_one_of_nothing) {
  _cleanup_json_ cJSON *json = cJSON_Parse("{\"event\":\"payment.succeeded\",\"paymentId\":\"p\",\"profileId\":\"u\",\"productId\":\"c\"}");
  struct payment payment;
  cr_assert_eq(payment_read(json, &payment), 0);
  cr_assert_eq(payment.quantity, 1);
  cr_assert_eq(payment.amount, 0);
  cr_assert_null(payment.plan);
  cr_assert_null(payment.expires_at);
}

Test(payment, other_events_are_of_no_use) {
  static const char *const others[] = {"{}", "{\"event\":1}", "{\"event\":\"\"}", "{\"event\":\"payment.failed\"}"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    _cleanup_json_ cJSON *json = cJSON_Parse(others[i]);
    struct payment payment = {.id = "untouched"};
    cr_expect_eq(payment_read(json, &payment), -1, "%s", others[i]);
    cr_expect_str_eq(payment.id, "untouched");
  }
}

Test(payment, the_query_says_what_the_event_says) {
  struct payment payment = {.event = PAYMENT_COINS, .id = "p-1", .profile = "u-1", .quantity = 1, .amount = 9007199254740991};
  struct payment_call call = {0};
  payment_query(&call, &payment, "digest");
  static const char *const expected[] = {"coins.credited", "p-1", "u-1", NULL, "1", "9007199254740991", NULL, NULL, "digest"};
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    const char *value = call.query.values[i];
    cr_expect(expected[i] ? value && !strcmp(value, expected[i]) : !value, "%zu is %s", i, value ? value : "null");
  }
}
