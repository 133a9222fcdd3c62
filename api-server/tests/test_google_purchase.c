/* Answers in the shapes that Google documents, and what they are to us. */
#include "iap/google_purchase.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { NOW_MS = 1700000000 };

static cJSON *tree(const char *text) {
  cJSON *json = NULL;
  struct error error;
  cr_assert_eq(json_parse(text, strlen(text), &google_limits, &json, &error), 0, "%s", error.message);
  return json;
}

#define BOUGHT                                                                                                     \
  "\"kind\":\"androidpublisher#productPurchase\",\"purchaseTimeMillis\":\"1630529397125\",\"consumptionState\":0," \
  "\"developerPayload\":\"\",\"orderId\":\"GPA.3374-2691-3583-90384\",\"acknowledgementState\":0,\"regionCode\":\"RU\""

static const struct product_case {
  const char *name, *answer;
  int fails; /* an error_kind, or 0 */
  enum purchase_state state;
  int quantity, refunded;
  bool test, consumed, acknowledged;
} product_cases[] = {
    {"bought", "{" BOUGHT ",\"purchaseState\":0}", 0, PURCHASE_ACTIVE, 1, 0, false, false, false},
    {"bought, the state left out", "{" BOUGHT "}", 0, PURCHASE_ACTIVE, 1, 0, false, false, false},
    {"cancelled", "{" BOUGHT ",\"purchaseState\":1}", 0, PURCHASE_REFUNDED, 1, 0, false, false, false},
    {"pending", "{" BOUGHT ",\"purchaseState\":2}", 0, PURCHASE_PENDING, 1, 0, false, false, false},
    {"a licence tester's", "{" BOUGHT ",\"purchaseState\":0,\"purchaseType\":0}", 0, PURCHASE_ACTIVE, 1, 0, true, false, false},
    {"a promotion code's", "{" BOUGHT ",\"purchaseState\":0,\"purchaseType\":1}", 0, PURCHASE_ACTIVE, 1, 0, false, false, false},
    {"five, two of them refunded", "{" BOUGHT ",\"quantity\":5,\"refundableQuantity\":3}", 0, PURCHASE_ACTIVE, 5, 2, false, false, false},
    {"consumed", "{\"purchaseTimeMillis\":\"1\",\"purchaseState\":0,\"consumptionState\":1,\"acknowledgementState\":1}", 0, PURCHASE_ACTIVE,
     1, 0, false, true, true},
    {"the same product told", "{" BOUGHT ",\"productId\":\"coins_100\"}", 0, PURCHASE_ACTIVE, 1, 0, false, false, false},
    {"another product told", "{" BOUGHT ",\"productId\":\"coins_900\"}", ERROR_NOT_FOUND, 0, 0, 0, 0, 0, 0},
    {"a state that is not known", "{" BOUGHT ",\"purchaseState\":3}", ERROR_INVALID, 0, 0, 0, 0, 0, 0},
    {"no quantity", "{" BOUGHT ",\"quantity\":0}", ERROR_INVALID, 0, 0, 0, 0, 0, 0},
    {"more refundable than bought", "{" BOUGHT ",\"quantity\":1,\"refundableQuantity\":2}", ERROR_INVALID, 0, 0, 0, 0, 0, 0},
    {"nothing", "{}", ERROR_INVALID, 0, 0, 0, 0, 0, 0},
    {"a list", "[1,2]", ERROR_INVALID, 0, 0, 0, 0, 0, 0},
    {"a time that is none", "{\"purchaseTimeMillis\":\"soon\",\"purchaseState\":0}", ERROR_INVALID, 0, 0, 0, 0, 0, 0},
};

