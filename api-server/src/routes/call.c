#include "routes/call.h"

#include "auth/seal.h"
#include "base/clock.h"
#include "base/log.h"
#include "observe/request_report.h"
#include "routes/cors.h"
#include "routes/limits.h"

#include <inttypes.h>
#include <string.h>

/* ---- not routed ---- */

static void answer_method(struct request *request, const struct settings *settings) {
  if (request->head.method == HTTP_OPTIONS) {
    cors_answer_options(request, &settings->cors_allowed_origins);
    return;
  }
  char *allow = arena_alloc(request->arena, ALLOW_SIZE);
  if (allow) {
    route_allow(request->allowed, allow);
    request_field(request, "Allow", allow);
  }
  request_refuse(request, PROBLEM_METHOD_NOT_ALLOWED, "This address exists, for other methods.");
}

static void answer_unrouted(struct request *request) {
  bool whole_server = request->head.method == HTTP_OPTIONS && span_equal(request_path(&request->head), SPAN("*"));
  if (whole_server)
    request_answer(request, 204, NULL, NULL, 0);
  else if (request->found == ROUTE_METHOD)
    answer_method(request, app_of(request)->settings);
  else if (request->found == ROUTE_MALFORMED)
    request_refuse(request, PROBLEM_MALFORMED_REQUEST,
                   "A part of the path is empty, too long, or not what a percent-encoded text may hold.");
  else
    request_refuse(request, PROBLEM_NOT_FOUND, NULL);
}

/* ---- handle ---- */

static void handle(struct call *call) {
  call->handling = true;
  call->request->route->handle(call->request);
}

/* ---- validate ---- */

/* application/json, with or without parameters (RFC 9110, 8.3.1). */
static bool is_json(const struct request *request) {
  struct span type = request_header(&request->head, "content-type");
  return type.at && span_is_word(span_trim(span_cut(&type, ';')), "application/json");
}

/* True: the request is answered. */
static bool refuse_body(struct call *call) {
  struct request *request = call->request;
  struct error error;
  const struct guard_refusal *absent = guard_require_body(&request->head);
  if (absent)
    request_refuse(request, PROBLEM_LENGTH_REQUIRED, absent->detail);
  else if (!is_json(request))
    request_refuse(request, PROBLEM_UNSUPPORTED_MEDIA_TYPE, "The body must be application/json.");
  else if (json_parse(request->body, request->body_len, &json_limits_request, &call->json, &error) < 0)
    request_refuse(request, PROBLEM_MALFORMED_REQUEST, error.message);
  else if (!cJSON_IsObject(call->json))
    request_refuse(request, PROBLEM_MALFORMED_REQUEST, "The body must be a JSON object.");
  else
    return false;
  return true;
}

static void validate(struct call *call) {
  if (call->request->route->takes_json && refuse_body(call)) return;
  handle(call);
}

/* ---- refuse ---- */

static unsigned accepted_by(const struct route *route) { return route->credentials ? route->credentials : CREDENTIAL_USUAL; }

/* What the client could send instead (RFC 9110, 11.6.1): each 401 owes that. */
static const char *challenge_of(const struct call *call) {
  const char *plain = "Bearer realm=\"supernova\"", *said = NULL;
  const struct authentication *auth = &call->auth;
  if (call->request->route->access == ACCESS_ISSUER) return "IssuerSecret realm=\"supernova\"";
  if (call->request->route->access == ACCESS_SIGNED) return "CollabSignature realm=\"supernova\"";
  if (auth->credential == CREDENTIAL_BEARER)
    said = arena_printf(call->request->arena, "%s, error=\"invalid_token\", error_description=\"%s\"", plain, auth->why_not);
  return said ? said : plain;
}

