#include "iap/purchase.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "store/statements.h"

#include <stdio.h>
#include <string.h>

enum { PURCHASE_TEXT_MAX = 32 * 1024 };

static const char *const types[] = {[PURCHASE_PRODUCT] = "product", [PURCHASE_SUBSCRIPTION] = "subscription"};
static const char *const states[PURCHASE_STATES] = {
    [PURCHASE_PENDING] = "pending", [PURCHASE_ACTIVE] = "active", [PURCHASE_GRACE] = "grace",     [PURCHASE_CANCELLED] = "cancelled",
    [PURCHASE_HOLD] = "hold",       [PURCHASE_PAUSED] = "paused", [PURCHASE_EXPIRED] = "expired", [PURCHASE_REFUNDED] = "refunded"};
static const char *const results[PURCHASE_RESULTS] = {[PURCHASE_DONE] = "done",
                                                      [PURCHASE_REPEATED] = "repeated",
                                                      [PURCHASE_STALE] = "stale",
                                                      [PURCHASE_DUPLICATE] = "duplicate",
                                                      [PURCHASE_TAKEN] = "taken",
                                                      [PURCHASE_MISMATCH] = "mismatch",
                                                      [PURCHASE_TOO_MANY] = "too_many",
                                                      [PURCHASE_UNKNOWN_PRODUCT] = "unknown_product",
                                                      [PURCHASE_UNKNOWN_PURCHASE] = "unknown_purchase"};

static void put_text(struct buffer *to, const char *name, const char *value) {
  if (!value) return;
  buffer_printf(to, ",\"%s\":", name);
  buffer_json_string(to, value, strlen(value));
}

static void put_time(struct buffer *to, const char *name, int64_t ms) {
  char text[RFC3339_SIZE];
  if (!ms) return;
  format_rfc3339_micro(ms * 1000, text);
  put_text(to, name, text);
}

static void put_bool(struct buffer *to, const char *name, bool value) { buffer_printf(to, ",\"%s\":%s", name, value ? "true" : "false"); }

/* By the names of iap_purchase's columns. */
static void put_purchase(struct buffer *to, const struct purchase *p) {
  buffer_printf(to, "{\"quantity\":%d,\"refunded_quantity\":%d", p->quantity ? p->quantity : 1, p->refunded_quantity);
  put_text(to, "store", p->store);
  put_text(to, "environment", p->environment);
  put_text(to, "token", p->token);
  put_text(to, "type", types[p->type]);
  put_text(to, "state", states[p->state]);
  put_text(to, "product_id", p->product_id);
  put_text(to, "order_id", p->order_id);
  put_text(to, "linked_token", p->linked_token);
  put_text(to, "account", p->account);
  put_time(to, "observed_at", p->observed_ms);
  put_time(to, "purchased_at", p->purchased_ms);
  put_time(to, "expires_at", p->expires_ms);
  put_bool(to, "auto_renew", p->auto_renew);
  put_bool(to, "test", p->test);
  put_bool(to, "acknowledged", p->acknowledged);
  put_bool(to, "consumed", p->consumed);
  buffer_puts(to, "}");
}

int purchase_apply(struct db_query *query, const struct purchase *seen, const struct purchase_claim *claim, struct arena *arena,
                   struct error *error) {
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, PURCHASE_TEXT_MAX);
  put_purchase(&text, seen);
  if (text.failed) return error_set(error, ERROR_INVALID, "the purchase is larger than %d bytes", PURCHASE_TEXT_MAX);
  const char *kept = arena_strndup(arena, buffer_text(&text), text.len);
  if (!kept) return error_oom(error);
  const char *values[] = {kept, claim->profile, claim->event, claim->event_sha256, claim->event_payload};
  query->statement = STATEMENT_IAP_APPLY;
  for (unsigned i = 0; i < ELEMENTS(values); i++) db_parameter(query, i, values[i]);
  return 0;
}

int purchase_read(const PGresult *result, struct purchase_outcome *ret, struct error *error) {
  const char *text = db_rows(result) == 1 ? db_text(result, 0, 0) : NULL;
  for (size_t i = 0; text && i < PURCHASE_RESULTS; i++) {
    if (strcmp(text, results[i]) != 0) continue;
    *ret = (struct purchase_outcome){(enum purchase_result)i, db_text(result, 0, 1), db_text(result, 0, 2)};
    return 0;
  }
  return error_set(error, ERROR_BUG, "iap_apply gave what is not known");
}

const char *purchase_result_name(enum purchase_result result) { return results[result]; }

void purchase_count(struct metrics *metrics, const char *store, const char *via, enum purchase_result result) {
  char labels[96];
  (void)snprintf(labels, sizeof labels, "store=\"%s\",via=\"%s\",result=\"%s\"", store, via, results[result]);
  series_add(metrics_series(metrics, METRIC_IAP_PURCHASES, labels), 1);
}

/* Steps through a list separated by commas and spaces. */
static bool list_holds(const char *list, const char *text) {
  size_t wanted = strlen(text);
  for (const char *at = list; *at;) {
    size_t n = strcspn(at, ", ");
    if (n && n == wanted && memcmp(at, text, n) == 0) return true;
    at += n + (at[n] != 0);
  }
  return false;
}

bool purchase_sandbox_allowed(const struct settings *settings, const char *profile) {
  return !settings->iap_strict || list_holds(settings->iap_sandbox_profiles, profile);
}
