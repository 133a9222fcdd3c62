#include "http/problem.h"

#include <string.h>

enum { PROBLEM_MAX = 32 * 1024, FIELDS_MAX = 32 };

const char problem_content_type[] = "application/problem+json";

static const struct problem_kind kinds[PROBLEM_TYPES] = {
    [PROBLEM_MALFORMED_REQUEST] = {400, "malformed-request", "The request is malformed"},
    [PROBLEM_UNAUTHENTICATED] = {401, "unauthenticated", "The request needs a valid credential"},
    [PROBLEM_FORBIDDEN] = {403, "forbidden", "The credential does not allow this"},
    [PROBLEM_NOT_FOUND] = {404, "not-found", "There is nothing at this address"},
    [PROBLEM_METHOD_NOT_ALLOWED] = {405, "method-not-allowed", "The method is not allowed here"},
    [PROBLEM_NOT_ACCEPTABLE] = {406, "not-acceptable", "No acceptable representation exists"},
    [PROBLEM_REQUEST_TIMEOUT] = {408, "request-timeout", "The request did not arrive in time"},
    [PROBLEM_CONFLICT] = {409, "conflict", "The request conflicts with what is stored"},
    [PROBLEM_LENGTH_REQUIRED] = {411, "length-required", "The request needs a body of known length"},
    [PROBLEM_PRECONDITION_FAILED] = {412, "precondition-failed", "The stored version is another one"},
    [PROBLEM_CONTENT_TOO_LARGE] = {413, "content-too-large", "The request body is too large"},
    [PROBLEM_URI_TOO_LONG] = {414, "uri-too-long", "The address is too long"},
    [PROBLEM_UNSUPPORTED_MEDIA_TYPE] = {415, "unsupported-media-type", "The media type of the body is not supported"},
    [PROBLEM_EXPECTATION_FAILED] = {417, "expectation-failed", "The expectation cannot be met"},
    [PROBLEM_INVALID_FIELDS] = {422, "invalid-fields", "The request has fields that are wrong"},
    [PROBLEM_UPGRADE_REQUIRED] = {426, "upgrade-required", "Another version of the protocol is required"},
    [PROBLEM_PRECONDITION_REQUIRED] = {428, "precondition-required", "The request must name the version that it changes"},
    [PROBLEM_RATE_LIMITED] = {429, "rate-limited", "Too many requests"},
    [PROBLEM_HEAD_TOO_LARGE] = {431, "head-too-large", "The request's header fields are too large"},
    [PROBLEM_INTERNAL] = {500, "internal-error", "Something went wrong on our side"},
    [PROBLEM_NOT_IMPLEMENTED] = {501, "not-implemented", "This is not implemented"},
    [PROBLEM_UNAVAILABLE] = {503, "unavailable", "The service cannot do this at the moment"},
    [PROBLEM_VERSION_NOT_SUPPORTED] = {505, "version-not-supported", "The version of HTTP is not supported"},
};

const struct problem_kind *problem_kind(enum problem_type type) { return &kinds[type]; }

enum problem_type problem_of_status(int status) {
  for (unsigned type = 0; type < PROBLEM_TYPES; type++)
    if (kinds[type].status == status) return (enum problem_type)type;
  return status >= 400 && status < 500 ? PROBLEM_MALFORMED_REQUEST : PROBLEM_INTERNAL;
}

static void put_string(struct buffer *to, const char *before, const char *text) {
  buffer_puts(to, before);
  buffer_json_string(to, text, strlen(text));
}

static void put_errors(struct buffer *to, const struct problem *problem) {
  buffer_puts(to, ",\"errors\":[");
  for (size_t i = 0; i < problem->error_count; i++) {
    put_string(to, i ? ",{\"field\":" : "{\"field\":", problem->errors[i].field);
    put_string(to, ",\"message\":", problem->errors[i].message);
    buffer_puts(to, "}");
  }
  buffer_puts(to, "]");
}

void problem_write(struct buffer *to, const struct problem *problem) {
  const struct problem_kind *kind = problem_kind(problem->type);
  buffer_printf(to, "{\"type\":\"" PROBLEM_BASE "%s\"", kind->slug);
  put_string(to, ",\"title\":", kind->title);
  buffer_printf(to, ",\"status\":%d", kind->status);
  if (problem->detail) put_string(to, ",\"detail\":", problem->detail);
  if (problem->instance) put_string(to, ",\"instance\":", problem->instance);
  if (problem->event_id) put_string(to, ",\"eventId\":", problem->event_id);
  if (problem->retry_after_s > 0) buffer_printf(to, ",\"retryAfter\":%d", problem->retry_after_s);
  if (problem->error_count) put_errors(to, problem);
  buffer_puts(to, "}");
}

int problem_answer(struct buffer *to, const struct problem *problem, const struct response *base, struct error *error) {
  struct response_field fields[FIELDS_MAX] = {{"Cache-Control", "no-store"}};
  if (base->field_count >= FIELDS_MAX) return error_set(error, ERROR_BUG, "a problem has more than %d fields", FIELDS_MAX - 1);
  for (size_t i = 0; i < base->field_count; i++) fields[i + 1] = base->fields[i];
  _cleanup_buffer_ struct buffer body;
  buffer_init(&body, PROBLEM_MAX);
  problem_write(&body, problem);
  if (body.failed) return error_set(error, ERROR_RETRY, "the problem does not fit into %d bytes", PROBLEM_MAX);
  struct response response = *base;
  response.status = problem_kind(problem->type)->status;
  response.content_type = problem_content_type;
  response.content_length = (int64_t)body.len;
  response.retry_after_s = problem->retry_after_s;
  response.fields = fields;
  response.field_count = base->field_count + 1;
  size_t before = to->len;
  if (response_head(to, &response, error) < 0) return -1;
  if (!base->for_head) buffer_append(to, body.data, body.len);
  if (!to->failed) return 0;
  if (to->data) to->data[to->len = before] = 0;
  return error_set(error, ERROR_RETRY, "the problem does not fit into what may be buffered for this connection");
}
