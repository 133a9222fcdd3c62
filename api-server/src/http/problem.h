/* What goes wrong, told to clients: application/problem+json (RFC 9457).
 *
 * Every type is a row of one table: its slug never changes once published, its title is the same in every occurrence. `detail` is about this
 * occurrence: a sentence for people, without anything of SQL, stacks or secrets.
 *
 *     struct problem_error wrong[] = {{"grant.amount", "must be an integer from 1 to 9007199254740991"}};
 *     struct problem problem = {.type = PROBLEM_INVALID_FIELDS, .detail = "One field is wrong.", .instance = req_id,
 *                               .errors = wrong, .error_count = 1};
 *     struct response base = {.date = ..., .keep_alive = true};
 *     if (problem_answer(&out, &problem, &base, error) < 0) ...
 *
 * A guard's refusal: {.type = problem_of_status(refusal->status), .detail = refusal->detail, .instance = req_id}, with its field in
 * base.fields and keep_alive false.
 */
#pragma once

#include "http/response.h"

enum problem_type {
  PROBLEM_MALFORMED_REQUEST,
  PROBLEM_UNAUTHENTICATED,
  PROBLEM_FORBIDDEN,
  PROBLEM_NOT_FOUND,
  PROBLEM_METHOD_NOT_ALLOWED,
  PROBLEM_NOT_ACCEPTABLE,
  PROBLEM_REQUEST_TIMEOUT,
  PROBLEM_CONFLICT,
  PROBLEM_LENGTH_REQUIRED,
  PROBLEM_PRECONDITION_FAILED,
  PROBLEM_CONTENT_TOO_LARGE,
  PROBLEM_URI_TOO_LONG,
  PROBLEM_UNSUPPORTED_MEDIA_TYPE,
  PROBLEM_EXPECTATION_FAILED,
  PROBLEM_INVALID_FIELDS,
  PROBLEM_UPGRADE_REQUIRED,
  PROBLEM_PRECONDITION_REQUIRED,
  PROBLEM_RATE_LIMITED,
  PROBLEM_HEAD_TOO_LARGE,
  PROBLEM_INTERNAL,
  PROBLEM_NOT_IMPLEMENTED,
  PROBLEM_UNAVAILABLE,
  PROBLEM_VERSION_NOT_SUPPORTED,
  PROBLEM_TYPES,
};

/* A row of the table; `type` in JSON is PROBLEM_BASE and the slug. */
#define PROBLEM_BASE "https://api.supernova.com/problems/"

struct problem_kind {
  int status;
  const char *slug, *title;
};

/* One wrong field of a request body, by its path ("grant.amount"), or a parameter by its name. */
struct problem_error {
  const char *field, *message;
};

/* All borrowed; NULL and 0 leave a member out. */
struct problem {
  enum problem_type type;
  const char *detail;
  const char *instance; /* the reqId */
  const struct problem_error *errors;
  size_t error_count;
  const char *event_id; /* under which our own people find it in Sentry */
  int retry_after_s;    /* also the Retry-After field of problem_answer */
};

extern const char problem_content_type[]; /* "application/problem+json" */

/* The row; for the OpenAPI document too. */
const struct problem_kind *problem_kind(enum problem_type type);

/* The type of a status: the exact one, or for others malformed-request (4xx) or internal-error. */
enum problem_type problem_of_status(int status);

/* Appends the JSON object. The buffer's `failed` tells when it did not fit. */
void problem_write(struct buffer *to, const struct problem *problem);

/* Appends a whole response: BASE with the problem's status, type, length and Retry-After, Cache-Control: no-store, then the JSON (none for
 * HEAD). -1 as response_head; then nothing was appended. */
int problem_answer(struct buffer *to, const struct problem *problem, const struct response *base, struct error *error) _must_check_;
