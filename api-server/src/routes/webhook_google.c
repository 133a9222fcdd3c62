/* POST /api/webhooks/google: Google Play's real-time developer notifications, pushed by Pub/Sub.
 *
 * A notification is a hint: what changes anything is the purchase as Google shows it when asked. Answers: 204, taken (also a duplicate, and
 * what is of no use to us, so that it isn't sent for ever); 401, the push's token is not Google's; 503, sent again later. */
#include "base/clock.h"
#include "codec/base64.h"
#include "crypto/digest.h"
#include "iap/google.h"
#include "iap/google_push.h"
#include "iap/outbox.h"
#include "iap/sweep.h"
#include "routes/call.h"
#include "routes/handlers.h"
#include "store/statements.h"

#include <string.h>

enum { DATA_MAX = 64 * 1024, MESSAGE_ID_MAX = 256 };

struct hearing {
  struct request *request;
  struct google_push_check check;
  struct google_call call;
  struct db_query query, hasten;
  struct google_notification told;
  const char *id, *data; /* of the message */
  char body_sha256[SHA256_HEX_SIZE];
  int64_t asked_ms;
};

static void taken(struct hearing *h) { request_answer(h->request, 204, NULL, NULL, 0); }

/* ---- what has no effect on a purchase ---- */

static void on_noted(struct db_query *query, const PGresult *result, const struct error *error) {
  struct hearing *h = CONTAINER_OF(query, struct hearing, query);
  (void)result;
  if (error)
    call_fail(h->request, error);
  else
    taken(h);
}

static void note(struct hearing *h, const char *outcome) {
  const char *values[] = {"google", h->id, h->body_sha256, outcome, NULL};
  struct error error;
  log_info("a notification of Google's", log_str("reqId", h->request->id), log_str("messageId", h->id), log_str("outcome", outcome));
  h->query.statement = STATEMENT_WEBHOOK_NOTE;
  h->query.done = on_noted;
  for (unsigned i = 0; i < ELEMENTS(values); i++) db_parameter(&h->query, i, values[i]);
  if (db_submit(app_of(h->request)->db, &h->query, &error) < 0) call_fail(h->request, &error);
}

static void on_hastened(struct db_query *query, const PGresult *result, const struct error *error) {
  struct hearing *h = CONTAINER_OF(query, struct hearing, hasten);
  (void)result;
  if (error) {
    call_fail(h->request, error);
    return;
  }
  sweep_kick(app_of(h->request)->sweep);
  note(h, "swept");
}

/* Which purchases were taken back, and how much of them, Google's list says. */
static void hasten_sweep(struct hearing *h) {
  struct error error;
  h->hasten.statement = STATEMENT_SWEEP_HASTEN;
  h->hasten.done = on_hastened;
  db_parameter(&h->hasten, 0, "google");
  if (db_submit(app_of(h->request)->db, &h->hasten, &error) < 0) call_fail(h->request, &error);
}

/* ---- the effect ---- */

static void on_applied(struct db_query *query, const PGresult *result, const struct error *error) {
  struct hearing *h = CONTAINER_OF(query, struct hearing, query);
  struct app *app = app_of(h->request);
  struct purchase_outcome outcome;
  struct error failure;
  if (error || purchase_read(result, &outcome, &failure) < 0) {
    call_fail(h->request, error ? error : &failure);
    return;
  }
  purchase_count(app->metrics, "google", "webhook", outcome.result);
  enum log_level level = outcome.result == PURCHASE_UNKNOWN_PRODUCT || outcome.result == PURCHASE_TOO_MANY ? LOG_ERROR : LOG_INFO;
  log_line(level, "a notification of Google's", log_str("reqId", h->request->id), log_str("messageId", h->id),
           log_str("outcome", purchase_result_name(outcome.result)), log_str("productId", h->told.product_id),
           log_str("profile", outcome.holder));
  if (outcome.result == PURCHASE_DONE) outbox_kick(app->outbox);
  taken(h);
}

static int read_purchase(const struct hearing *h, const cJSON *json, struct purchase *ret, struct error *error) {
  if (h->told.kind == GOOGLE_PRODUCT) return google_product_read(json, h->told.token, h->told.product_id, h->asked_ms, ret, error);
  return google_subscription_read(json, h->told.token, NULL, h->asked_ms, ret, error);
}

static void on_purchase(struct google_call *call, const cJSON *json, const struct error *error) {
  struct hearing *h = CONTAINER_OF(call, struct hearing, call);
  struct purchase_claim claim = {.event = h->id, .event_sha256 = h->body_sha256, .event_payload = h->data};
  struct purchase seen;
  struct error failure = {0};
  if (!error && read_purchase(h, json, &seen, &failure) < 0) error = &failure;
  if (error && error->kind == ERROR_NOT_FOUND) {
    note(h, "unknown_purchase");
    return;
  }
  h->query.done = on_applied;
  if (!error && (purchase_apply(&h->query, &seen, &claim, h->request->arena, &failure) < 0 ||
                 db_submit(app_of(h->request)->db, &h->query, &failure) < 0))
    error = &failure;
  if (!error) return;
  struct error away = *error;
  away.kind = ERROR_RETRY;
  call_fail(h->request, &away);
}