Test(google_purchase, products) {
  for (size_t i = 0; i < ELEMENTS(product_cases); i++) {
    const struct product_case *c = &product_cases[i];
    _cleanup_(json_freep) cJSON *answer = tree(c->answer);
    struct purchase p = {0};
    struct error error = {0};
    int result = google_product_read(answer, "tok", "coins_100", NOW_MS, &p, &error);
    cr_expect_eq(result, c->fails ? -1 : 0, "%s: %s", c->name, error.message);
    cr_expect_eq((int)error.kind, c->fails, "%s: %s", c->name, error.message);
    if (result < 0) continue;
    cr_expect_eq(p.state, c->state, "%s", c->name);
    cr_expect_eq(p.quantity, c->quantity, "%s", c->name);
    cr_expect_eq(p.refunded_quantity, c->refunded, "%s", c->name);
    cr_expect(p.test == c->test && p.consumed == c->consumed && p.acknowledged == c->acknowledged, "%s", c->name);
    cr_expect_str_eq(p.environment, c->test ? "sandbox" : "production", "%s", c->name);
    cr_expect_str_eq(p.product_id, "coins_100", "%s", c->name);
    cr_expect_eq(p.observed_ms, NOW_MS, "%s", c->name);
  }
}

Test(google_purchase, a_product_without_an_answer) {
  struct purchase p;
  struct error error;
  cr_expect_eq(google_product_read(NULL, "tok", "coins_100", NOW_MS, &p, &error), -1); /* an empty body */
  cr_expect_eq(google_subscription_read(NULL, "tok", NULL, NOW_MS, &p, &error), -1);
}

#define ITEM(id, ends) "{\"productId\":\"" id "\",\"expiryTime\":\"" ends "\",\"autoRenewingPlan\":{\"autoRenewEnabled\":true}}"
#define SUBSCRIPTION(state, items, more)                                                                                    \
  "{\"kind\":\"androidpublisher#subscriptionPurchaseV2\",\"startTime\":\"2022-04-22T18:39:58.270Z\",\"regionCode\":\"US\"," \
  "\"subscriptionState\":\"SUBSCRIPTION_STATE_" state                                                                       \
  "\",\"latestOrderId\":\"GPA.3333-4137-0319-36762\","                                                                      \
  "\"acknowledgementState\":\"ACKNOWLEDGEMENT_STATE_ACKNOWLEDGED\",\"lineItems\":[" items "]" more "}"
#define JULY      "2022-07-22T18:39:58.270Z"
#define MAY       "2022-05-22T18:39:58.270Z"
#define NEXT_JULY "2023-07-22T18:39:58.270Z"
#define DEFERRED(id, ends, next) \
  "{\"productId\":\"" id "\",\"expiryTime\":\"" ends "\",\"deferredItemReplacement\":{\"productId\":\"" next "\"}}"

