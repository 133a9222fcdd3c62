/* POST /api/iap/google/verify: what the asking profile bought at Google Play.
 *
 *     {"packageName": "com.example", "productId": "coins_100", "purchaseToken": "…", "type": "product" | "subscription"}
 *     200 {"ok":true,"purchase":{"store":"google","productId":"coins_100","type":"product","state":"active",…},"entitlements":{…}}
 *
 * `type` may also be Play Billing's own word, inapp or subs. The client grants nothing by itself: `state` says how the purchase is, and
 * `entitlements` what the profile owns now. Asked again while nothing has changed, the answer is the same to the byte.
 *   202  pending: not paid yet; the profile gets it when it is, without asking again
 *   403  bought for another account, or a test purchase of a profile that may make none
 *   409  another profile has it, or Google has taken it back
 *   422  Google doesn't know such a purchase, or the catalogue such a product
 *   503  with Retry-After: Google can't be asked */
#include "crypto/digest.h"
#include "iap/google.h"
#include "iap/outbox.h"
#include "routes/bodies.h"
#include "routes/call.h"
#include "routes/handlers.h"

#include "base/clock.h"

#include <string.h>

enum { PRODUCT_MAX = 256, TOKEN_MAX = 2048, AWAY_S = 5 };

struct verifying {
  struct request *request;
  struct google_call call;
  struct db_query query;
  const char *product_id, *token; /* of the body */
  enum purchase_type type;
  enum purchase_state seen;
  int64_t asked_ms;
};

const struct field google_rules[] = {{"packageName", FIELD_TEXT, true, 1, 256},
                                     {"productId", FIELD_TEXT, true, 1, PRODUCT_MAX},
                                     {"purchaseToken", FIELD_TEXT, true, 1, TOKEN_MAX},
                                     {"type", FIELD_TEXT, true, 1, 32},
                                     {0}};

static int parse_type(const char *text, enum purchase_type *ret) {
  static const struct {
    const char *name;
    enum purchase_type type;
  } names[] = {
      {"product", PURCHASE_PRODUCT}, {"subscription", PURCHASE_SUBSCRIPTION}, {"inapp", PURCHASE_PRODUCT}, {"subs", PURCHASE_SUBSCRIPTION}};
  for (size_t i = 0; i < ELEMENTS(names); i++)
    if (strcmp(text, names[i].name) == 0) return *ret = names[i].type, 0;
  return -1;
}

/* ---- what goes wrong ---- */

static void tell_away(struct request *request, const struct error *error) {
  log_warn("Google can't be asked", log_str("reqId", request->id), log_err(error));
  int64_t wait_s = (error->after_ms + 999) / 1000;
  request_problem(request, &(struct problem){.type = PROBLEM_UNAVAILABLE,
                                             .detail = "Google can't be asked at the moment; try again.",
                                             .retry_after_s = wait_s > 0 && wait_s < 3600 ? (int)wait_s : AWAY_S});
}

/* People must be able to find both profiles; the purchase's token stays out of the log. */
static void log_refused(const struct verifying *v, const char *what, const char *holder) {
  char hash[SHA256_HEX_SIZE] = "";
  if (sha256_hex(v->token, strlen(v->token), hash) < 0) *hash = 0;
  log_warn(what, log_str("reqId", v->request->id), log_str("store", "google"), log_str("profile", call_of(v->request)->who.sub),
           log_str("holder", holder), log_str("tokenSha256", hash));
}

/* ---- the effect ---- */

static void answer(struct verifying *v, const struct purchase_outcome *outcome) {
  struct request *request = v->request;
  switch (outcome->result) {
    case PURCHASE_DONE: outbox_kick(app_of(request)->outbox); break;
    case PURCHASE_TAKEN:
      log_refused(v, "a purchase was asked for by a second profile", outcome->holder);
      request_refuse(request, PROBLEM_CONFLICT, "This purchase belongs to another profile.");
      return;
    case PURCHASE_MISMATCH:
      log_refused(v, "a purchase was asked for by another profile than the one that it was bought for", outcome->holder);
      request_refuse(request, PROBLEM_FORBIDDEN, "This purchase was made for another account.");
      return;
    case PURCHASE_UNKNOWN_PRODUCT:
      /* somebody has paid for what nobody can give */
      log_error("a purchase is of a product that the catalogue doesn't have", log_str("reqId", request->id),
                log_str("productId", v->product_id));
      fields_refuse(request, "productId", "is not in the catalogue");
      return;
    case PURCHASE_TOO_MANY: fields_refuse(request, "purchaseToken", "would bring the balance beyond what it can hold"); return;
    default: break;
  }
  if (v->seen == PURCHASE_REFUNDED) {
    request_refuse(request, PROBLEM_CONFLICT, "The store has taken this purchase back, or it was given up before it was paid.");
    return;
  }
  request_field(request, "Cache-Control", "no-store");
  request_answer(request, v->seen == PURCHASE_PENDING ? 202 : 200, "application/json", outcome->answer, strlen(outcome->answer));
}

