#include "stack/change.h"

#include "base/clock.h"

#include <string.h>

enum { TUESDAY = 2, THURSDAY = 4 };

const struct stack_window stack_default_window = {
    .days = 1U << TUESDAY | 1U << (TUESDAY + 1) | 1U << THURSDAY, .start_minute = 10 * 60, .duration = 4 * 60};
const char stack_default_window_text[] = "Tue, Wed, Thu 10:00-14:00";

enum stack_enforcement stack_enforcement(const struct stack *stack) {
  const char *said = stack->spec.change.enforcement;
  if (!said) return stack_is_production(stack) ? CHANGE_ENFORCE : CHANGE_OFF;
  return !strcmp(said, "Enforce") ? CHANGE_ENFORCE : !strcmp(said, "Warn") ? CHANGE_WARN : CHANGE_OFF;
}

/* The number that two digits make; -1: they are none. */
static int64_t two_digits(const char *text) {
  return strspn(text, "0123456789") < 2 ? -1 : (int64_t)(text[0] - '0') * 10 + (text[1] - '0');
}

/* "HH:MM", up to and with LATEST minutes. */
static int read_time(const char *text, int64_t latest, int64_t *ret_minute) {
  if (!text || strlen(text) != 5 || text[2] != ':') return -1;
  int64_t hours = two_digits(text), minutes = two_digits(text + 3);
  if (hours < 0 || minutes < 0 || minutes > 59 || hours * 60 + minutes > latest) return -1;
  *ret_minute = hours * 60 + minutes;
  return 0;
}

static int read_days(const cJSON *days, unsigned *ret_days, struct error *error) {
  static const char *const names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  const cJSON *day;
  *ret_days = 0;
  cJSON_ArrayForEach(day, days) {
    size_t i = 0;
    while (i < ELEMENTS(names) && (!cJSON_IsString(day) || strcmp(day->valuestring, names[i]))) i++;
    if (i == ELEMENTS(names)) return error_set(error, ERROR_INVALID, "change.windows: days are Mon, Tue, Wed, Thu, Fri, Sat and Sun");
    *ret_days |= 1U << i;
  }
  return *ret_days ? 0 : error_set(error, ERROR_INVALID, "change.windows: a window names the days on which it starts");
}

int stack_window_read(const cJSON *item, struct stack_window *ret, struct error *error) {
  struct stack_window window;
  int64_t end;
  if (read_days(json_member(item, "days"), &window.days, error) < 0) return -1;
  if (read_time(json_string(item, "start", NULL), DAY_MINUTES - 1, &window.start_minute) < 0)
    return error_set(error, ERROR_INVALID, "change.windows: start is a time of the day from 00:00 to 23:59, in UTC");
  if (read_time(json_string(item, "end", NULL), DAY_MINUTES, &end) < 0)
    return error_set(error, ERROR_INVALID, "change.windows: end is a time of the day from 00:00 to 24:00, in UTC");
  if (end == window.start_minute)
    return error_set(error, ERROR_INVALID,
                     "change.windows: start and end are the same, which is a window of no length; for a whole day say 00:00 to 24:00");
  window.duration = end > window.start_minute ? end - window.start_minute : end + DAY_MINUTES - window.start_minute;
  *ret = window;
  return 0;
}

int stack_freeze_read(const cJSON *item, struct stack_freeze *ret, struct error *error) {
  struct stack_freeze freeze = {.reason = json_string(item, "reason", "")};
  if (parse_rfc3339(json_string(item, "from", NULL), &freeze.from_ms) < 0 ||
      parse_rfc3339(json_string(item, "to", NULL), &freeze.to_ms) < 0)
    return error_set(error, ERROR_INVALID, "change.freezes: from and to are times such as 2026-12-20T00:00:00Z");
  if (freeze.from_ms >= freeze.to_ms)
    return error_set(error, ERROR_INVALID, "change.freezes: from is not before to: a freeze of no length");
  *ret = freeze;
  return 0;
}

static int check_windows(const cJSON *windows, struct error *error) {
  struct stack_window window;
  const cJSON *item;
  if (cJSON_GetArraySize(windows) > STACK_WINDOWS_MAX)
    return error_set(error, ERROR_INVALID, "change.windows holds more than %d windows", STACK_WINDOWS_MAX);
  cJSON_ArrayForEach(item, windows) {
    if (stack_window_read(item, &window, error) < 0) return -1;
  }
  return 0;
}

static int check_freezes(const cJSON *freezes, struct error *error) {
  struct stack_freeze freeze;
  const cJSON *item;
  if (cJSON_GetArraySize(freezes) > STACK_FREEZES_MAX)
    return error_set(error, ERROR_INVALID, "change.freezes holds more than %d freezes", STACK_FREEZES_MAX);
  cJSON_ArrayForEach(item, freezes) {
    if (stack_freeze_read(item, &freeze, error) < 0) return -1;
  }
  return 0;
}

/* What would look as if it held something, and doesn't. */
static bool is_idle(const struct stack *stack) {
  const struct stack_change *change = &stack->spec.change;
  bool asks = change->windows || change->freezes || change->require_approval || change->require_ticket;
  return asks && !change->enforcement && !stack_is_production(stack);
}

int stack_change_check(const struct stack *stack, struct error *error) {
  const struct stack_change *change = &stack->spec.change;
  if (is_idle(stack))
    return error_set(
        error, ERROR_INVALID,
        "change.enforcement is missing: outside of production it is Off where omitted, and nothing else of change is looked at");
  return check_windows(change->windows, error) < 0 || check_freezes(change->freezes, error) < 0 ? -1 : 0;
}
