#include "routes/call.h"

#include "base/clock.h"
#include "base/log.h"
#include "routes/cors.h"

#include <inttypes.h>
#include <string.h>

/* Subjects and addresses are counted apart, since a subject may be named like an address. */
static const struct limit_bucket {
  const char *name, *of_addresses;
  size_t max; /* its setting */
} buckets[LIMIT_CLASSES] = {
    [LIMIT_READ] = {"read", "read/address", offsetof(struct settings, rate_limit_read_max)},
    [LIMIT_WRITE] = {"write", "write/address", offsetof(struct settings, rate_limit_write_max)},
    [LIMIT_WEBHOOK] = {"webhook", "webhook/address", offsetof(struct settings, rate_limit_webhook_max)},
    [LIMIT_ISSUER] = {"issuer", "issuer/address", offsetof(struct settings, rate_limit_issuer_max)},
};

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

/* ---- limit ---- */

static void refuse_credential(struct call *call) {
  const char *challenge = "Bearer realm=\"supernova\"";
  if (call->request->route->access == ACCESS_ISSUER) {
    request_refuse(call->request, PROBLEM_UNAUTHENTICATED, "The field x-issuer-secret is missing or wrong.");
    return;
  }
  if (call->why_not) {
    const char *said =
        arena_printf(call->request->arena, "%s, error=\"invalid_token\", error_description=\"%s\"", challenge, call->why_not);
    challenge = said ? said : challenge;
  }
  request_field(call->request, "WWW-Authenticate", challenge);
  request_refuse(call->request, PROBLEM_UNAUTHENTICATED,
                 call->why_not ? "The token was refused; WWW-Authenticate says why." : "A bearer token is required.");
}

static void go_on(struct call *call) {
  if (call->refused)
    refuse_credential(call);
  else
    validate(call);
}

static int64_t up_to_seconds(int64_t ms) { return ms > 0 ? (ms + 999) / 1000 : 0; }

/* draft-ietf-httpapi-ratelimit-headers, and the older fields beside it. */
static void tell_limit(struct call *call, const struct limit_verdict *verdict) {
  struct request *request = call->request;
  const char *name = buckets[call->limit].name;
  int64_t window_s = up_to_seconds(app_of(request)->settings->rate_limit_window_ms), reset_s = up_to_seconds(verdict->reset_ms);
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

static void limit(struct call *call) {
  struct app *app = app_of(call->request);
  char address[ADDRESS_TEXT_SIZE];
  struct limit_verdict verdict;
  const char *key = address, *name = buckets[call->limit].of_addresses;
  if (call->limit == LIMIT_NONE) {
    go_on(call);
    return;
  }
  bool named = call->who.verified || call->issuer != ISSUER_UNKNOWN;
  if (named) {
    name = buckets[call->limit].name;
    key = call->who.verified ? call->who.sub : "issuer";
  } else {
    address_limit_key(&call->request->client, address);
  }
  int64_t max = *(const int64_t *)(const void *)((const char *)app->settings + buckets[call->limit].max);
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

static void authenticate_bearer(struct call *call) {
  struct app *app = app_of(call->request);
  struct span authorization = request_header(&call->request->head, "authorization");
  call->refused = authenticate(&app->auth, authorization, call->request->arena, &call->who, &call->why_not) < 0;
  if (call->refused && call->request->route->access == ACCESS_BEARER && bypass_is_open(&app->auth.bypass, clock_real_ms()))
    let_in_unverified(call);
}

/* Guessing the secret is limited by address, as a write; who knows it is limited as the issuer. */
static void authenticate_issuer(struct call *call) {
  struct app *app = app_of(call->request);
  call->issuer = issuer_check(app->settings, request_header(&call->request->head, "x-issuer-secret"));
  if (call->issuer == ISSUER_PREVIOUS)
    series_add(metrics_series(app->metrics, METRIC_SECRET_PREVIOUS_USED, "key=\"ISSUER_ADMIN_SECRET\""), 1);
  call->refused = call->issuer == ISSUER_UNKNOWN;
  if (call->refused) call->limit = LIMIT_WRITE;
}

/* ---- route ---- */

/* Only who is behind TLS may be told to stay there (RFC 6797, 7.2); TLS ends at the proxy, which says so. */
static void mark_security(struct request *request, const struct settings *settings) {
  struct span scheme = request_header(&request->head, "x-forwarded-proto");
  if (scheme.at && span_is_word(scheme, "https") && networks_hold(&settings->trusted_proxies, &request->peer))
    request_field(request, "Strict-Transport-Security", "max-age=31536000; includeSubDomains");
}

void call_dispatch(struct request *request) {
  struct call *call = request->state = arena_alloc(request->arena, sizeof *call);
  struct app *app = app_of(request);
  if (!call) {
    request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
    return;
  }
  call->request = request;
  if (request->door == DOOR_PUBLIC) {
    mark_security(request, app->settings);
    cors_mark(request, &app->settings->cors_allowed_origins);
  }
  if (request->found != ROUTE_FOUND) {
    answer_unrouted(request);
    return;
  }
  call->limit = request->route->limit;
  switch (request->route->access) {
    case ACCESS_ALL: break;
    case ACCESS_BEARER:
    case ACCESS_VERIFIED: authenticate_bearer(call); break;
    case ACCESS_ISSUER: authenticate_issuer(call); break;
  }
  limit(call);
}

void call_answered(struct request *request) {
  struct call *call = call_of(request);
  const char *subject = call && !call->refused ? call->who.sub : NULL;
  request_observe(&app_of(request)->request_metrics, request, subject, subject && !call->who.verified);
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
  limiter_cancel(&call->check);
  if (call->handling && request->route->cancel) request->route->cancel(request);
  cJSON_Delete(TAKE(call->json));
}

void call_fail(struct request *request, const struct error *error) {
  bool away = error->kind == ERROR_RETRY || error->kind == ERROR_THROTTLED;
  log_line(away ? LOG_WARN : LOG_ERROR, "a request could not be served", log_str("reqId", request->id), log_err(error));
  if (away)
    request_problem(request, &(struct problem){.type = PROBLEM_UNAVAILABLE,
                                               .detail = "What stands behind this is away for the moment; try again.",
                                               .retry_after_s = 1});
  else
    request_refuse(request, PROBLEM_INTERNAL, NULL);
}
