#include "stack/change.h"

#include "base/clock.h"
#include "stack_of.h"

static cJSON *parse(const char *text) {
  cJSON *tree = NULL;
  struct error error = {0};
  cr_assert_eq(json_parse(text, strlen(text), &json_limits_cluster, &tree, &error), 0, "%s: %s", text, error.message);
  return tree;
}

Test(change, windows_are_read) {
  static const struct {
    const char *text;
    unsigned days;
    int64_t start, duration; /* duration 0: refused */
  } rows[] = {
      {"{\"days\":[\"Tue\"],\"start\":\"10:00\",\"end\":\"14:00\"}", 4, 600, 240},
      {"{\"days\":[\"Sun\",\"Sat\"],\"start\":\"00:00\",\"end\":\"24:00\"}", 65, 0, 1440},
      {"{\"days\":[\"Fri\"],\"start\":\"22:30\",\"end\":\"02:00\"}", 32, 1350, 210},
      {"{\"days\":[\"Fri\"],\"start\":\"23:59\",\"end\":\"00:00\"}", 32, 1439, 1},
      {"{\"days\":[\"Fri\"],\"start\":\"10:00\",\"end\":\"09:59\"}", 32, 600, 1439},
      {"{\"days\":[\"Fri\"],\"start\":\"10:00\",\"end\":\"10:00\"}", 0, 0, 0},
      {"{\"days\":[\"Fri\"],\"start\":\"24:00\",\"end\":\"10:00\"}", 0, 0, 0},
      {"{\"days\":[\"Fri\"],\"start\":\"10:00\",\"end\":\"24:01\"}", 0, 0, 0},
      {"{\"days\":[\"Fri\"],\"start\":\"9:00\",\"end\":\"10:00\"}", 0, 0, 0},
      {"{\"days\":[\"Fri\"],\"start\":\"-1:00\",\"end\":\"10:00\"}", 0, 0, 0},
      {"{\"days\":[\"Fri\"],\"start\":\"09-00\",\"end\":\"10:00\"}", 0, 0, 0},
      {"{\"days\":[\"Fri\"],\"start\":\"09:60\",\"end\":\"10:00\"}", 0, 0, 0},
      {"{\"days\":[\"Friday\"],\"start\":\"09:00\",\"end\":\"10:00\"}", 0, 0, 0},
      {"{\"days\":[5],\"start\":\"09:00\",\"end\":\"10:00\"}", 0, 0, 0},
      {"{\"days\":[],\"start\":\"09:00\",\"end\":\"10:00\"}", 0, 0, 0},
      {"{\"start\":\"09:00\",\"end\":\"10:00\"}", 0, 0, 0},
      {"{}", 0, 0, 0},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    _cleanup_(json_freep) cJSON *item = parse(rows[i].text);
    struct stack_window window = {0};
    struct error error = {0};
    int result = stack_window_read(item, &window, &error);
    cr_assert_eq(result, rows[i].duration ? 0 : -1, "%s", rows[i].text);
    cr_assert_eq(window.days, rows[i].days, "%s", rows[i].text);
    cr_assert_eq(window.start_minute, rows[i].start, "%s", rows[i].text);
    cr_assert_eq(window.duration, rows[i].duration, "%s", rows[i].text);
    cr_assert(result == 0 || strstr(error.message, "change.windows: "), "%s: %s", rows[i].text, error.message);
  }
}

Test(change, freezes_are_read) {
  static const struct {
    const char *text;
    int64_t length_ms;
  } rows[] = {
      {"{\"from\":\"2026-12-31T00:00:00Z\",\"to\":\"2027-01-01T00:00:00Z\",\"reason\":\"holidays\"}", 86400000},
      {"{\"from\":\"2026-12-31T00:00:00+01:00\",\"to\":\"2026-12-31T00:00:00Z\",\"reason\":\"holidays\"}", 3600000},
      {"{\"from\":\"2027-01-01T00:00:00Z\",\"to\":\"2026-12-31T00:00:00Z\"}", 0},
      {"{\"from\":\"2027-01-01T00:00:00Z\",\"to\":\"2027-01-01T00:00:00Z\"}", 0},
      {"{\"from\":\"2027-01-01\",\"to\":\"2027-01-02T00:00:00Z\"}", 0},
      {"{\"from\":\"2027-01-01T00:00:00Z\"}", 0},
      {"{\"from\":1,\"to\":2}", 0},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    _cleanup_(json_freep) cJSON *item = parse(rows[i].text);
    struct stack_freeze freeze = {0};
    struct error error = {0};
    cr_assert_eq(stack_freeze_read(item, &freeze, &error), rows[i].length_ms ? 0 : -1, "%s", rows[i].text);
    cr_assert_eq(freeze.to_ms - freeze.from_ms, rows[i].length_ms, "%s", rows[i].text);
    cr_assert(!rows[i].length_ms || !strcmp(freeze.reason, "holidays"));
  }
}

Test(change, enforcement_is_by_the_environment_unless_said) {
  static const struct {
    const char *spec;
    enum stack_enforcement enforcement;
  } rows[] = {
      {"{}", CHANGE_ENFORCE},
      {"{\"environment\":\"staging\"}", CHANGE_OFF},
      {"{\"environment\":\"development\"}", CHANGE_OFF},
      {"{\"environment\":\"staging\",\"change\":{\"enforcement\":\"Enforce\"}}", CHANGE_ENFORCE},
      {"{\"change\":{\"enforcement\":\"Warn\"}}", CHANGE_WARN},
      {"{\"change\":{\"enforcement\":\"Off\"}}", CHANGE_OFF},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    _cleanup_(stack_freep) struct stack *stack = stack_of(rows[i].spec);
    cr_assert_eq(stack_enforcement(stack), rows[i].enforcement, "%s", rows[i].spec);
  }
}

Test(change, what_is_wrong_is_one_sentence) {
  static const struct {
    const char *spec, *sentence; /* NULL: right */
  } rows[] = {
      {"{\"change\":{\"enforcement\":\"Always\"}}", "spec.change.enforcement is Always, expected Enforce, Warn or Off"},
      {"{\"environment\":\"staging\",\"change\":{\"windows\":[]}}", "change.enforcement is missing: outside of production"},
      {"{\"environment\":\"staging\",\"change\":{\"requireApproval\":true}}", "change.enforcement is missing: outside of production"},
      {"{\"environment\":\"staging\",\"change\":{\"enforcement\":\"Off\",\"windows\":[]}}", NULL},
      {"{\"environment\":\"staging\",\"change\":{}}", NULL},
      {"{\"change\":{\"windows\":[]}}", NULL},
      {"{\"change\":{\"windows\":[{\"days\":[\"Tue\"],\"start\":\"10:00\",\"end\":\"10:00\"}]}}", "a window of no length"},
      {"{\"change\":{\"freezes\":[{\"from\":\"2027-01-01T00:00:00Z\",\"to\":\"2027-01-01T00:00:00Z\"}]}}", "a freeze of no length"},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    _cleanup_(stack_freep) struct stack *stack = stack_of(rows[i].spec);
    struct error error = {0};
    cr_assert_eq(stack_validate(stack, &error), rows[i].sentence ? -1 : 0, "%s: %s", rows[i].spec, error.message);
    cr_assert(!rows[i].sentence || strstr(error.message, rows[i].sentence), "%s: %s", rows[i].spec, error.message);
  }
}
