/* The way of a request through the server, in one place: route, authenticate, limit, confirm, validate, handle.
 *
 * `struct call` is what a handler finds beside the request: who asks, and the body as JSON. Its own state it puts into the arena, at `own`.
 *
 *     struct call *call = call_of(request);
 *     if (!(call->who.roles & ROLE_ADMIN)) { request_refuse(request, PROBLEM_FORBIDDEN, "…"); return; }
 */
#pragma once

#include "auth/authenticate.h"
#include "auth/signature.h"
#include "routes/app.h"

struct call {
  struct request *request;
  struct principal who;       /* with ACCESS_BEARER and ACCESS_VERIFIED */
  enum secret_version issuer; /* with ACCESS_ISSUER */
  enum signature signature;   /* with ACCESS_SIGNED */
  cJSON *json;                /* an object, where the route takes_json; NULL else */
  void *own;                  /* the handler's, in the arena */
  struct trace trace;
  const char *failure; /* what went wrong on our side, for Sentry; borrowed until the answer */

  /* the way's own */
  bool refused; /* once the limit has been counted */
  struct authentication auth;
  enum limit_class limit;
  struct limit_check check;
  char event_id[SENTRY_ID_SIZE]; /* once it was asked for */
  bool handling;                 /* the route's handler has been called */
};

static inline struct call *call_of(const struct request *request) { return request->state; }

/* The trace of the request with our span of it, to be passed on to whom we ask for its sake; in the arena, NULL without memory. */
const char *call_traceparent(const struct request *request);

/* The callbacks of http_server_settings. */
void call_dispatch(struct request *request);
void call_answered(struct request *request);
void call_cancelled(struct request *request);

/* Under which Sentry will know the failure that this request is about to be answered with; NULL: it won't. */
const char *call_event_id(struct call *call);

/* What a failed query is to the client: 503 with Retry-After, or 500. Logs what isn't the client's. */
void call_fail(struct request *request, const struct error *error);
