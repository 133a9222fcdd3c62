#include "change/calendar.h"

#include "base/clock.h"
#include "codec/yaml.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct stack *stack_with(const char *environment, const char *change) {
  char text[2048];
  cJSON *object = NULL;
  struct error error = {0};
  (void)snprintf(text, sizeof text, "metadata: {name: shop, namespace: demo}\nspec:\n  environment: %s\n  change: %s\n", environment,
                 change);
  cr_assert_eq(yaml_parse(text, strlen(text), &object, &error), 0, "%s: %s", text, error.message);
  struct stack *stack = stack_decode(object, &error);
  cr_assert(stack && stack_validate(stack, &error) == 0, "%s: %s", change, error.message);
  return stack;
}

static int64_t ms(const char *text) {
  int64_t at;
  cr_assert_eq(parse_rfc3339(text, &at), 0, "%s", text);
  return at;
}

static const char *text_of(int64_t at_ms, char to[RFC3339_SIZE]) {
  if (at_ms < 0) return "never";
  format_rfc3339(at_ms, to);
  return to;
}

/* OPEN: when it is, from AT on; CLOSE: when it is not. */
struct row {
  const char *at, *open, *close;
};

static void check(const char *environment, const char *change, const struct row *rows, size_t count) {
  _cleanup_(stack_freep) struct stack *stack = stack_with(environment, change);
  struct calendar calendar;
  calendar_of_stack(stack, &calendar);
  for (size_t i = 0; i < count; i++) {
    char open[RFC3339_SIZE] = "", close[RFC3339_SIZE] = "";
    int64_t at_ms = ms(rows[i].at);
    cr_expect_str_eq(text_of(calendar_next_open(&calendar, at_ms), open), rows[i].open, "%s at %s opens at %s, not at %s", change,
                     rows[i].at, open, rows[i].open);
    cr_expect_str_eq(text_of(calendar_next_close(&calendar, at_ms), close), rows[i].close, "%s at %s closes at %s, not at %s", change,
                     rows[i].at, close, rows[i].close);
    cr_expect_eq(calendar_is_open(&calendar, at_ms), !strcmp(rows[i].at, rows[i].open), "%s at %s", change, rows[i].at);
  }
}
#define CHECK(environment, change, ...)                           \
  do {                                                            \
    const struct row rows[] = {__VA_ARGS__};                      \
    check(environment, change, rows, sizeof rows / sizeof *rows); \
  } while (0)

/* 2026-11-24 is a Tuesday. */
Test(calendar, production_has_its_windows_where_nothing_is_said) {
  CHECK("production", "{}", {"2026-11-23T12:00:00Z", "2026-11-24T10:00:00Z", "2026-11-23T12:00:00Z"},
        {"2026-11-24T09:59:59Z", "2026-11-24T10:00:00Z", "2026-11-24T09:59:59Z"},
        {"2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z", "2026-11-24T14:00:00Z"},
        {"2026-11-24T13:59:59Z", "2026-11-24T13:59:59Z", "2026-11-24T14:00:00Z"},
        {"2026-11-24T14:00:00Z", "2026-11-25T10:00:00Z", "2026-11-24T14:00:00Z"},
        {"2026-11-26T14:00:00Z", "2026-12-01T10:00:00Z", "2026-11-26T14:00:00Z"},
        {"2026-11-27T11:00:00Z", "2026-12-01T10:00:00Z", "2026-11-27T11:00:00Z"}, );
}

Test(calendar, elsewhere_or_with_an_empty_list_it_is_always_open) {
  CHECK("staging", "{enforcement: Enforce}", {"2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z", "never"});
  CHECK("production", "{windows: []}", {"2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z", "never"});
}

Test(calendar, a_window_may_go_past_midnight_and_bears_the_name_of_the_day_it_starts_on) {
  CHECK("production", "{windows: [{days: [Fri], start: '22:00', end: '02:00'}]}",
        {"2026-11-27T21:59:59Z", "2026-11-27T22:00:00Z", "2026-11-27T21:59:59Z"},
        {"2026-11-27T23:59:59Z", "2026-11-27T23:59:59Z", "2026-11-28T02:00:00Z"},
        {"2026-11-28T00:00:00Z", "2026-11-28T00:00:00Z", "2026-11-28T02:00:00Z"},
        {"2026-11-28T01:59:59Z", "2026-11-28T01:59:59Z", "2026-11-28T02:00:00Z"},
        {"2026-11-28T02:00:00Z", "2026-12-04T22:00:00Z", "2026-11-28T02:00:00Z"},
        {"2026-11-27T01:00:00Z", "2026-11-27T22:00:00Z", "2026-11-27T01:00:00Z"}, );
  CHECK("production", "{windows: [{days: [Sat], start: '23:00', end: '00:00'}]}",
        {"2026-11-28T23:30:00Z", "2026-11-28T23:30:00Z", "2026-11-29T00:00:00Z"},
        {"2026-11-29T00:00:00Z", "2026-12-05T23:00:00Z", "2026-11-29T00:00:00Z"}, );
}

Test(calendar, whole_days_that_touch_are_one_window) {
  CHECK("production", "{windows: [{days: [Sat, Sun], start: '00:00', end: '24:00'}]}",
        {"2026-11-28T00:00:00Z", "2026-11-28T00:00:00Z", "2026-11-30T00:00:00Z"},
        {"2026-11-29T23:59:59Z", "2026-11-29T23:59:59Z", "2026-11-30T00:00:00Z"},
        {"2026-11-30T00:00:00Z", "2026-12-05T00:00:00Z", "2026-11-30T00:00:00Z"}, );
  CHECK("production", "{windows: [{days: [Mon, Tue, Wed, Thu, Fri, Sat, Sun], start: '00:00', end: '24:00'}]}",
        {"2026-11-28T12:00:00Z", "2026-11-28T12:00:00Z", "never"});
}

