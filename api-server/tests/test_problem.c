#include "http/problem.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const struct problem_error wrong[] = {{"grant.amount", "must be at least 1"}, {"grant.\"type\"", "is unknown"}};

static const struct {
  struct problem problem;
  const char *json;
} cases[] = {
    {{.type = PROBLEM_NOT_FOUND}, "{\"type\":\"" PROBLEM_BASE "not-found\",\"title\":\"There is nothing at this address\",\"status\":404}"},
    {{.type = PROBLEM_MALFORMED_REQUEST, .detail = "a \"b\"\n", .instance = "req-1"},
     "{\"type\":\"" PROBLEM_BASE
     "malformed-request\",\"title\":\"The request is malformed\",\"status\":400,\"detail\":\"a \\\"b\\\"\\n\",\"instance\":\"req-1\"}"},
    {{.type = PROBLEM_RATE_LIMITED, .retry_after_s = 12},
     "{\"type\":\"" PROBLEM_BASE "rate-limited\",\"title\":\"Too many requests\",\"status\":429,\"retryAfter\":12}"},
    {{.type = PROBLEM_INVALID_FIELDS, .errors = wrong, .error_count = 2},
     "{\"type\":\"" PROBLEM_BASE "invalid-fields\",\"title\":\"The request has fields that are "
     "wrong\",\"status\":422,\"errors\":[{\"field\":\"grant.amount\",\"message\":"
     "\"must be at least 1\"},{\"field\":\"grant.\\\"type\\\"\",\"message\":\"is unknown\"}]}"},
};

Test(problem, json) {
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_buffer_ struct buffer to;
    buffer_init(&to, 4096);
    problem_write(&to, &cases[i].problem);
    cr_expect_str_eq(buffer_text(&to), cases[i].json);
  }
}

Test(problem, every_type_is_whole_and_unique) {
  for (unsigned a = 0; a < PROBLEM_TYPES; a++) {
    const struct problem_kind *kind = problem_kind((enum problem_type)a);
    cr_assert(kind->slug && kind->title && kind->status >= 400 && kind->status < 600, "type %u", a);
    cr_expect_str_neq(response_reason(kind->status), "Unknown", "%d has no phrase", kind->status);
    for (unsigned b = 0; b < a; b++) cr_expect_str_neq(kind->slug, problem_kind((enum problem_type)b)->slug);
  }
}

Test(problem, of_a_status) {
  static const struct {
    int status;
    enum problem_type type;
  } statuses[] = {{400, PROBLEM_MALFORMED_REQUEST}, {431, PROBLEM_HEAD_TOO_LARGE}, {505, PROBLEM_VERSION_NOT_SUPPORTED},
                  {418, PROBLEM_MALFORMED_REQUEST}, {599, PROBLEM_INTERNAL},       {200, PROBLEM_INTERNAL}};
  for (size_t i = 0; i < ELEMENTS(statuses); i++) cr_expect_eq(problem_of_status(statuses[i].status), statuses[i].type);
}

Test(problem, answers) {
  static const struct response_field allow[] = {{"Allow", "GET"}};
  for (int for_head = 0; for_head < 2; for_head++) {
    struct problem problem = {.type = PROBLEM_RATE_LIMITED, .retry_after_s = 12};
    struct response base = {.keep_alive = true, .for_head = for_head, .fields = allow, .field_count = 1};
    struct error error = {0};
    char expected[512];
    (void)snprintf(expected, sizeof expected,
                   "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/problem+json\r\nContent-Length: %zu\r\nConnection: "
                   "keep-alive\r\nRetry-After: 12\r\nCache-Control: no-store\r\nAllow: GET\r\n\r\n%s",
                   strlen(cases[2].json), for_head ? "" : cases[2].json);
    _cleanup_buffer_ struct buffer to;
    buffer_init(&to, 4096);
    cr_expect_eq(problem_answer(&to, &problem, &base, &error), 0, "%s", error.message);
    cr_expect_str_eq(buffer_text(&to), expected);
  }
}

Test(problem, a_full_buffer_keeps_what_it_had) {
  struct problem problem = {.type = PROBLEM_NOT_FOUND};
  struct response base = {0};
  struct error error = {0};
  _cleanup_buffer_ struct buffer to;
  buffer_init(&to, 200); /* the head fits, the body does not */
  buffer_puts(&to, "before");
  cr_expect_eq(problem_answer(&to, &problem, &base, &error), -1);
  cr_expect_eq(error.kind, ERROR_RETRY);
  cr_expect_str_eq(buffer_text(&to), "before");
}
