#include "iap/google_purchase.h"

#include "base/clock.h"
#include "base/number.h"

#include <string.h>

const struct json_limits google_limits = {.max_bytes = 4 << 20, .max_depth = 32};

enum { QUANTITY_MAX = 1000000 };

/* "1700000000000", or the number itself; 0 where it is neither. */
static int64_t long_at(const cJSON *object, const char *name) {
  int64_t value = json_int(object, name, 0);
  const char *text = json_string(object, name, NULL);
  if (text && parse_int64(text, 0, JSON_INT_MAX, &value) < 0) return 0;
  return value > 0 ? value : 0;
}

static int64_t time_at(const cJSON *object, const char *path) {
  int64_t ms;
  return parse_rfc3339(json_string(object, path, NULL), &ms) == 0 ? ms : 0;
}

static const char *text_at(const cJSON *object, const char *path) {
  const char *text = json_string(object, path, NULL);
  return text && *text ? text : NULL;
}

static bool same(const char *a, const char *b) { return a && b && strcmp(a, b) == 0; }

/* ---- one-time products ---- */

static int read_quantity(const cJSON *answer, struct purchase *p, struct error *error) {
  int64_t quantity = json_int(answer, "quantity", 1), refundable = json_int(answer, "refundableQuantity", quantity);
  if (quantity < 1 || quantity > QUANTITY_MAX || refundable < 0 || refundable > quantity)
    return error_set(error, ERROR_INVALID, "Google's answer has a quantity that makes no sense");
  p->quantity = (int)quantity;
  p->refunded_quantity = (int)(quantity - refundable);
  return 0;
}

int google_product_read(const cJSON *answer, const char *token, const char *product_id, int64_t observed_ms, struct purchase *ret,
                        struct error *error) {
  static const enum purchase_state states[] = {PURCHASE_ACTIVE, PURCHASE_REFUNDED, PURCHASE_PENDING};
  /* the state of what was bought is 0, which Google leaves out at times; what bears no time is no purchase */
  int64_t state = json_member(answer, "purchaseState") ? json_int(answer, "purchaseState", -1) : 0,
          purchased_ms = long_at(answer, "purchaseTimeMillis");
  const char *told = text_at(answer, "productId");
  if (!purchased_ms || state < 0 || state >= (int64_t)ELEMENTS(states))
    return error_set(error, ERROR_INVALID, "Google's answer is no purchase of a product");
  if (told && strcmp(told, product_id) != 0) return error_set(error, ERROR_NOT_FOUND, "the purchase is of another product");
  bool test = json_member(answer, "purchaseType") && json_int(answer, "purchaseType", -1) == 0;
  struct purchase p = {.store = "google",
                       .environment = test ? "sandbox" : "production",
                       .token = token,
                       .type = PURCHASE_PRODUCT,
                       .state = states[state],
                       .product_id = product_id,
                       .order_id = text_at(answer, "orderId"),
                       .account = text_at(answer, "obfuscatedExternalAccountId"),
                       .observed_ms = observed_ms,
                       .purchased_ms = purchased_ms,
                       .test = test,
                       .acknowledged = json_int(answer, "acknowledgementState", 0) == 1,
                       .consumed = json_int(answer, "consumptionState", 0) == 1};
  if (read_quantity(answer, &p, error) < 0) return -1;
  return *ret = p, 0;
}

/* ---- subscriptions ---- */

static const struct {
  const char *name;
  enum purchase_state state;
} subscription_states[] = {
    {"SUBSCRIPTION_STATE_PENDING", PURCHASE_PENDING},       {"SUBSCRIPTION_STATE_ACTIVE", PURCHASE_ACTIVE},
    {"SUBSCRIPTION_STATE_IN_GRACE_PERIOD", PURCHASE_GRACE}, {"SUBSCRIPTION_STATE_CANCELED", PURCHASE_CANCELLED},
    {"SUBSCRIPTION_STATE_ON_HOLD", PURCHASE_HOLD},          {"SUBSCRIPTION_STATE_PAUSED", PURCHASE_PAUSED},
    {"SUBSCRIPTION_STATE_EXPIRED", PURCHASE_EXPIRED},       {"SUBSCRIPTION_STATE_PENDING_PURCHASE_CANCELED", PURCHASE_REFUNDED},
};

static int read_state(const cJSON *answer, enum purchase_state *ret, struct error *error) {
  const char *name = text_at(answer, "subscriptionState");
  for (size_t i = 0; i < ELEMENTS(subscription_states); i++)
    if (same(name, subscription_states[i].name)) return *ret = subscription_states[i].state, 0;
  return error_set(error, ERROR_INVALID, "Google's answer is no subscription, or in a state that is not known");
}

/* What the item becomes when its period ends: it was exchanged, but not at once. */
static const char *successor_of(const cJSON *item) { return text_at(item, "deferredItemReplacement.productId"); }

