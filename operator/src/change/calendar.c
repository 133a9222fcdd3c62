#include "change/calendar.h"

#include <string.h>

#define MINUTE_MS INT64_C(60000)
#define DAY_MS    (DAY_MINUTES * MINUTE_MS)

enum { WEEK_DAYS = 7, EPOCH_WEEKDAY = 4 /* 1970-01-01 was a Thursday */ };

void calendar_of_stack(const struct stack *stack, struct calendar *calendar) {
  const struct stack_change *change = &stack->spec.change;
  const cJSON *item;
  *calendar = (struct calendar){0};
  cJSON_ArrayForEach(item, change->windows) {
    if (calendar->window_count < STACK_WINDOWS_MAX && stack_window_read(item, &calendar->windows[calendar->window_count], NULL) == 0)
      calendar->window_count++;
  }
  cJSON_ArrayForEach(item, change->freezes) {
    if (calendar->freeze_count < STACK_FREEZES_MAX && stack_freeze_read(item, &calendar->freezes[calendar->freeze_count], NULL) == 0)
      calendar->freeze_count++;
  }
  if (!change->windows && stack_is_production(stack)) calendar->windows[calendar->window_count++] = stack_default_window;
}

static int64_t day_of(int64_t at_ms) { return at_ms / DAY_MS - (at_ms % DAY_MS < 0); }

static bool starts_on(const struct stack_window *window, int64_t day) {
  int64_t weekday = (((day + EPOCH_WEEKDAY) % WEEK_DAYS) + WEEK_DAYS) % WEEK_DAYS;
  return window->days >> weekday & 1;
}

static int64_t start_on(const struct stack_window *window, int64_t day) { return day * DAY_MS + window->start_minute * MINUTE_MS; }

/* When the windows that AT_MS lies in are over, those apart that only begin then; AT_MS where it lies in none. */
static int64_t windows_end(const struct calendar *calendar, int64_t at_ms) {
  int64_t end = at_ms, today = day_of(at_ms);
  for (size_t i = 0; i < calendar->window_count; i++) {
    const struct stack_window *window = &calendar->windows[i];
    for (int64_t day = today - 1; day <= today; day++) { /* yesterday's may go on past midnight */
      int64_t start = start_on(window, day), over = start + window->duration * MINUTE_MS;
      if (starts_on(window, day) && start <= at_ms && at_ms < over && over > end) end = over;
    }
  }
  return end;
}

/* The next beginning of a window after AT_MS: within eight days, as every window has a day. */
static int64_t next_start(const struct calendar *calendar, int64_t at_ms) {
  int64_t first = INT64_MAX, today = day_of(at_ms);
  for (size_t i = 0; i < calendar->window_count; i++)
    for (int64_t day = today; day <= today + WEEK_DAYS; day++) {
      int64_t start = start_on(&calendar->windows[i], day);
      if (starts_on(&calendar->windows[i], day) && start > at_ms && start < first) first = start;
    }
  return first;
}

const struct stack_freeze *calendar_freeze_at(const struct calendar *calendar, int64_t at_ms) {
  const struct stack_freeze *found = NULL;
  for (size_t i = 0; i < calendar->freeze_count; i++) {
    const struct stack_freeze *freeze = &calendar->freezes[i];
    if (freeze->from_ms <= at_ms && at_ms < freeze->to_ms && (!found || freeze->to_ms > found->to_ms)) found = freeze;
  }
  return found;
}

static int64_t next_freeze(const struct calendar *calendar, int64_t at_ms) {
  int64_t first = INT64_MAX;
  for (size_t i = 0; i < calendar->freeze_count; i++)
    if (calendar->freezes[i].from_ms > at_ms && calendar->freezes[i].from_ms < first) first = calendar->freezes[i].from_ms;
  return first;
}

static bool in_window(const struct calendar *calendar, int64_t at_ms) {
  return !calendar->window_count || windows_end(calendar, at_ms) > at_ms;
}

bool calendar_is_open(const struct calendar *calendar, int64_t at_ms) {
  return !calendar_freeze_at(calendar, at_ms) && in_window(calendar, at_ms);
}

/* Each step leaves a freeze for good or goes to a window's beginning, so that the horizon is reached. */
int64_t calendar_next_open(const struct calendar *calendar, int64_t at_ms) {
  int64_t horizon = at_ms + CALENDAR_DAYS * DAY_MS;
  while (at_ms < horizon) {
    const struct stack_freeze *freeze = calendar_freeze_at(calendar, at_ms);
    if (!freeze && in_window(calendar, at_ms)) return at_ms;
    at_ms = freeze ? freeze->to_ms : next_start(calendar, at_ms);
  }
  return -1;
}

int64_t calendar_next_close(const struct calendar *calendar, int64_t at_ms) {
  int64_t horizon = at_ms + CALENDAR_DAYS * DAY_MS;
  while (at_ms < horizon) {
    if (!calendar_is_open(calendar, at_ms)) return at_ms;
    int64_t freeze = next_freeze(calendar, at_ms), end = calendar->window_count ? windows_end(calendar, at_ms) : horizon;
    at_ms = freeze < end ? freeze : end;
  }
  return -1;
}
