#include "iap/apple_payload.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const struct apple_identity us = {.bundle_id = "com.example.app", .app_id = 1234};

#define TRANSACTION                                                                                                            \
  "\"bundleId\":\"com.example.app\",\"environment\":\"Production\",\"transactionId\":\"22\",\"originalTransactionId\":\"11\"," \
  "\"productId\":\"p\",\"signedDate\":5,\"purchaseDate\":3"
#define OF(type) ",\"type\":\"" type "\""

/* The members of JSON, without what the later members of MORE say anew. */
static cJSON *merged(const char *json, const char *more) {
  char text[2048];
  (void)snprintf(text, sizeof text, "{%s}", json);
  cJSON *object = cJSON_Parse(text);
  (void)snprintf(text, sizeof text, "{%s}", more);
  cJSON *changes = cJSON_Parse(text);
  cr_assert(object && changes, "%s", more);
  while (changes->child) {
    cJSON *change = cJSON_DetachItemViaPointer(changes, changes->child);
    cJSON_DeleteItemFromObjectCaseSensitive(object, change->string);
    cJSON_AddItemToObject(object, change->string, change);
  }
  cJSON_Delete(changes);
  return object;
}

Test(apple_payload, transactions) {
  _cleanup_(json_freep) cJSON *payload =
      merged(TRANSACTION OF("Auto-Renewable Subscription"),
             "\"expiresDate\":9,\"appAccountToken\":\"af73\",\"quantity\":1,\"isUpgraded\":true,\"somethingNew\":{}");
  struct apple_transaction t;
  struct error error = {0};
  cr_assert_eq(apple_transaction_read(payload, &us, &t, &error), 0, "%s", error.message);
  cr_expect_eq(t.type, APPLE_SUBSCRIPTION);
  cr_expect_str_eq(t.environment, "production");
  cr_expect_str_eq(t.token, "11");
  cr_expect_str_eq(t.id, "22");
  cr_expect_str_eq(t.product_id, "p");
  cr_expect_str_eq(t.account, "af73");
  cr_expect(t.signed_ms == 5 && t.purchased_ms == 3 && t.expires_ms == 9 && !t.revoked_ms && t.quantity == 1 && t.upgraded);
}

Test(apple_payload, what_stays_the_same_for_the_life_of_a_purchase) {
  static const struct {
    const char *type, *token;
  } cases[] = {{OF("Consumable"), "22"}, {OF("Non-Consumable"), "11"}, {OF("Auto-Renewable Subscription") ",\"expiresDate\":9", "11"}};
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_(json_freep) cJSON *payload = merged(TRANSACTION, cases[i].type + 1);
    struct apple_transaction t;
    cr_assert_eq(apple_transaction_read(payload, &us, &t, NULL), 0);
    cr_expect_str_eq(t.token, cases[i].token);
  }
}

Test(apple_payload, what_was_taken_back) {
  static const struct {
    const char *members;
    int quantity, revoked;
  } cases[] = {
      {"\"quantity\":4", 4, 0},
      {"\"quantity\":4,\"revocationDate\":4", 4, 4},
      {"\"quantity\":4,\"revocationDate\":4,\"revocationType\":\"REFUND_FULL\",\"revocationPercentage\":100000", 4, 4},
      {"\"quantity\":4,\"revocationDate\":4,\"revocationType\":\"REFUND_PRORATED\",\"revocationPercentage\":50000", 4, 2},
      {"\"quantity\":1,\"revocationDate\":4,\"revocationType\":\"REFUND_PRORATED\",\"revocationPercentage\":99000", 1, 0},
      {"\"quantity\":4,\"revocationType\":\"REFUND_PRORATED\",\"revocationPercentage\":50000", 4, 0},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_(json_freep) cJSON *payload = merged(TRANSACTION OF("Consumable"), cases[i].members);
    struct apple_transaction t;
    cr_assert_eq(apple_transaction_read(payload, &us, &t, NULL), 0, "%s", cases[i].members);
    cr_expect(t.quantity == cases[i].quantity && t.revoked_quantity == cases[i].revoked, "%s: %d", cases[i].members, t.revoked_quantity);
  }
}

Test(apple_payload, transactions_that_are_refused) {
  static const struct {
    const char *change;
    enum error_kind kind;
  } cases[] = {
      {"\"bundleId\":\"com.example.other\"", ERROR_FORBIDDEN},
      {"\"bundleId\":1", ERROR_FORBIDDEN},
      {"\"environment\":\"Xcode\"", ERROR_FORBIDDEN},
      {"\"environment\":\"LocalTesting\"", ERROR_FORBIDDEN},
      {"\"environment\":\"production\"", ERROR_FORBIDDEN},
      {"\"type\":\"Non-Renewing Subscription\"", ERROR_INVALID},
      {"\"type\":null", ERROR_INVALID},
      {"\"type\":\"Auto-Renewable Subscription\"", ERROR_INVALID}, /* without an end */
      {"\"transactionId\":\"\"", ERROR_INVALID},
      {"\"transactionId\":22", ERROR_INVALID},
      {"\"transactionId\":\"2/2\"", ERROR_INVALID},
      {"\"originalTransactionId\":null", ERROR_INVALID},
      {"\"productId\":\"\"", ERROR_INVALID},
      {"\"signedDate\":0", ERROR_INVALID},
      {"\"purchaseDate\":-3", ERROR_INVALID},
      {"\"purchaseDate\":\"3\"", ERROR_INVALID},
      {"\"purchaseDate\":null", ERROR_INVALID},
      {"\"purchaseDate\":253402300800000", ERROR_INVALID},
      {"\"revocationDate\":0", ERROR_INVALID},
      {"\"revocationDate\":\"4\"", ERROR_INVALID},
      {"\"quantity\":0", ERROR_INVALID},
      {"\"quantity\":1000001", ERROR_INVALID},
      {"\"revocationPercentage\":100001", ERROR_INVALID},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_(json_freep) cJSON *payload = merged(TRANSACTION OF("Consumable"), cases[i].change);
    struct apple_transaction t;
    struct error error = {0};
    cr_expect_eq(apple_transaction_read(payload, &us, &t, &error), -1, "%s", cases[i].change);
    cr_expect_eq(error.kind, cases[i].kind, "%s: %s", cases[i].change, error.message);
  }
}

