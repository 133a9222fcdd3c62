/* POST /api/webhooks/collabpay: what CollabPay tells of payments, signed (auth/signature.h).
 *
 * Answers: 200, it took effect, now or before, or is of no use to us; 202, kept until the catalogue has its product; 409, the same payment with
 * another body; 422, fields that are missing or wrong, or more coins than a balance holds; 503, sent again later. Fields that we don't know are
 * passed over: the sender may add some. */
#include "base/log.h"
#include "routes/bodies.h"
#include "routes/body_digest.h"
#include "routes/call.h"
#include "routes/handlers.h"
#include "store/entitlements.h"
#include "store/payment.h"

#include <string.h>

enum { PROFILE_MAX = 256, PRODUCT_MAX = 256, PLAN_MAX = 256, EVENT_MAX = 64 };

struct hearing {
  struct request *request;
  struct payment payment;
  struct payment_call call;
  char body_sha256[SHA256_HEX_SIZE];
};

#define COMMON                                                                                     \
  {"event", FIELD_TEXT, true, 1, EVENT_MAX}, {"paymentId", FIELD_TEXT, true, 1, PAYMENT_ID_MAX}, { \
    "profileId", FIELD_TEXT, true, 1, PROFILE_MAX                                                  \
  }
#define PLAN \
  {"plan", FIELD_TEXT, true, 1, PLAN_MAX}, { "expiresAt", FIELD_TIME, false, 0, 0 }

const struct field collabpay_rules[PAYMENT_EVENTS][COLLABPAY_FIELDS] = {
    [PAYMENT_SUCCEEDED] = {COMMON,
                           {"productId", FIELD_TEXT, true, 1, PRODUCT_MAX},
                           {"quantity", FIELD_INTEGER, false, 1, PAYMENT_QUANTITY_MAX},
                           {"expiresAt", FIELD_TIME, false, 0, 0}},
    [PAYMENT_COINS] = {COMMON, {"amount", FIELD_INTEGER, true, 1, COINS_MAX}},
    [PAYMENT_ACTIVATED] = {COMMON, PLAN},
    [PAYMENT_CANCELLED] = {COMMON, PLAN},
};

static void count(const struct request *request, const char *outcome) {
  char *labels = arena_printf(request->arena, "source=\"collabpay\",outcome=\"%s\"", outcome);
  if (labels) series_add(metrics_series(app_of(request)->metrics, METRIC_WEBHOOKS, labels), 1);
}

static void answer_taken(struct request *request, int status, const char *outcome) {
  struct buffer *body = request_scratch(request);
  buffer_printf(body, "{\"ok\":true,\"outcome\":\"%s\"}", outcome);
  request_field(request, "Cache-Control", "no-store");
  request_answer(request, status, "application/json", body->data, body->len);
}

static void answer(struct request *request, enum payment_outcome outcome) {
  switch (outcome) {
    case PAYMENT_DONE: answer_taken(request, 200, "applied"); break;
    case PAYMENT_REPEATED: answer_taken(request, 200, "repeated"); break;
    case PAYMENT_UNKNOWN_PRODUCT: answer_taken(request, 202, "kept"); break;
    case PAYMENT_CONFLICT: request_refuse(request, PROBLEM_CONFLICT, "This payment was told before, with another body."); break;
    case PAYMENT_TOO_MANY: fields_refuse(request, "amount", "would bring the balance beyond what it can hold"); break;
    case PAYMENT_OUTCOMES: break; /* their number */
  }
}

/* The delivery's own id is not signed: it helps to find the delivery at the sender, and nothing else. */
static void tell(const struct hearing *h, enum payment_outcome outcome) {
  const struct request *request = h->request;
  struct span delivery = request_header(&request->head, "x-collab-id");
  enum log_level level = outcome == PAYMENT_DONE || outcome == PAYMENT_REPEATED ? LOG_INFO : LOG_ERROR;
  log_line(level, "an event of CollabPay's", log_str("reqId", request->id),
           log_str("delivery", delivery.at ? arena_strndup(request->arena, delivery.at, delivery.len) : NULL),
           log_str("event", payment_event_name(h->payment.event)), log_str("paymentId", h->payment.id),
           log_str("profile", h->payment.profile), log_str("productId", h->payment.product),
           log_str("outcome", payment_outcome_name(outcome)));
}

static void on_applied(struct db_query *query, const PGresult *result, const struct error *error) {
  struct hearing *h = CONTAINER_OF(query, struct hearing, call.query);
  enum payment_outcome outcome;
  struct error failure;
  if (error || payment_outcome(result, &outcome, &failure) < 0) {
    call_fail(h->request, error ? error : &failure);
    return;
  }
  count(h->request, payment_outcome_name(outcome));
  tell(h, outcome);
  answer(h->request, outcome);
}

void webhook_collabpay_post(struct request *request) {
  const cJSON *json = call_of(request)->json;
  struct hearing *h = call_of(request)->own = arena_alloc(request->arena, sizeof *h);
  struct wrong_fields wrong = {.arena = request->arena};
  struct error error;
  if (!h) {
    request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
    return;
  }
  h->request = request;
  if (payment_read(json, &h->payment) < 0) {
    log_info("an event of CollabPay's that is of no use to us", log_str("reqId", request->id),
             log_str("event", json_string(json, "event", NULL)));
    count(request, "ignored");
    answer_taken(request, 200, "ignored");
    return;
  }
  fields_check_known(json, "", collabpay_rules[h->payment.event], &wrong);
  if (fields_answer(request, &wrong)) return;
  if (body_digest(json, NULL, h->body_sha256) < 0) {
    request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
    return;
  }
  h->call.query.done = on_applied;
  payment_query(&h->call, &h->payment, h->body_sha256);
  if (db_submit(app_of(request)->db, &h->call.query, &error) < 0) call_fail(request, &error);
}

void webhook_collabpay_cancel(struct request *request) {
  struct hearing *h = call_of(request)->own;
  if (h) db_cancel(&h->call.query);
}
