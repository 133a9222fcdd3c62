/* POST /api/webhooks/apple: App Store Server Notifications, version 2. Anything but 200 makes Apple send it again (after 1, 12, 24, 48 and 72
 * hours), so what can't be mended by time is answered with 4xx, and what is stored, whatever came of it, with 200. */
#include "base/log.h"
#include "iap/apple_event.h"
#include "routes/call.h"
#include "routes/handlers.h"

#include <string.h>

struct hearing {
  struct request *request;
  struct apple_event event;
};

/* The payload is its own credential; each 401 owes a challenge (RFC 9110, 11.6.1). */
static void refuse_signature(struct request *request, const struct error *error) {
  request_field(request, "WWW-Authenticate", "AppleSignature realm=\"supernova\"");
  request_refuse(request, PROBLEM_UNAUTHENTICATED, error->message);
}

static void refuse(struct request *request, const struct error *error) {
  log_warn("a notification is refused", log_str("store", "apple"), log_err(error), log_str("reqId", request->id));
  if (error->kind == ERROR_TERMINAL)
    request_refuse(request, PROBLEM_UNAVAILABLE, arena_strdup(request->arena, error->message));
  else if (error->kind == ERROR_RETRY)
    call_fail(request, error);
  else if (error->cause == 401)
    refuse_signature(request, error);
  else
    request_refuse(request, error->kind == ERROR_FORBIDDEN ? PROBLEM_FORBIDDEN : PROBLEM_MALFORMED_REQUEST, error->message);
}

static void on_heard(struct db_query *query, const PGresult *result, const struct error *error) {
  struct hearing *h = CONTAINER_OF(query, struct hearing, event.query);
  struct request *request = h->request;
  struct error failure;
  const char *outcome = error ? NULL : apple_event_outcome(&app_of(request)->apple, &h->event, "webhook", result, &failure);
  if (!outcome) {
    call_fail(request, error ? error : &failure);
    return;
  }
  struct buffer *body = request_scratch(request);
  buffer_printf(body, "{\"ok\":true,\"outcome\":\"%s\"}", outcome);
  request_answer(request, 200, "application/json", body->data, body->len);
}

void webhook_apple_post(struct request *request) {
  struct call *call = call_of(request);
  struct app *app = app_of(request);
  const char *text = json_string(call->json, "signedPayload", NULL);
  struct hearing *h = arena_alloc(request->arena, sizeof *h);
  struct error error = {0};
  if (!text) {
    request_refuse(request, PROBLEM_MALFORMED_REQUEST, "The body has no signedPayload.");
    return;
  }
  if (!h) {
    request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
    return;
  }
  if (apple_event_read(&app->apple, text, request->arena, &h->event, &error) < 0) {
    refuse(request, &error);
    return;
  }
  h->request = request;
  h->event.query.done = on_heard;
  call->own = h;
  if (db_submit(app->db, &h->event.query, &error) < 0) call_fail(request, &error);
}

void webhook_apple_cancel(struct request *request) {
  struct hearing *h = call_of(request)->own;
  if (h) db_cancel(&h->event.query);
}
