#include "iap/apple_effect.h"

#include <criterion/criterion.h>
#include <string.h>

enum { BEGAN = 1000, ENDS = 5000, SIGNED = 2000, GRACE_END = 9000 };

static struct apple_transaction subscription(void) {
  return (struct apple_transaction){.type = APPLE_SUBSCRIPTION,
                                    .environment = "production",
                                    .token = "11",
                                    .id = "22",
                                    .product_id = "pro",
                                    .account = "af73",
                                    .signed_ms = SIGNED,
                                    .purchased_ms = BEGAN,
                                    .expires_ms = ENDS,
                                    .quantity = 1};
}

static struct apple_transaction coins(int quantity) {
  return (struct apple_transaction){.type = APPLE_CONSUMABLE,
                                    .environment = "sandbox",
                                    .token = "22",
                                    .id = "22",
                                    .product_id = "coins",
                                    .signed_ms = SIGNED,
                                    .purchased_ms = BEGAN,
                                    .quantity = quantity};
}

Test(apple_effect, every_type_of_the_documentation) {
  static const struct {
    const char *type, *subtype;
    enum apple_rule_effect effect;
    enum purchase_state state;
  } cases[] = {
      {"SUBSCRIBED", "INITIAL_BUY", APPLE_BY_TYPE, PURCHASE_ACTIVE},
      {"SUBSCRIBED", "RESUBSCRIBE", APPLE_BY_TYPE, PURCHASE_ACTIVE},
      {"DID_RENEW", "", APPLE_BY_TYPE, PURCHASE_ACTIVE},
      {"DID_RENEW", "BILLING_RECOVERY", APPLE_BY_TYPE, PURCHASE_ACTIVE},
      {"OFFER_REDEEMED", "UPGRADE", APPLE_BY_TYPE, PURCHASE_ACTIVE},
      {"ONE_TIME_CHARGE", "", APPLE_BY_TYPE, PURCHASE_ACTIVE},
      {"DID_CHANGE_RENEWAL_PREF", "UPGRADE", APPLE_BY_STATUS, 0},
      {"DID_CHANGE_RENEWAL_STATUS", "AUTO_RENEW_DISABLED", APPLE_BY_STATUS, 0},
      {"PRICE_INCREASE", "PENDING", APPLE_BY_STATUS, 0},
      {"RENEWAL_EXTENDED", "", APPLE_BY_STATUS, 0},
      {"REFUND_DECLINED", "", APPLE_BY_STATUS, 0},
      {"DID_FAIL_TO_RENEW", "", APPLE_BY_TYPE, PURCHASE_HOLD},
      {"DID_FAIL_TO_RENEW", "GRACE_PERIOD", APPLE_BY_TYPE, PURCHASE_GRACE},
      {"GRACE_PERIOD_EXPIRED", "", APPLE_BY_TYPE, PURCHASE_HOLD},
      {"EXPIRED", "BILLING_RETRY", APPLE_BY_TYPE, PURCHASE_EXPIRED},
      {"REFUND", "", APPLE_BY_TYPE, PURCHASE_REFUNDED},
      {"REVOKE", "", APPLE_BY_TYPE, PURCHASE_REFUNDED},
      {"REFUND_REVERSED", "", APPLE_REVERSED, 0},
      {"CONSUMPTION_REQUEST", "", APPLE_NOTED, 0},
      {"TEST", "", APPLE_NOTED, 0},
      {"RENEWAL_EXTENSION", "SUMMARY", APPLE_NOTED, 0},
      {"EXTERNAL_PURCHASE_TOKEN", "UNREPORTED", APPLE_NOTED, 0},
      {"RESCIND_CONSENT", "", APPLE_NOTED, 0},
      {"SUBSCRIBE", "", APPLE_NOTED, 0},
      {"", "", APPLE_NOTED, 0},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    const struct apple_rule *rule = apple_rule_find(cases[i].type, cases[i].subtype);
    cr_expect(rule->effect == cases[i].effect && rule->state == cases[i].state, "%s %s", cases[i].type, cases[i].subtype);
  }
}

Test(apple_effect, a_transaction_alone) {
  struct purchase p;
  struct apple_transaction t = subscription();
  p = apple_purchase(&t, ENDS - 1);
  cr_expect_str_eq(p.store, "apple");
  cr_expect_str_eq(p.token, "11");
  cr_expect_str_eq(p.order_id, "22");
  cr_expect_str_eq(p.account, "af73");
  cr_expect(p.type == PURCHASE_SUBSCRIPTION && p.state == PURCHASE_ACTIVE && p.auto_renew && !p.test);
  cr_expect(p.observed_ms == BEGAN && p.purchased_ms == BEGAN && p.expires_ms == ENDS);
  cr_expect_eq(apple_purchase(&t, ENDS).state, PURCHASE_EXPIRED);
  t.upgraded = true;
  cr_expect_eq(apple_purchase(&t, ENDS - 1).state, PURCHASE_EXPIRED);
  cr_expect_eq(apple_purchase(&t, ENDS - 1).observed_ms, SIGNED);
  t.revoked_ms = 1500;
  t.revoked_quantity = 1;
  cr_expect_eq(apple_purchase(&t, ENDS - 1).state, PURCHASE_REFUNDED);
  cr_expect_eq(apple_purchase(&t, ENDS - 1).observed_ms, SIGNED);

  t = coins(4);
  p = apple_purchase(&t, ENDS);
  cr_expect(p.type == PURCHASE_PRODUCT && p.state == PURCHASE_ACTIVE && p.quantity == 4 && !p.auto_renew && p.test && !p.expires_ms);
  t.revoked_ms = 1500;
  t.revoked_quantity = 3;
  p = apple_purchase(&t, ENDS);
  cr_expect(p.state == PURCHASE_ACTIVE && p.refunded_quantity == 3, "a part is told by its quantity");
  t.revoked_quantity = 4;
  cr_expect_eq(apple_purchase(&t, ENDS).state, PURCHASE_REFUNDED);
}