/* ---- the message ---- */

static void act(struct hearing *h) {
  struct app *app = app_of(h->request);
  struct error error;
  if (strcmp(h->told.package, app->settings->google_package_name) != 0)
    note(h, "other_package");
  else if (h->told.kind == GOOGLE_TEST)
    note(h, "test");
  else if (h->told.kind == GOOGLE_OTHER)
    note(h, "not_of_use");
  else if (h->told.kind == GOOGLE_VOIDED)
    hasten_sweep(h);
  else {
    enum purchase_type type = h->told.kind == GOOGLE_PRODUCT ? PURCHASE_PRODUCT : PURCHASE_SUBSCRIPTION;
    h->asked_ms = clock_real_ms();
    h->call.done = on_purchase;
    if (google_get_purchase(&app->google, &h->call, type, h->told.product_id, h->told.token, &error) < 0) {
      error.kind = ERROR_RETRY;
      call_fail(h->request, &error);
    }
  }
}

/* The notification's own text into the arena, and its tree beside it: TREE is the caller's. */
static int read_message(struct hearing *h, cJSON **ret_tree, struct error *error) {
  const cJSON *message = json_member(call_of(h->request)->json, "message");
  const char *data = json_string(message, "data", NULL), *id = json_string(message, "messageId", NULL);
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, DATA_MAX);
  if (!data || !id || !*id || strlen(id) > MESSAGE_ID_MAX)
    return error_set(error, ERROR_INVALID, "the message has no messageId or no data");
  if (base64_decode(data, strlen(data), &text) < 0 || text.failed)
    return error_set(error, ERROR_INVALID, "the message's data is not base64, or more than %d bytes", DATA_MAX);
  if (json_parse(buffer_text(&text), text.len, &google_limits, ret_tree, error) < 0) return -1;
  h->id = id;
  h->data = arena_strndup(h->request->arena, buffer_text(&text), text.len);
  if (!h->data || sha256_hex(text.data, text.len, h->body_sha256) < 0) return error_oom(error);
  return 0;
}

/* The tree goes when this returns; what is needed later is copied. */
static int understand(struct hearing *h, struct error *error) {
  _cleanup_(json_freep) cJSON *tree = NULL;
  struct arena *arena = h->request->arena;
  if (read_message(h, &tree, error) < 0 || google_notification_read(tree, &h->told, error) < 0) return -1;
  h->told.package = arena_strdup(arena, h->told.package);
  h->told.token = arena_strdup(arena, h->told.token);
  h->told.product_id = arena_strdup(arena, h->told.product_id);
  return arena_failed(arena) ? error_oom(error) : 0;
}

static void on_checked(struct google_push_check *check, const char *refusal, const struct error *error) {
  struct hearing *h = CONTAINER_OF(check, struct hearing, check);
  struct error failure;
  if (error) {
    call_fail(h->request, error);
  } else if (refusal) {
    log_warn("a push was refused", log_str("reqId", h->request->id), log_str("why", refusal));
    request_field(h->request, "WWW-Authenticate", "Bearer realm=\"supernova\", error=\"invalid_token\"");
    request_refuse(h->request, PROBLEM_UNAUTHENTICATED, "The push's token was refused.");
  } else if (understand(h, &failure) == 0) {
    act(h);
  } else if (failure.kind == ERROR_INVALID) {
    /* Pub/Sub would send it for days; that it came stands in the log */
    log_error("a push makes no sense, and is dropped", log_str("reqId", h->request->id), log_err(&failure));
    taken(h);
  } else {
    call_fail(h->request, &failure);
  }
}

void webhook_google_post(struct request *request) {
  struct app *app = app_of(request);
  struct hearing *h = call_of(request)->own = arena_alloc(request->arena, sizeof *h);
  struct span authorization = request_header(&request->head, "authorization");
  const char *missing = google_push_missing(&app->google_push);
  if (!missing && !google_is_set(&app->google)) missing = "GOOGLE_SERVICE_ACCOUNT_KEY";
  if (missing || !h) {
    const char *detail = missing ? arena_printf(request->arena, "%s is not set here.", missing) : NULL;
    request_refuse(request, PROBLEM_UNAVAILABLE, detail);
    return;
  }
  struct span scheme = span_cut(&authorization, ' ');
  if (!scheme.at || !span_is_word(scheme, "bearer") || !authorization.len) {
    request_field(request, "WWW-Authenticate", "Bearer realm=\"supernova\"");
    request_refuse(request, PROBLEM_UNAUTHENTICATED, "The push bears no token.");
    return;
  }
  h->request = request;
  h->check.done = on_checked;
  h->check.traceparent = h->call.traceparent = call_traceparent(request);
  google_push_check(&app->google_push, &h->check, authorization.at, authorization.len);
}

void webhook_google_cancel(struct request *request) {
  struct hearing *h = call_of(request)->own;
  if (!h) return;
  google_push_cancel(&h->check);
  google_cancel(&h->call);
  db_cancel(&h->query);
  db_cancel(&h->hasten);
}
