#include "observe/sentry_envelope.h"

#include "codec/json.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct sentry_source source = {.environment = "trial", .server_name = "pod", .stack = "", .dist = ""};

/* The payload of the one item; its length is what the item says. */
static cJSON *payload_of(const struct sentry_report *report) {
  struct buffer text;
  cJSON *head = NULL, *item = NULL, *payload = NULL;
  struct error error;
  buffer_init(&text, SENTRY_ENVELOPE_MAX);
  sentry_envelope(&source, report, &text);
  cr_assert_not(text.failed);
  const char *second = strchr(text.data, '\n') + 1, *third = strchr(second, '\n') + 1;
  size_t n = text.len - (size_t)(third - text.data) - 1;
  cr_assert_eq(json_parse(text.data, (size_t)(second - text.data) - 1, &json_limits_request, &head, &error), 0);
  cr_assert_eq(json_parse(second, (size_t)(third - second) - 1, &json_limits_request, &item, &error), 0);
  cr_assert_eq(json_parse(third, n, &json_limits_request, &payload, &error), 0, "%s", error.message);
  cr_expect_eq(json_int(item, "length", 0), (int64_t)n);
  cr_expect_str_eq(json_string(item, "type", ""), sentry_kind_type(report->kind));
  cr_expect_str_eq(json_string(head, "event_id", ""), report->id);
  cJSON_Delete(head);
  cJSON_Delete(item);
  buffer_done(&text);
  return payload;
}

Test(sentry_envelope, tells_an_event) {
  struct sentry_report report = {
      .kind = SENTRY_EVENT, .id = "0123456789abcdef0123456789abcdef", .ended_ms = 1500, .level = "error", .type = "T", .value = "a\"b\n"};
  _cleanup_(json_freep) cJSON *payload = payload_of(&report);
  const cJSON *values = json_get(payload, "exception.values");
  cr_expect_str_eq(json_string(cJSON_GetArrayItem(values, 0), "value", ""), "a\"b\n");
  cr_expect_float_eq(json_member(payload, "timestamp")->valuedouble, 1.5, 1e-9);
  cr_expect_str_eq(json_string(payload, "environment", ""), "trial");
  cr_expect_null(json_member(payload, "transaction"));
  cr_expect_null(json_get(payload, "tags.stack"));
  cr_expect_null(json_member(payload, "contexts"));
}

Test(sentry_envelope, tells_a_transaction) {
  struct trace trace = {.id = "0af7651916cd43dd8448eb211c80319c", .span = "b7ad6b7169203331", .parent = ""};
  static const struct {
    int status;
    const char *name;
  } cases[] = {{200, "ok"}, {304, "ok"}, {404, "not_found"}, {418, "failed_precondition"}, {500, "internal_error"}, {599, "unknown_error"}};
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct sentry_report report = {.kind = SENTRY_TRANSACTION,
                                   .id = "0123456789abcdef0123456789abcdef",
                                   .began_ms = 1000,
                                   .ended_ms = 1042,
                                   .transaction = "GET /x",
                                   .status = cases[i].status,
                                   .trace = &trace};
    _cleanup_(json_freep) cJSON *payload = payload_of(&report);
    cr_expect_str_eq(json_string(payload, "contexts.trace.status", ""), cases[i].name);
    cr_expect_str_eq(json_string(payload, "type", ""), "transaction");
    cr_expect_float_eq(json_member(payload, "start_timestamp")->valuedouble, 1.0, 1e-9);
    cr_expect_null(json_get(payload, "contexts.trace.parent_span_id"));
  }
}

Test(sentry_envelope, fails_where_it_is_too_long) {
  static char value[SENTRY_ENVELOPE_MAX + 1];
  struct buffer text;
  memset(value, 'x', sizeof value - 1);
  buffer_init(&text, SENTRY_ENVELOPE_MAX);
  sentry_envelope(&source, &(struct sentry_report){.kind = SENTRY_EVENT, .id = "", .value = value}, &text);
  cr_expect(text.failed);
  buffer_done(&text);
}
