#include "iap/apple_payload.h"

#include <string.h>

enum { QUANTITY_MAX = 1000000, WHOLE = 100000 /* revocationPercentage is in thousandths */ };

static const int64_t last_ms = 253402300799999; /* of the year 9999 */

static const struct {
  const char *name;
  enum apple_type type;
} types[] = {
    {"Consumable", APPLE_CONSUMABLE}, {"Non-Consumable", APPLE_NON_CONSUMABLE}, {"Auto-Renewable Subscription", APPLE_SUBSCRIPTION}};

static const struct { const char *name, *ours; } environments[] = {{"Production", "production"}, {"Sandbox", "sandbox"}};

bool apple_is_id(const char *text) {
  size_t n = strlen(text);
  return n >= 1 && n <= 64 && strspn(text, "0123456789") == n;
}

static int wrong(struct error *error, const char *what, const char *member) {
  return error_set(error, ERROR_INVALID, "%s has no usable %s", what, member);
}

static int read_id(const cJSON *payload, const char *what, const char *member, const char **ret, struct error *error) {
  const char *text = json_string(payload, member, "");
  if (!apple_is_id(text)) return wrong(error, what, member);
  *ret = text;
  return 0;
}

/* 0 where it is absent; REQUIRED: then it is wrong. */
static int read_time(const cJSON *payload, const char *what, const char *member, bool required, int64_t *ret, struct error *error) {
  int64_t ms = json_int(payload, member, 0);
  if (ms < 0 || ms > last_ms || (!ms && (required || json_member(payload, member)))) return wrong(error, what, member);
  *ret = ms;
  return 0;
}

/* "Xcode" and "LocalTesting" are signed by nobody whom we trust, and named here all the same. */
static int read_environment(const cJSON *payload, const char *what, const char *path, const char **ret, struct error *error) {
  const char *name = json_string(payload, path, "");
  for (size_t i = 0; i < ELEMENTS(environments); i++)
    if (!strcmp(name, environments[i].name)) return *ret = environments[i].ours, 0;
  return error_set(error, ERROR_FORBIDDEN, "%s is neither of the App Store nor of its sandbox", what);
}

static int check_bundle(const char *bundle_id, const char *what, const struct apple_identity *us, struct error *error) {
  if (!strcmp(bundle_id, us->bundle_id)) return 0;
  return error_set(error, ERROR_FORBIDDEN, "%s is for another app than %s", what, us->bundle_id);
}

static int read_type(const cJSON *payload, enum apple_type *ret, struct error *error) {
  const char *name = json_string(payload, "type", "");
  for (size_t i = 0; i < ELEMENTS(types); i++)
    if (!strcmp(name, types[i].name)) return *ret = types[i].type, 0;
  return error_set(error, ERROR_INVALID, "the transaction is of a type that is not sold here");
}

static int read_quantity(const cJSON *payload, struct apple_transaction *into, struct error *error) {
  int64_t quantity = json_int(payload, "quantity", 1), part = json_int(payload, "revocationPercentage", WHOLE);
  if (quantity < 1 || quantity > QUANTITY_MAX || part < 0 || part > WHOLE) return wrong(error, "the transaction", "quantity");
  bool partly = !strcmp(json_string(payload, "revocationType", ""), "REFUND_PRORATED");
  into->quantity = (int)quantity;
  into->revoked_quantity = !into->revoked_ms ? 0 : partly ? (int)(quantity * part / WHOLE) : (int)quantity;
  return 0;
}

int apple_transaction_read(const cJSON *payload, const struct apple_identity *us, struct apple_transaction *ret, struct error *error) {
  static const char what[] = "the transaction";
  struct apple_transaction t = {.product_id = json_string(payload, "productId", ""),
                                .account = json_string(payload, "appAccountToken", NULL),
                                .upgraded = json_bool(payload, "isUpgraded", false)};
  const char *original;
  if (check_bundle(json_string(payload, "bundleId", ""), what, us, error) < 0 ||
      read_environment(payload, what, "environment", &t.environment, error) < 0 || read_type(payload, &t.type, error) < 0 ||
      read_id(payload, what, "transactionId", &t.id, error) < 0 || read_id(payload, what, "originalTransactionId", &original, error) < 0 ||
      read_time(payload, what, "signedDate", true, &t.signed_ms, error) < 0 ||
      read_time(payload, what, "purchaseDate", true, &t.purchased_ms, error) < 0 ||
      read_time(payload, what, "expiresDate", t.type == APPLE_SUBSCRIPTION, &t.expires_ms, error) < 0 ||
      read_time(payload, what, "revocationDate", false, &t.revoked_ms, error) < 0 || read_quantity(payload, &t, error) < 0)
    return -1;
  if (!*t.product_id || strlen(t.product_id) > 256) return wrong(error, what, "productId");
  t.token = t.type == APPLE_CONSUMABLE ? t.id : original;
  *ret = t;
  return 0;
}

int apple_renewal_read(const cJSON *payload, struct apple_renewal *ret, struct error *error) {
  static const char what[] = "the renewal information";
  struct apple_renewal r = {.renews = json_int(payload, "autoRenewStatus", 1) != 0};
  if (read_environment(payload, what, "environment", &r.environment, error) < 0 ||
      read_id(payload, what, "originalTransactionId", &r.token, error) < 0 ||
      read_time(payload, what, "gracePeriodExpiresDate", false, &r.grace_until_ms, error) < 0)
    return -1;
  *ret = r;
  return 0;
}

/* `data` of a purchase, `summary` of a job that extended many, `appData` of an installation. Others are about none of our apps in particular. */
static int check_app(const cJSON *payload, const struct apple_identity *us, struct apple_notification *into, struct error *error) {
  static const char *const members[] = {"data", "summary", "appData"};
  static const char what[] = "the notification";
  for (size_t i = 0; i < ELEMENTS(members); i++) {
    const cJSON *about = json_member(payload, members[i]);
    if (!about) continue;
    const char *environment;
    if (check_bundle(json_string(about, "bundleId", ""), what, us, error) < 0 ||
        read_environment(about, what, "environment", &environment, error) < 0)
      return -1;
    if (!strcmp(environment, "production")) {
      if (!us->app_id) return error_set(error, ERROR_TERMINAL, "APPLE_APP_ID is not set");
      if (json_int(about, "appAppleId", 0) != us->app_id)
        return error_set(error, ERROR_FORBIDDEN, "%s is for another app than %lld", what, (long long)us->app_id);
    }
    if (i == 0) into->environment = environment;
  }
  return 0;
}

int apple_notification_read(const cJSON *payload, const struct apple_identity *us, struct apple_notification *ret, struct error *error) {
  static const char what[] = "the notification";
  struct apple_notification n = {.id = json_string(payload, "notificationUUID", ""),
                                 .type = json_string(payload, "notificationType", ""),
                                 .subtype = json_string(payload, "subtype", ""),
                                 .transaction = json_string(payload, "data.signedTransactionInfo", NULL),
                                 .renewal = json_string(payload, "data.signedRenewalInfo", NULL)};
  int64_t status = json_int(payload, "data.status", APPLE_STATUS_NONE);
  if (!*n.id || strlen(n.id) > 64) return wrong(error, what, "notificationUUID");
  if (!*n.type || strlen(n.type) > 64) return wrong(error, what, "notificationType");
  if (status >= APPLE_ACTIVE && status <= APPLE_REVOKED) n.status = (enum apple_status)status;
  if (read_time(payload, what, "signedDate", true, &n.signed_ms, error) < 0 || check_app(payload, us, &n, error) < 0) return -1;
  *ret = n;
  return 0;
}
