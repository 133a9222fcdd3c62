/* What the App Store says, once its signature is known to be right, each tried with every reader: refused with a sentence, or something that makes
 * sense, for our app alone.
 */
#include "iap/apple_payload.h"
#include "testing/fuzz.h"

#include <string.h>

static const struct apple_identity us = {.bundle_id = "com.example.app", .app_id = 1234567890};

static void check_refusal(const struct error *error) {
  demand((error->kind == ERROR_INVALID || error->kind == ERROR_FORBIDDEN) && *error->message);
}

static bool is_place(const char *environment) { return !strcmp(environment, "production") || !strcmp(environment, "sandbox"); }

static void check_transaction(const cJSON *json, const struct apple_transaction *t) {
  demand(!strcmp(json_string(json, "bundleId", ""), us.bundle_id) && is_place(t->environment));
  demand(apple_is_id(t->token) && apple_is_id(t->id) && *t->product_id && strlen(t->product_id) <= 256);
  demand(t->signed_ms > 0 && t->purchased_ms > 0 && t->expires_ms >= 0 && t->revoked_ms >= 0);
  demand(t->type != APPLE_SUBSCRIPTION || t->expires_ms);
  demand(t->quantity >= 1 && t->revoked_quantity >= 0 && t->revoked_quantity <= t->quantity && (t->revoked_ms || !t->revoked_quantity));
}

static void check_notification(const cJSON *json, const struct apple_notification *n) {
  demand(*n->id && *n->type && n->subtype && n->signed_ms > 0 && n->status <= APPLE_REVOKED);
  demand(!n->environment || is_place(n->environment));
  if (!n->environment) return;
  demand(!strcmp(json_string(json, "data.bundleId", ""), us.bundle_id));
  demand(!strcmp(n->environment, "sandbox") || json_int(json, "data.appAppleId", 0) == us.app_id);
}

static void read_all(const cJSON *json) {
  struct apple_transaction transaction;
  struct apple_renewal renewal;
  struct apple_notification notification;
  struct error error = {0};
  if (apple_transaction_read(json, &us, &transaction, &error) == 0)
    check_transaction(json, &transaction);
  else
    check_refusal(&error);
  if (apple_renewal_read(json, &renewal, &error) == 0)
    demand(is_place(renewal.environment) && apple_is_id(renewal.token) && renewal.grace_until_ms >= 0);
  else
    check_refusal(&error);
  if (apple_notification_read(json, &us, &notification, &error) == 0)
    check_notification(json, &notification);
  else
    check_refusal(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static const struct json_limits limits = {.max_bytes = 1 << 20, .max_depth = 16, .max_keys = 256, .no_duplicate_keys = true};
  cJSON *json = NULL;
  if (json_parse((const char *)data, n, &limits, &json, NULL) < 0) return 0;
  read_all(json);
  cJSON_Delete(json);
  return 0;
}