static const char *sentence_of(const struct call *call) {
  const struct authentication *auth = &call->auth;
  const char *said = NULL;
  if (call->request->route->access == ACCESS_ISSUER) return "The field x-issuer-secret is missing or wrong.";
  if (call->request->route->access == ACCESS_SIGNED) return signature_sentence(call->signature);
  switch (auth->credential) {
    case CREDENTIAL_BEARER: return "The token was refused; WWW-Authenticate says why.";
    case CREDENTIAL_SESSION: said = arena_printf(call->request->arena, "The session was refused: %s.", auth->why_not); break;
    case CREDENTIAL_TICKET: said = arena_printf(call->request->arena, "The ticket was refused: %s.", auth->why_not); break;
    case CREDENTIAL_USUAL: break; /* a set, never one of them */
  }
  if (said) return said;
  return accepted_by(call->request->route) & CREDENTIAL_BEARER ? "A bearer token is required." : "A session is required.";
}

static void refuse_credential(struct call *call) {
  switch (call->auth.outcome) {
    case AUTH_FORBIDDEN: request_refuse(call->request, PROBLEM_FORBIDDEN, call->auth.why_not); return;
    case AUTH_UNAVAILABLE: call_fail(call->request, &call->auth.error); return;
    case AUTH_ABSENT:
    case AUTH_REFUSED:
    case AUTH_ACCEPTED: break;
  }
  request_field(call->request, "WWW-Authenticate", challenge_of(call));
  request_refuse(call->request, PROBLEM_UNAUTHENTICATED, sentence_of(call));
}

/* ---- confirm ---- */

static void on_confirmed(struct authentication *auth) {
  struct call *call = CONTAINER_OF(auth, struct call, auth);
  call->refused = auth->outcome != AUTH_ACCEPTED;
  if (call->refused)
    refuse_credential(call);
  else
    validate(call);
}

static void go_on(struct call *call) {
  call->auth.done = on_confirmed;
  if (call->refused)
    refuse_credential(call);
  else if (!call->who.verified)
    validate(call);
  else if (authenticate_confirm(&call->auth))
    on_confirmed(&call->auth);
}

/* ---- limit ---- */

static int64_t up_to_seconds(int64_t ms) { return ms > 0 ? (ms + 999) / 1000 : 0; }