Test(apple_effect, notifications_of_a_subscription) {
  static const struct {
    const char *type, *subtype;
    enum apple_status status;
    bool renews;
    int64_t signed_ms;
    enum purchase_state state;
    int64_t expires_ms;
  } cases[] = {
      {"DID_RENEW", "", APPLE_ACTIVE, true, SIGNED, PURCHASE_ACTIVE, ENDS},
      {"DID_RENEW", "", APPLE_STATUS_NONE, true, SIGNED, PURCHASE_ACTIVE, ENDS},
      {"DID_CHANGE_RENEWAL_STATUS", "AUTO_RENEW_DISABLED", APPLE_ACTIVE, false, SIGNED, PURCHASE_CANCELLED, ENDS},
      {"DID_CHANGE_RENEWAL_STATUS", "AUTO_RENEW_ENABLED", APPLE_ACTIVE, true, SIGNED, PURCHASE_ACTIVE, ENDS},
      {"DID_CHANGE_RENEWAL_STATUS", "AUTO_RENEW_ENABLED", APPLE_GRACE, true, ENDS + 1, PURCHASE_GRACE, GRACE_END},
      {"DID_CHANGE_RENEWAL_STATUS", "AUTO_RENEW_DISABLED", APPLE_RETRY, false, ENDS + 1, PURCHASE_HOLD, ENDS},
      {"DID_CHANGE_RENEWAL_STATUS", "AUTO_RENEW_DISABLED", APPLE_EXPIRED, false, ENDS + 1, PURCHASE_EXPIRED, ENDS},
      {"DID_CHANGE_RENEWAL_STATUS", "AUTO_RENEW_DISABLED", APPLE_REVOKED, false, SIGNED, PURCHASE_REFUNDED, ENDS},
      {"DID_CHANGE_RENEWAL_STATUS", "AUTO_RENEW_ENABLED", APPLE_STATUS_NONE, true, ENDS + 1, PURCHASE_EXPIRED, ENDS},
      {"DID_FAIL_TO_RENEW", "GRACE_PERIOD", APPLE_GRACE, true, ENDS + 1, PURCHASE_GRACE, GRACE_END},
      {"DID_FAIL_TO_RENEW", "", APPLE_RETRY, true, ENDS + 1, PURCHASE_HOLD, ENDS},
      {"DID_FAIL_TO_RENEW", "", APPLE_RETRY, true, SIGNED, PURCHASE_ACTIVE, ENDS},
      {"GRACE_PERIOD_EXPIRED", "", APPLE_RETRY, true, ENDS + 1, PURCHASE_HOLD, ENDS},
      {"EXPIRED", "VOLUNTARY", APPLE_EXPIRED, false, ENDS + 1, PURCHASE_EXPIRED, ENDS},
      {"REFUND", "", APPLE_REVOKED, true, SIGNED, PURCHASE_REFUNDED, ENDS},
      {"REFUND_REVERSED", "", APPLE_ACTIVE, true, SIGNED, PURCHASE_ACTIVE, ENDS},
      {"REFUND_REVERSED", "", APPLE_EXPIRED, true, SIGNED, PURCHASE_EXPIRED, ENDS},
      {"REFUND_DECLINED", "", APPLE_ACTIVE, true, SIGNED, PURCHASE_ACTIVE, ENDS},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct apple_transaction t = subscription();
    struct apple_renewal renewal = {.token = "11", .renews = cases[i].renews, .grace_until_ms = GRACE_END};
    struct apple_notification n = {
        .type = cases[i].type, .subtype = cases[i].subtype, .status = cases[i].status, .signed_ms = cases[i].signed_ms};
    struct purchase p = apple_purchase_notified(&n, apple_rule_find(n.type, n.subtype), &t, &renewal);
    cr_expect(p.state == cases[i].state && p.expires_ms == cases[i].expires_ms && p.auto_renew == cases[i].renews, "%zu: %s %s: %d", i,
              n.type, n.subtype, p.state);
    cr_expect_eq(p.observed_ms, cases[i].signed_ms);
  }
}

Test(apple_effect, notifications_of_coins) {
  static const struct {
    const char *type;
    int revoked; /* of 4 */
    enum purchase_state state;
    int refunded;
  } cases[] = {
      {"ONE_TIME_CHARGE", 0, PURCHASE_ACTIVE, 0}, {"ONE_TIME_CHARGE", 4, PURCHASE_REFUNDED, 4}, {"REFUND", 4, PURCHASE_REFUNDED, 4},
      {"REFUND", 1, PURCHASE_ACTIVE, 1},          {"REFUND_REVERSED", 0, PURCHASE_ACTIVE, 0},   {"REFUND_REVERSED", 4, PURCHASE_ACTIVE, 0},
      {"REFUND_DECLINED", 0, PURCHASE_ACTIVE, 0},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct apple_transaction t = coins(4);
    t.revoked_quantity = cases[i].revoked;
    t.revoked_ms = cases[i].revoked ? 1500 : 0;
    struct apple_notification n = {.type = cases[i].type, .subtype = "", .signed_ms = SIGNED + 1};
    struct purchase p = apple_purchase_notified(&n, apple_rule_find(n.type, n.subtype), &t, NULL);
    cr_expect(p.state == cases[i].state && p.refunded_quantity == cases[i].refunded && !p.auto_renew, "%zu: %s: %d", i, n.type, p.state);
  }
}