static const struct subscription_case {
  const char *name, *answer, *wanted;
  int fails;
  enum purchase_state state;
  const char *product;
  int64_t expires_ms;
} subscription_cases[] = {
    {"active", SUBSCRIPTION("ACTIVE", ITEM("pro", JULY), ""), "pro", 0, PURCHASE_ACTIVE, "pro", 1658515198270},
    {"grace", SUBSCRIPTION("IN_GRACE_PERIOD", ITEM("pro", JULY), ""), "pro", 0, PURCHASE_GRACE, "pro", 1658515198270},
    {"cancelled", SUBSCRIPTION("CANCELED", ITEM("pro", JULY), ""), "pro", 0, PURCHASE_CANCELLED, "pro", 1658515198270},
    {"hold", SUBSCRIPTION("ON_HOLD", ITEM("pro", MAY), ""), "pro", 0, PURCHASE_HOLD, "pro", 1653244798270},
    {"paused", SUBSCRIPTION("PAUSED", ITEM("pro", MAY), ""), "pro", 0, PURCHASE_PAUSED, "pro", 1653244798270},
    {"expired", SUBSCRIPTION("EXPIRED", ITEM("pro", MAY), ""), "pro", 0, PURCHASE_EXPIRED, "pro", 1653244798270},
    {"pending", SUBSCRIPTION("PENDING", "{\"productId\":\"pro\"}", ""), "pro", 0, PURCHASE_PENDING, "pro", 0},
    {"given up before it was paid", SUBSCRIPTION("PENDING_PURCHASE_CANCELED", "{\"productId\":\"pro\"}", ""), "pro", 0, PURCHASE_REFUNDED,
     "pro", 0},
    {"of several, the one asked for", SUBSCRIPTION("ACTIVE", ITEM("pro", JULY) "," ITEM("addon", MAY), ""), "addon", 0, PURCHASE_ACTIVE,
     "addon", 1653244798270},
    {"of several, the one that ends last", SUBSCRIPTION("ACTIVE", ITEM("addon", MAY) "," ITEM("pro", JULY), ""), NULL, 0, PURCHASE_ACTIVE,
     "pro", 1658515198270},
    {"to be exchanged at its end", SUBSCRIPTION("ACTIVE", DEFERRED("pro", JULY, "max") "," ITEM("max", NEXT_JULY), ""), NULL, 0,
     PURCHASE_ACTIVE, "pro", 1658515198270},
    {"the same, asked for by the next one's name", SUBSCRIPTION("ACTIVE", DEFERRED("pro", JULY, "max") "," ITEM("max", NEXT_JULY), ""),
     "max", 0, PURCHASE_ACTIVE, "pro", 1658515198270},
    {"the same, the next one not listed", SUBSCRIPTION("ACTIVE", DEFERRED("pro", JULY, "max"), ""), "max", 0, PURCHASE_ACTIVE, "pro",
     1658515198270},
    {"exchanged, and the old one ended",
     SUBSCRIPTION("ACTIVE", DEFERRED("pro", "1969-05-22T18:39:58Z", "max") "," ITEM("max", NEXT_JULY), ""), NULL, 0, PURCHASE_ACTIVE, "max",
     1690051198270},
    {"another product", SUBSCRIPTION("ACTIVE", ITEM("pro", JULY), ""), "max", ERROR_NOT_FOUND, 0, NULL, 0},
    {"no items", SUBSCRIPTION("ACTIVE", "", ""), NULL, ERROR_NOT_FOUND, 0, NULL, 0},
    {"active without an end", SUBSCRIPTION("ACTIVE", "{\"productId\":\"pro\"}", ""), "pro", ERROR_INVALID, 0, NULL, 0},
    {"an end that is no time", SUBSCRIPTION("ACTIVE", ITEM("pro", "tomorrow"), ""), "pro", ERROR_INVALID, 0, NULL, 0},
    {"a state that is not known", SUBSCRIPTION("UNSPECIFIED", ITEM("pro", JULY), ""), "pro", ERROR_INVALID, 0, NULL, 0},
    {"a product's answer", "{" BOUGHT "}", "pro", ERROR_INVALID, 0, NULL, 0},
};

Test(google_purchase, subscriptions) {
  for (size_t i = 0; i < ELEMENTS(subscription_cases); i++) {
    const struct subscription_case *c = &subscription_cases[i];
    _cleanup_(json_freep) cJSON *answer = tree(c->answer);
    struct purchase p = {0};
    struct error error = {0};
    int result = google_subscription_read(answer, "tok", c->wanted, NOW_MS, &p, &error);
    cr_expect_eq(result, c->fails ? -1 : 0, "%s: %s", c->name, error.message);
    cr_expect_eq((int)error.kind, c->fails, "%s: %s", c->name, error.message);
    if (result < 0) continue;
    cr_expect_eq(p.state, c->state, "%s", c->name);
    cr_expect_str_eq(p.product_id, c->product, "%s", c->name);
    cr_expect_eq(p.expires_ms, c->expires_ms, "%s: %lld", c->name, (long long)p.expires_ms);
    cr_expect(p.acknowledged && p.quantity == 1 && !p.consumed, "%s", c->name);
  }
}

Test(google_purchase, what_comes_with_a_subscription) {
  _cleanup_(json_freep) cJSON *answer =
      tree(SUBSCRIPTION("ACTIVE",
                        "{\"productId\":\"pro\",\"expiryTime\":\"" JULY "\",\"latestSuccessfulOrderId\":\"GPA.1..3\","
                        "\"autoRenewingPlan\":{}}",
                        ",\"linkedPurchaseToken\":\"old\",\"testPurchase\":{},"
                        "\"externalAccountIdentifiers\":{\"obfuscatedExternalAccountId\":\"u-1\"}"));
  struct purchase p;
  cr_assert_eq(google_subscription_read(answer, "tok", "pro", NOW_MS, &p, NULL), 0);
  cr_expect_str_eq(p.order_id, "GPA.1..3");
  cr_expect_str_eq(p.linked_token, "old");
  cr_expect_str_eq(p.account, "u-1");
  cr_expect(p.test && !p.auto_renew);
  cr_expect_str_eq(p.environment, "sandbox");
  cr_expect_eq(p.purchased_ms, 1650652798270);
}