/* draft-ietf-httpapi-ratelimit-headers, and the older fields beside it. */
static void tell_limit(struct call *call, const struct limit_verdict *verdict) {
  struct request *request = call->request;
  const char *name = limit_name(call->limit);
  int64_t window_s = up_to_seconds(limit_window_ms(call->limit, app_of(request)->settings)), reset_s = up_to_seconds(verdict->reset_ms);
  char *text = arena_printf(
      request->arena, "\"%s\";q=%" PRId64 ";w=%" PRId64 "%c\"%s\";r=%" PRId64 ";t=%" PRId64 "%c%" PRId64 "%c%" PRId64 "%c%" PRId64, name,
      verdict->max, window_s, 0, name, verdict->remaining, reset_s, 0, verdict->max, 0, verdict->remaining, 0, reset_s);
  static const char *const names[] = {"RateLimit-Policy", "RateLimit", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"};
  for (size_t i = 0; text && i < ELEMENTS(names); i++, text += strlen(text) + 1) request_field(request, names[i], text);
}

static void on_verdict(struct call *call, const struct limit_verdict *verdict) {
  tell_limit(call, verdict);
  if (verdict->allowed) {
    go_on(call);
    return;
  }
  int64_t wait_s = up_to_seconds(verdict->reset_ms);
  request_problem(call->request, &(struct problem){.type = PROBLEM_RATE_LIMITED,
                                                   .detail = "The limit of this window is reached.",
                                                   .retry_after_s = wait_s ? (int)wait_s : 1});
}

static void on_checked(struct limit_check *check, const struct limit_verdict *verdict) {
  on_verdict(CONTAINER_OF(check, struct call, check), verdict);
}

/* Under which name its requests are counted; NULL: by address. */
static const char *known_as(const struct call *call) {
  if (call->limit == LIMIT_TEST) return "all";
  if (call->who.verified) return call->who.sub;
  if (call->issuer != SECRET_UNKNOWN) return "issuer";
  return call->signature == SIGNATURE_GOOD ? "collabpay" : NULL;
}

static void limit(struct call *call) {
  struct app *app = app_of(call->request);
  char address[ADDRESS_TEXT_SIZE];
  struct limit_verdict verdict;
  const char *key = address, *name = limit_name_of_addresses(call->limit);
  if (call->limit == LIMIT_NONE) {
    go_on(call);
    return;
  }
  const char *known = known_as(call);
  if (known) {
    name = limit_name(call->limit);
    key = known;
  } else {
    address_limit_key(&call->request->client, address);
  }
  int64_t max = limit_max(call->limit, app->settings);
  call->check.window_ms = limit_window_ms(call->limit, app->settings);
  call->check.done = on_checked;
  if (limiter_hit(app->limiter, &call->check, name, key, max, &verdict)) on_verdict(call, &verdict);
}

/* ---- authenticate ---- */

static void let_in_unverified(struct call *call) {
  struct app *app = app_of(call->request);
  call->refused = false;
  call->who = authenticate_unverified(request_header(&call->request->head, "authorization"), call->request->arena);
  request_field(call->request, "X-Auth-Bypass", "open");
  series_add(metrics_series(app->metrics, METRIC_BYPASS_REQUESTS, ""), 1);
}

static void on_authenticated(struct authentication *auth) {
  struct call *call = CONTAINER_OF(auth, struct call, auth);
  call->who = auth->who;
  call->refused = auth->outcome != AUTH_ACCEPTED;
  bool may_bypass = auth->outcome == AUTH_ABSENT || auth->outcome == AUTH_REFUSED;
  if (may_bypass && call->request->route->access == ACCESS_BEARER && bypass_is_open(&auth->auth->bypass, clock_real_ms()))
    let_in_unverified(call);
  limit(call);
}

/* A ticket that can't be decoded is one that nobody made. */
static struct span ticket_of(const struct request *request, unsigned accepted) {
  char *text = accepted & CREDENTIAL_TICKET ? arena_alloc(request->arena, SEAL_MAX_BYTES + 1) : NULL;
  int found = text ? request_query(&request->head, "ticket", text, SEAL_MAX_BYTES + 1) : 0;
  if (!found) return (struct span){0};
  return found < 0 ? SPAN("") : (struct span){text, strlen(text)};
}

static void authenticate_caller(struct call *call) {
  struct request *request = call->request;
  const struct request_head *head = &request->head;
  enum http_method method = head->method;
  unsigned accepted = accepted_by(request->route);
  struct credentials given = {.accepted = accepted,
                              .authorization = request_header(head, "authorization"),
                              .cookie = request_header(head, "cookie"),
                              .origin = request_header(head, "origin"),
                              .csrf = request_header(head, "x-csrf-token"),
                              .ticket = ticket_of(request, accepted),
                              .resume = request_header(head, "last-event-id"),
                              .changes = method != HTTP_GET && method != HTTP_HEAD,
                              .upgrades = head->websocket};
  call->auth.done = on_authenticated;
  if (authenticate(&app_of(request)->auth, &call->auth, &given, request->arena)) on_authenticated(&call->auth);
}

/* Guessing the secret is limited by address, as a write; who knows it is limited as the issuer. */
static void authenticate_issuer(struct call *call) {
  struct app *app = app_of(call->request);
  call->issuer = secret_matches(&app->secrets, SECRET_ISSUER_ADMIN, request_header(&call->request->head, "x-issuer-secret"));
  call->refused = call->issuer == SECRET_UNKNOWN;
  if (call->refused) call->limit = LIMIT_WRITE;
  limit(call);
}

/* Likewise who guesses at signatures. */
static void authenticate_signer(struct call *call) {
  const struct request *request = call->request;
  const struct request_head *head = &request->head;
  struct span body = {request->body, request->body_len};
  call->signature = signature_check(&app_of(request)->secrets, request_header(head, "x-collab-timestamp"),
                                    request_header(head, "x-collab-signature"), body, clock_real_ms() / 1000, request->arena);
  call->refused = call->signature != SIGNATURE_GOOD;
  if (call->refused) call->limit = LIMIT_WRITE;
  limit(call);
}

/* True: the request is answered. */
static bool lacks_secret(struct request *request) {
  enum secret secret = request->route->secret;
  if (secret == SECRET_NONE || secret_is_set(&app_of(request)->secrets, secret)) return false;
  request_refuse(request, PROBLEM_UNAVAILABLE,
                 arena_printf(request->arena, "%s is not set, so nothing is served here.", secret_setting(secret)));
  return true;
}

/* ---- route ---- */

/* Only who is behind TLS may be told to stay there (RFC 6797, 7.2); TLS ends at the proxy, which says so. */
static void mark_security(struct request *request, const struct settings *settings) {
  struct span scheme = request_header(&request->head, "x-forwarded-proto");
  if (scheme.at && span_is_word(scheme, "https") && networks_hold(&settings->trusted_proxies, &request->peer))
    request_field(request, "Strict-Transport-Security", "max-age=31536000; includeSubDomains");
}

const char *call_traceparent(const struct request *request) {
  char text[TRACEPARENT_SIZE];
  trace_print(&call_of(request)->trace, text);
  return arena_strdup(request->arena, text);
}

/* Who has begun a trace is told which span of it is ours. */
static void take_over_trace(struct call *call) {
  struct request *request = call->request;
  trace_begin(&call->trace, request_header(&request->head, "traceparent"), app_of(request)->settings->sentry_traces_sample_rate);
  if (!*call->trace.parent) return;
  const char *text = call_traceparent(request);
  if (text) request_field(request, "Traceparent", text);
}

void call_dispatch(struct request *request) {
  struct call *call = request->state = arena_alloc(request->arena, sizeof *call);
  struct app *app = app_of(request);
  if (!call) {
    request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
    return;
  }
  call->request = request;
  take_over_trace(call);
  if (request->door == DOOR_PUBLIC) {
    mark_security(request, app->settings);
    cors_mark(request, &app->settings->cors_allowed_origins);
  }
  if (request->found != ROUTE_FOUND) {
    answer_unrouted(request);
    return;
  }
  if (lacks_secret(request)) return;
  call->limit = request->route->limit;
  switch (request->route->access) {
    case ACCESS_ALL: limit(call); break;
    case ACCESS_BEARER:
    case ACCESS_VERIFIED: authenticate_caller(call); break;
    case ACCESS_ISSUER: authenticate_issuer(call); break;
    case ACCESS_SIGNED: authenticate_signer(call); break;
  }
}

void call_answered(struct request *request) {
  struct call *call = call_of(request);
  const char *subject = call && !call->refused ? call->who.sub : NULL;
  request_observe(&app_of(request)->request_metrics, request, call ? &call->trace : NULL, subject, subject && !call->who.verified);
  if (call) request_report(app_of(request)->sentry, request, &call->trace, call->failure, call->event_id);
  if (request->refusal) {
    struct app *app = app_of(request);
    char *labels = arena_printf(request->arena, "rule=\"%s\"", request->refusal);
    if (labels) series_add(metrics_series(app->metrics, METRIC_MALFORMED_REQUESTS, labels), 1);
  }
  if (call) cJSON_Delete(TAKE(call->json));
}

void call_cancelled(struct request *request) {
  struct call *call = call_of(request);
  if (!call) return;
  authenticate_cancel(&call->auth);
  limiter_cancel(&call->check);
  if (call->handling && request->route->cancel) request->route->cancel(request);
  cJSON_Delete(TAKE(call->json));
}

const char *call_event_id(struct call *call) {
  if (!sentry_is_on(app_of(call->request)->sentry)) return NULL;
  random_id(call->event_id);
  return call->event_id;
}

static void fail_ourselves(struct call *call, const struct error *error) {
  call->failure = arena_strdup(call->request->arena, error->message);
  request_problem(call->request, &(struct problem){.type = PROBLEM_INTERNAL, .event_id = call_event_id(call)});
}

void call_fail(struct request *request, const struct error *error) {
  bool away = error->kind == ERROR_RETRY || error->kind == ERROR_THROTTLED;
  log_line(away ? LOG_WARN : LOG_ERROR, "a request could not be served", log_str("reqId", request->id), log_err(error));
  if (away)
    request_problem(request, &(struct problem){.type = PROBLEM_UNAVAILABLE,
                                               .detail = "What stands behind this is away for the moment; try again.",
                                               .retry_after_s = 1});
  else
    fail_ourselves(call_of(request), error);
}