static void on_applied(struct db_query *query, const PGresult *result, const struct error *error) {
  struct verifying *v = CONTAINER_OF(query, struct verifying, query);
  struct purchase_outcome outcome;
  struct error failure;
  if (error || purchase_read(result, &outcome, &failure) < 0) {
    call_fail(v->request, error ? error : &failure);
    return;
  }
  purchase_count(app_of(v->request)->metrics, "google", "verify", outcome.result);
  answer(v, &outcome);
}

/* ---- the purchase ---- */

static void apply(struct verifying *v, const struct purchase *seen) {
  struct request *request = v->request;
  const struct app *app = app_of(request);
  const char *profile = call_of(request)->who.sub;
  struct error error;
  if (seen->test && !purchase_sandbox_allowed(app->settings, profile)) {
    log_refused(v, "a test purchase was asked for by a profile that may make none", NULL);
    request_refuse(request, PROBLEM_FORBIDDEN, "This is a test purchase, and this profile may make none.");
    return;
  }
  v->seen = seen->state;
  v->query.done = on_applied;
  if (purchase_apply(&v->query, seen, &(struct purchase_claim){.profile = profile}, request->arena, &error) < 0 ||
      db_submit(app->db, &v->query, &error) < 0)
    call_fail(request, &error);
}

static void on_purchase(struct google_call *call, const cJSON *json, const struct error *error) {
  struct verifying *v = CONTAINER_OF(call, struct verifying, call);
  struct purchase seen;
  struct error failure = {0};
  if (!error && (v->type == PURCHASE_SUBSCRIPTION ? google_subscription_read(json, v->token, v->product_id, v->asked_ms, &seen, &failure)
                                                  : google_product_read(json, v->token, v->product_id, v->asked_ms, &seen, &failure)) < 0)
    error = &failure;
  if (!error)
    apply(v, &seen);
  else if (error->kind == ERROR_NOT_FOUND)
    fields_refuse(v->request, "purchaseToken", "is not one that Google knows for this product");
  else
    tell_away(v->request, error);
}

void iap_google_post(struct request *request) {
  struct call *call = call_of(request);
  struct app *app = app_of(request);
  struct verifying *v = call->own = arena_alloc(request->arena, sizeof *v);
  struct wrong_fields wrong = {.arena = request->arena};
  struct error error;
  fields_check(call->json, "", google_rules, &wrong);
  const char *package = json_string(call->json, "packageName", NULL), *type = json_string(call->json, "type", NULL);
  if (package && strcmp(package, app->settings->google_package_name) != 0)
    fields_wrong(&wrong, "", "packageName", "is not the app that this server sells for");
  if (v && type && parse_type(type, &v->type) < 0) fields_wrong(&wrong, "", "type", "must be product or subscription");
  if (fields_answer(request, &wrong)) return;
  if (!v || !google_is_set(&app->google)) {
    request_refuse(request, PROBLEM_UNAVAILABLE, v ? "GOOGLE_SERVICE_ACCOUNT_KEY is not set here." : NULL);
    return;
  }
  v->request = request;
  v->product_id = json_string(call->json, "productId", "");
  v->token = json_string(call->json, "purchaseToken", "");
  v->asked_ms = clock_real_ms();
  v->call.done = on_purchase;
  v->call.traceparent = call_traceparent(request);
  if (google_get_purchase(&app->google, &v->call, v->type, v->product_id, v->token, &error) < 0) tell_away(request, &error);
}

void iap_google_cancel(struct request *request) {
  struct verifying *v = call_of(request)->own;
  if (!v) return;
  google_cancel(&v->call);
  db_cancel(&v->query);
}