Test(google_purchase, voided) {
  static const struct {
    const char *item, *token;
    bool partial;
  } cases[] = {
      {"{\"kind\":\"androidpublisher#voidedPurchase\",\"purchaseToken\":\"t\",\"purchaseTimeMillis\":\"1468825200000\","
       "\"voidedTimeMillis\":\"1469430000000\",\"orderId\":\"GPA.1\",\"voidedSource\":0,\"voidedReason\":4}",
       "t", false},
      {"{\"purchaseToken\":\"t\",\"voidedQuantity\":2}", "t", true},
      {"{\"orderId\":\"GPA.1\"}", NULL, false},
      {"{\"purchaseToken\":\"\"}", NULL, false},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_(json_freep) cJSON *item = tree(cases[i].item);
    struct google_voided voided;
    struct error error;
    cr_assert_eq(google_voided_read(item, &voided, &error), cases[i].token ? 0 : -1, "%s", cases[i].item);
    if (!cases[i].token) continue;
    cr_expect_str_eq(voided.token, cases[i].token);
    cr_expect_eq(voided.partial, cases[i].partial);
  }
}

#define TOLD(what) "{\"version\":\"1.0\",\"packageName\":\"com.some.thing\",\"eventTimeMillis\":\"1503349566168\"," what "}"

Test(google_purchase, notifications) {
  static const struct {
    const char *text;
    int kind; /* -1: refused */
    const char *token, *product;
  } cases[] = {
      {TOLD("\"subscriptionNotification\":{\"version\":\"1.0\",\"notificationType\":4,\"purchaseToken\":\"T\",\"subscriptionId\":"
            "\"monthly\"}"),
       GOOGLE_SUBSCRIPTION, "T", "monthly"},
      {TOLD("\"subscriptionNotification\":{\"version\":\"1.0\",\"notificationType\":4,\"purchaseToken\":\"T\"}"), GOOGLE_SUBSCRIPTION, "T",
       NULL},
      {TOLD("\"oneTimeProductNotification\":{\"version\":\"1.0\",\"notificationType\":1,\"purchaseToken\":\"T\",\"sku\":\"sword\"}"),
       GOOGLE_PRODUCT, "T", "sword"},
      {TOLD("\"voidedPurchaseNotification\":{\"purchaseToken\":\"T\",\"orderId\":\"GS.1\",\"productType\":1,\"refundType\":1}"),
       GOOGLE_VOIDED, "T", NULL},
      {TOLD("\"testNotification\":{\"version\":\"1.0\"}"), GOOGLE_TEST, NULL, NULL},
      {TOLD("\"somethingNewNotification\":{}"), GOOGLE_OTHER, NULL, NULL},
      {TOLD("\"oneTimeProductNotification\":{\"purchaseToken\":\"T\"}"), -1, NULL, NULL},
      {TOLD("\"subscriptionNotification\":{}"), -1, NULL, NULL},
      {"{\"testNotification\":{}}", -1, NULL, NULL},
      {"[]", -1, NULL, NULL},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_(json_freep) cJSON *json = tree(cases[i].text);
    struct google_notification n;
    struct error error;
    cr_assert_eq(google_notification_read(json, &n, &error), cases[i].kind < 0 ? -1 : 0, "%s", cases[i].text);
    if (cases[i].kind < 0) continue;
    cr_expect_eq((int)n.kind, cases[i].kind, "%s", cases[i].text);
    cr_expect(cases[i].token ? n.token && !strcmp(n.token, cases[i].token) : !n.token, "%s", cases[i].text);
    cr_expect(cases[i].product ? n.product_id && !strcmp(n.product_id, cases[i].product) : !n.product_id, "%s", cases[i].text);
    cr_expect_str_eq(n.package, "com.some.thing");
  }
}