/* Not in effect before the item that it succeeds has ended, though it is listed with an end already. */
static bool is_still_to_come(const cJSON *items, const cJSON *item, int64_t now_ms) {
  const cJSON *other;
  cJSON_ArrayForEach(other, items) {
    if (other != item && time_at(other, "expiryTime") > now_ms && same(successor_of(other), text_at(item, "productId"))) return true;
  }
  return false;
}

/* The item of PRODUCT_ID, or the one that will become it; of several, or for NULL, the one that ends last. */
static const cJSON *find_item(const cJSON *answer, const char *product_id, int64_t now_ms) {
  const cJSON *item, *found = NULL, *items = json_member(answer, "lineItems");
  cJSON_ArrayForEach(item, items) {
    const char *id = text_at(item, "productId");
    if (!id || is_still_to_come(items, item, now_ms)) continue;
    if (product_id && !same(id, product_id) && !same(successor_of(item), product_id)) continue;
    if (!found || time_at(item, "expiryTime") > time_at(found, "expiryTime")) found = item;
  }
  return found;
}

int google_subscription_read(const cJSON *answer, const char *token, const char *product_id, int64_t observed_ms, struct purchase *ret,
                             struct error *error) {
  enum purchase_state state = PURCHASE_PENDING; /* gcc does not see that read_state sets it */
  if (read_state(answer, &state, error) < 0) return -1;
  const cJSON *item = find_item(answer, product_id, observed_ms);
  if (!item) return error_set(error, ERROR_NOT_FOUND, "the subscription is to another product");
  const char *order = text_at(item, "latestSuccessfulOrderId");
  bool test = cJSON_IsObject(json_member(answer, "testPurchase"));
  struct purchase p = {.store = "google",
                       .environment = test ? "sandbox" : "production",
                       .token = token,
                       .type = PURCHASE_SUBSCRIPTION,
                       .state = state,
                       .product_id = text_at(item, "productId"),
                       .order_id = order ? order : text_at(answer, "latestOrderId"),
                       .linked_token = text_at(answer, "linkedPurchaseToken"),
                       .account = text_at(answer, "externalAccountIdentifiers.obfuscatedExternalAccountId"),
                       .observed_ms = observed_ms,
                       .purchased_ms = time_at(answer, "startTime"),
                       .expires_ms = time_at(item, "expiryTime"),
                       .quantity = 1,
                       .auto_renew = json_bool(item, "autoRenewingPlan.autoRenewEnabled", false),
                       .test = test,
                       .acknowledged = same(text_at(answer, "acknowledgementState"), "ACKNOWLEDGEMENT_STATE_ACKNOWLEDGED")};
  /* without an end it would give its plan for ever */
  bool gives = state == PURCHASE_ACTIVE || state == PURCHASE_GRACE || state == PURCHASE_CANCELLED;
  if (gives && !p.expires_ms) return error_set(error, ERROR_INVALID, "Google's answer is a subscription without an end");
  return *ret = p, 0;
}

/* ---- what was taken back ---- */

int google_voided_read(const cJSON *item, struct google_voided *ret, struct error *error) {
  struct google_voided voided = {text_at(item, "purchaseToken"), text_at(item, "orderId"), json_int(item, "voidedQuantity", 0) > 0};
  if (!voided.token) return error_set(error, ERROR_INVALID, "Google's list of voided purchases has one without a token");
  return *ret = voided, 0;
}

/* ---- notifications ---- */

static const struct {
  const char *name;
  enum google_notification_kind kind;
  const char *product;
} notifications[] = {
    {"subscriptionNotification", GOOGLE_SUBSCRIPTION, "subscriptionId"},
    {"oneTimeProductNotification", GOOGLE_PRODUCT, "sku"},
    {"voidedPurchaseNotification", GOOGLE_VOIDED, "-"},
    {"testNotification", GOOGLE_TEST, "-"},
};

int google_notification_read(const cJSON *notification, struct google_notification *ret, struct error *error) {
  struct google_notification n = {.kind = GOOGLE_OTHER, .package = text_at(notification, "packageName")};
  if (!n.package) return error_set(error, ERROR_INVALID, "the notification names no package");
  for (size_t i = 0; i < ELEMENTS(notifications); i++) {
    const cJSON *told = json_member(notification, notifications[i].name);
    if (!cJSON_IsObject(told)) continue;
    n.kind = notifications[i].kind;
    n.token = text_at(told, "purchaseToken");
    n.product_id = text_at(told, notifications[i].product);
    break;
  }
  if (n.kind < GOOGLE_OTHER && n.kind != GOOGLE_TEST && !n.token)
    return error_set(error, ERROR_INVALID, "the notification names no purchase");
  if (n.kind == GOOGLE_PRODUCT && !n.product_id) return error_set(error, ERROR_INVALID, "the notification names no product");
  return *ret = n, 0;
}