Test(calendar, windows_may_overlap_and_lie_in_each_other) {
  CHECK("production",
        "{windows: [{days: [Tue], start: '10:00', end: '12:00'}, {days: [Tue], start: '11:00', end: '13:00'}, {days: [Tue], start: "
        "'13:00', end: "
        "'14:00'}, {days: [Tue], start: '10:30', end: '10:45'}]}",
        {"2026-11-24T10:40:00Z", "2026-11-24T10:40:00Z", "2026-11-24T14:00:00Z"},
        {"2026-11-24T12:30:00Z", "2026-11-24T12:30:00Z", "2026-11-24T14:00:00Z"},
        {"2026-11-24T14:00:00Z", "2026-12-01T10:00:00Z", "2026-11-24T14:00:00Z"}, );
}

Test(calendar, leap_days_and_the_years_end_are_days) {
  CHECK("production", "{windows: [{days: [Tue], start: '23:00', end: '01:00'}]}", /* 2028-02-29 is a Tuesday */
        {"2028-02-29T22:00:00Z", "2028-02-29T23:00:00Z", "2028-02-29T22:00:00Z"},
        {"2028-03-01T00:30:00Z", "2028-03-01T00:30:00Z", "2028-03-01T01:00:00Z"},
        {"2028-02-23T01:00:00Z", "2028-02-29T23:00:00Z", "2028-02-23T01:00:00Z"}, );
  CHECK("production", "{windows: [{days: [Thu], start: '22:00', end: '02:00'}]}", /* 2026-12-31 is a Thursday */
        {"2026-12-31T23:59:59Z", "2026-12-31T23:59:59Z", "2027-01-01T02:00:00Z"},
        {"2027-01-01T01:00:00Z", "2027-01-01T01:00:00Z", "2027-01-01T02:00:00Z"},
        {"2027-01-01T02:00:00Z", "2027-01-07T22:00:00Z", "2027-01-01T02:00:00Z"}, );
}

Test(calendar, a_freeze_beats_the_window_it_begins_or_ends_in) {
  CHECK("production", "{freezes: [{from: '2026-11-24T11:00:00Z', to: '2026-11-24T12:00:00Z'}]}",
        {"2026-11-24T10:30:00Z", "2026-11-24T10:30:00Z", "2026-11-24T11:00:00Z"},
        {"2026-11-24T11:00:00Z", "2026-11-24T12:00:00Z", "2026-11-24T11:00:00Z"},
        {"2026-11-24T11:59:59Z", "2026-11-24T12:00:00Z", "2026-11-24T11:59:59Z"},
        {"2026-11-24T12:00:00Z", "2026-11-24T12:00:00Z", "2026-11-24T14:00:00Z"}, );
  CHECK("production", "{freezes: [{from: '2026-11-24T13:00:00Z', to: '2026-11-25T10:00:00Z'}]}", /* it ends as a window begins */
        {"2026-11-24T13:00:00Z", "2026-11-25T10:00:00Z", "2026-11-24T13:00:00Z"});
  CHECK("production", "{freezes: [{from: '2026-11-24T13:00:00Z', to: '2026-11-25T14:00:00Z'}]}", /* and this one as a window is over */
        {"2026-11-24T13:00:00Z", "2026-11-26T10:00:00Z", "2026-11-24T13:00:00Z"});
}

Test(calendar, freezes_may_overlap_touch_and_lie_in_each_other) {
  CHECK("production",
        "{windows: [], freezes: [{from: '2026-12-01T00:00:00Z', to: '2026-12-05T00:00:00Z'}, {from: '2026-12-04T00:00:00Z', to: "
        "'2026-12-08T00:00:00Z'}, {from: '2026-12-08T00:00:00Z', to: '2026-12-09T00:00:00Z'}, {from: '2026-12-02T00:00:00Z', to: "
        "'2026-12-03T00:00:00Z'}]}",
        {"2026-11-30T00:00:00Z", "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"},
        {"2026-12-01T00:00:00Z", "2026-12-09T00:00:00Z", "2026-12-01T00:00:00Z"},
        {"2026-12-04T12:00:00Z", "2026-12-09T00:00:00Z", "2026-12-04T12:00:00Z"},
        {"2026-12-09T00:00:00Z", "2026-12-09T00:00:00Z", "never"}, );
}

Test(calendar, the_freeze_that_is_told_is_the_one_that_ends_last) {
  _cleanup_(stack_freep) struct stack *stack =
      stack_with("production",
                 "{freezes: [{from: '2026-12-01T00:00:00Z', to: '2026-12-03T00:00:00Z', reason: short}, {from: '2026-12-02T00:00:00Z', to: "
                 "'2026-12-08T00:00:00Z', reason: long}]}");
  struct calendar calendar;
  calendar_of_stack(stack, &calendar);
  cr_assert_str_eq(calendar_freeze_at(&calendar, ms("2026-12-01T12:00:00Z"))->reason, "short");
  cr_assert_str_eq(calendar_freeze_at(&calendar, ms("2026-12-02T12:00:00Z"))->reason, "long");
  cr_assert_null(calendar_freeze_at(&calendar, ms("2026-12-08T00:00:00Z")));
}

Test(calendar, all_frozen_is_never) {
  CHECK("production", "{freezes: [{from: '2026-01-01T00:00:00Z', to: '2030-01-01T00:00:00Z'}]}",
        {"2026-11-24T11:00:00Z", "never", "2026-11-24T11:00:00Z"},
        {"2029-06-01T00:00:00Z", "2030-01-01T10:00:00Z", "2029-06-01T00:00:00Z"}, );
}
