/* Windows and freezes: whether changes may begin at a moment, and when that turns. Pure arithmetic in UTC (Unix time has no leap seconds).
 *
 *     struct calendar calendar;
 *     calendar_of_stack(stack, &calendar);
 *     if (!calendar_is_open(&calendar, now_ms)) ... calendar_next_open(&calendar, now_ms)
 *
 * Open is: in a window (or there are none), and in no freeze. All ranges are half-open: a window or freeze begins with its first moment and is over at
 * its last. Owner: nobody; reasons are borrowed from the stack.
 */
#pragma once

#include "stack/change.h"

enum { CALENDAR_DAYS = 366 /* how far ahead is looked */ };

struct calendar {
  struct stack_window windows[STACK_WINDOWS_MAX];
  size_t window_count; /* 0: always, but for freezes */
  struct stack_freeze freezes[STACK_FREEZES_MAX];
  size_t freeze_count;
};

/* What spec.change says, or what goes without saying. What can't be read (stack_validate has refused it) is left out. */
void calendar_of_stack(const struct stack *stack, struct calendar *calendar);

bool calendar_is_open(const struct calendar *calendar, int64_t at_ms);

/* The freeze that rules at AT_MS, of several the one that ends last; NULL: none. */
const struct stack_freeze *calendar_freeze_at(const struct calendar *calendar, int64_t at_ms);

/* The first open moment from AT_MS on; -1: none within CALENDAR_DAYS. */
int64_t calendar_next_open(const struct calendar *calendar, int64_t at_ms);

/* The first moment from AT_MS on that is not open; -1: none within CALENDAR_DAYS. */
int64_t calendar_next_close(const struct calendar *calendar, int64_t at_ms);