Test(apple_payload, renewals) {
  static const struct {
    const char *members;
    int result;
    bool renews;
    int64_t grace_until_ms;
  } cases[] = {
      {"\"autoRenewStatus\":1", 0, true, 0},
      {"\"autoRenewStatus\":0,\"gracePeriodExpiresDate\":7", 0, false, 7},
      {"\"bundleId\":\"com.example.other\"", 0, true, 0}, /* it has none, and none is looked at */
      {"\"environment\":\"Xcode\"", -1, false, 0},
      {"\"originalTransactionId\":\"x\"", -1, false, 0},
      {"\"gracePeriodExpiresDate\":-7", -1, false, 0},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_(json_freep) cJSON *payload = merged("\"environment\":\"Sandbox\",\"originalTransactionId\":\"11\"", cases[i].members);
    struct apple_renewal r;
    cr_assert_eq(apple_renewal_read(payload, &r, NULL), cases[i].result, "%s", cases[i].members);
    if (cases[i].result < 0) continue;
    cr_expect(r.renews == cases[i].renews && r.grace_until_ms == cases[i].grace_until_ms, "%s", cases[i].members);
    cr_expect_str_eq(r.environment, "sandbox");
    cr_expect_str_eq(r.token, "11");
  }
}

#define NOTIFICATION "\"notificationType\":\"DID_RENEW\",\"notificationUUID\":\"u\",\"signedDate\":5"
#define OURS         "\"bundleId\":\"com.example.app\",\"appAppleId\":1234,\"environment\":\"Production\""

Test(apple_payload, notifications) {
  _cleanup_(json_freep) cJSON *payload =
      merged(NOTIFICATION, "\"subtype\":\"BILLING_RECOVERY\",\"data\":{" OURS
                           ",\"status\":1,\"signedTransactionInfo\":\"a.b.c\",\"signedRenewalInfo\":\"d.e.f\"}");
  struct apple_notification n;
  struct error error = {0};
  cr_assert_eq(apple_notification_read(payload, &us, &n, &error), 0, "%s", error.message);
  cr_expect_str_eq(n.id, "u");
  cr_expect_str_eq(n.type, "DID_RENEW");
  cr_expect_str_eq(n.subtype, "BILLING_RECOVERY");
  cr_expect_str_eq(n.environment, "production");
  cr_expect_str_eq(n.transaction, "a.b.c");
  cr_expect_str_eq(n.renewal, "d.e.f");
  cr_expect(n.status == APPLE_ACTIVE && n.signed_ms == 5);
}

Test(apple_payload, whose_notifications) {
  static const struct {
    const char *change;
    int64_t app_id;
    enum error_kind kind; /* ERROR_NONE: read */
  } cases[] = {
      {"\"version\":\"2.0\"", 1234, ERROR_NONE}, /* a test has neither */
      {"\"data\":{" OURS "}", 1234, ERROR_NONE},
      {"\"data\":{" OURS ",\"status\":99}", 1234, ERROR_NONE},
      {"\"data\":{" OURS "}", 0, ERROR_TERMINAL},
      {"\"data\":{" OURS "}", 99, ERROR_FORBIDDEN},
      {"\"data\":{\"bundleId\":\"com.example.app\",\"environment\":\"Production\"}", 1234, ERROR_FORBIDDEN},
      {"\"data\":{\"bundleId\":\"com.example.app\",\"environment\":\"Sandbox\"}", 0, ERROR_NONE},
      {"\"data\":{\"bundleId\":\"com.example.other\",\"environment\":\"Sandbox\"}", 1234, ERROR_FORBIDDEN},
      {"\"data\":{\"bundleId\":\"com.example.app\",\"environment\":\"Xcode\"}", 1234, ERROR_FORBIDDEN},
      {"\"data\":[]", 1234, ERROR_FORBIDDEN},
      {"\"summary\":{" OURS "}", 1234, ERROR_NONE},
      {"\"summary\":{" OURS "}", 99, ERROR_FORBIDDEN},
      {"\"appData\":{\"bundleId\":\"com.example.other\",\"environment\":\"Production\"}", 1234, ERROR_FORBIDDEN},
      {"\"notificationUUID\":\"\"", 1234, ERROR_INVALID},
      {"\"notificationType\":null", 1234, ERROR_INVALID},
      {"\"signedDate\":null", 1234, ERROR_INVALID},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_(json_freep) cJSON *payload = merged(NOTIFICATION, cases[i].change);
    struct apple_identity who = {.bundle_id = us.bundle_id, .app_id = cases[i].app_id};
    struct apple_notification n;
    struct error error = {0};
    int result = apple_notification_read(payload, &who, &n, &error);
    cr_expect_eq(error.kind, cases[i].kind, "%s: %s", cases[i].change, error.message);
    cr_expect_eq(result, cases[i].kind ? -1 : 0, "%s", cases[i].change);
    if (result == 0) cr_expect(n.status <= APPLE_REVOKED && (!n.environment == !json_member(payload, "data")), "%s", cases[i].change);
  }
}
