#include "routes/cors.h"

static struct span allowed_origin(const struct request *request, const struct origins *allowed) {
  struct span origin = request_header(&request->head, "origin");
  return origin.at && origins_hold(allowed, origin.at, origin.len) ? origin : (struct span){0};
}

void cors_mark(struct request *request, const struct origins *allowed) {
  if (!allowed->count) return;
  struct span origin = allowed_origin(request, allowed);
  request_field(request, "Vary", "Origin");
  if (!origin.at) return;
  const char *text = arena_strndup(request->arena, origin.at, origin.len);
  if (!text) return;
  request_field(request, "Access-Control-Allow-Origin", text);
  request_field(request, "Access-Control-Allow-Credentials", "true");
  request_field(request, "Access-Control-Expose-Headers", "ETag, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id");
}

void cors_answer_options(struct request *request, const struct origins *allowed) {
  char *allow = arena_alloc(request->arena, ALLOW_SIZE);
  if (!allow) {
    request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
    return;
  }
  route_allow(request->allowed, allow);
  request_field(request, "Allow", allow);
  if (allowed_origin(request, allowed).at && request_header(&request->head, "access-control-request-method").at) {
    request_field(request, "Access-Control-Allow-Methods", allow);
    request_field(request, "Access-Control-Allow-Headers",
                  "Authorization, Content-Type, If-Match, If-None-Match, X-Request-Id, X-CSRF-Token");
    request_field(request, "Access-Control-Max-Age", "600");
  }
  request_answer(request, 204, NULL, NULL, 0);
}
