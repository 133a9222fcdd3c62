/* POST /api/iap/apple/verify: what a profile bought in the App Store becomes its own. Takes the transaction as StoreKit shows it (its
 * jwsRepresentation), or its id, by which the App Store is asked. */
#include "base/clock.h"
#include "base/log.h"
#include "iap/apple_event.h"
#include "routes/bodies.h"
#include "routes/call.h"
#include "routes/handlers.h"

#include <string.h>

enum { SIGNED_MAX = 128 * 1024, ID_MAX = 64 };

struct verifying {
  struct request *request;
  struct db_query query;
  struct apple_call call;
  const char *field; /* which of the two the request has */
};

const struct field apple_rules[] = {
    {"signedPayload", FIELD_TEXT, false, 1, SIGNED_MAX}, {"transactionId", FIELD_TEXT, false, 1, ID_MAX}, {0}};

/* ---- the effect ---- */

static void answer(struct verifying *v, const struct purchase_outcome *outcome) {
  struct request *request = v->request;
  switch (outcome->result) {
    case PURCHASE_DONE:
    case PURCHASE_REPEATED:
    case PURCHASE_STALE:
      request_field(request, "Cache-Control", "no-store");
      request_answer(request, 200, "application/json", outcome->answer, strlen(outcome->answer));
      return;
    case PURCHASE_TAKEN: request_refuse(request, PROBLEM_CONFLICT, "Another profile has this purchase."); return;
    case PURCHASE_MISMATCH: request_refuse(request, PROBLEM_CONFLICT, "This was bought for another account."); return;
    case PURCHASE_UNKNOWN_PRODUCT: fields_refuse(request, v->field, "is of a product that the catalogue does not have"); return;
    case PURCHASE_TOO_MANY: fields_refuse(request, v->field, "would bring the balance beyond what it can hold"); return;
    case PURCHASE_DUPLICATE:
    case PURCHASE_UNKNOWN_PURCHASE:
    case PURCHASE_RESULTS: break; /* of events alone */
  }
  request_refuse(request, PROBLEM_INTERNAL, NULL);
}

static void log_outcome(const struct verifying *v, const struct purchase_outcome *outcome) {
  bool disputed = outcome->result == PURCHASE_TAKEN || outcome->result == PURCHASE_MISMATCH;
  bool unknown = outcome->result == PURCHASE_UNKNOWN_PRODUCT;
  purchase_count(app_of(v->request)->metrics, "apple", "verify", outcome->result);
  log_line(unknown    ? LOG_ERROR
           : disputed ? LOG_WARN
                      : LOG_INFO,
           "a purchase was shown", log_str("store", "apple"), log_str("result", purchase_result_name(outcome->result)),
           log_str("profile", call_of(v->request)->who.sub), log_str("holder", disputed ? outcome->holder : NULL),
           log_str("reqId", v->request->id));
}

static void on_applied(struct db_query *query, const PGresult *result, const struct error *error) {
  struct verifying *v = CONTAINER_OF(query, struct verifying, query);
  struct purchase_outcome outcome;
  struct error failure;
  if (error || purchase_read(result, &outcome, &failure) < 0) {
    call_fail(v->request, error ? error : &failure);
    return;
  }
  log_outcome(v, &outcome);
  answer(v, &outcome);
}

/* ---- the transaction ---- */

static void apply(struct verifying *v, const char *text) {
  struct request *request = v->request;
  struct app *app = app_of(request);
  const char *profile = call_of(request)->who.sub;
  _cleanup_(json_freep) cJSON *payload = NULL;
  struct apple_transaction transaction;
  struct error error = {0};
  if (apple_transaction_verify(&app->apple, text, &payload, &transaction, &error) < 0) {
    log_warn("a purchase is refused", log_str("store", "apple"), log_str("profile", profile), log_err(&error),
             log_str("reqId", request->id));
    fields_refuse(request, v->field, error.message);
    return;
  }
  if (!strcmp(transaction.environment, "sandbox") && !purchase_sandbox_allowed(app->settings, profile)) {
    request_refuse(request, PROBLEM_FORBIDDEN, "This was bought in the sandbox, where nobody pays.");
    return;
  }
  struct purchase seen = apple_purchase(&transaction, clock_real_ms());
  struct purchase_claim claim = {.profile = profile};
  v->query.done = on_applied;
  if (apple_apply(&v->query, &seen, &claim, true, false, request->arena, &error) < 0 || db_submit(app->db, &v->query, &error) < 0)
    call_fail(request, &error);
}

static void on_transaction(struct apple_call *call, const cJSON *json, const struct error *error) {
  struct verifying *v = CONTAINER_OF(call, struct verifying, call);
  const char *text = json_string(json, "signedTransactionInfo", NULL);
  struct error nothing = {.kind = ERROR_RETRY, .message = "the App Store's answer holds no transaction"};
  if (error && error->kind == ERROR_NOT_FOUND)
    fields_refuse(v->request, v->field, "is not known to the App Store");
  else if (error || !text)
    call_fail(v->request, error ? error : &nothing);
  else
    apply(v, text);
}

static void ask(struct verifying *v, const char *id) {
  struct request *request = v->request;
  struct apple_api *api = &app_of(request)->apple.api;
  const char *missing = apple_api_missing(api);
  struct error error = {0};
  if (missing) {
    char *detail = arena_printf(request->arena, "%s is not set, so the App Store can't be asked; send signedPayload.", missing);
    request_refuse(request, PROBLEM_UNAVAILABLE, detail);
    return;
  }
  v->call.done = on_transaction;
  v->call.traceparent = call_traceparent(request);
  if (apple_api_get_transaction(api, &v->call, id, &error) < 0) call_fail(request, &error);
}

/* ---- the request ---- */

void iap_apple_verify(struct request *request) {
  struct call *call = call_of(request);
  struct wrong_fields wrong = {.arena = request->arena};
  const char *text = json_string(call->json, "signedPayload", NULL), *id = json_string(call->json, "transactionId", NULL);
  fields_check(call->json, "", apple_rules, &wrong);
  if (!json_member(call->json, "signedPayload") == !json_member(call->json, "transactionId"))
    fields_wrong(&wrong, "", "signedPayload", "or transactionId, exactly one, is required");
  if (id && !apple_is_id(id)) fields_wrong(&wrong, "", "transactionId", "must be 1 to 64 digits");
  if (fields_answer(request, &wrong)) return;
  struct verifying *v = call->own = arena_alloc(request->arena, sizeof *v);
  if (!v) {
    request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
    return;
  }
  v->request = request;
  v->field = text ? "signedPayload" : "transactionId";
  if (text)
    apply(v, text);
  else
    ask(v, id);
}

void iap_apple_cancel(struct request *request) {
  struct verifying *v = call_of(request)->own;
  if (!v) return;
  db_cancel(&v->query);
  apple_api_cancel(&v->call);
}
