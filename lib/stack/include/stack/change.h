/* spec.change as values: when what disturbs a stack may happen, and how strictly that is meant. Knows no clock.
 *
 *     struct stack_window window;
 *     if (stack_window_read(item, &window, &error) < 0) ...      "change.windows: start and end are both 10:00: …"
 *
 * All times are UTC. A window whose end is not after its start ends on the next day; its days are those on which it starts.
 */
#pragma once

#include "stack/stack.h"

enum { STACK_WINDOWS_MAX = 16, STACK_FREEZES_MAX = 64, DAY_MINUTES = 24 * 60 };

enum stack_enforcement {
  CHANGE_OFF,     /* nothing is asked */
  CHANGE_WARN,    /* what is asked is told, and nothing waits */
  CHANGE_ENFORCE, /* what is asked is waited for */
};

struct stack_window {
  unsigned days;                  /* bit 0: Sunday … bit 6: Saturday */
  int64_t start_minute, duration; /* of the day; in minutes, 1 to DAY_MINUTES */
};

struct stack_freeze {
  int64_t from_ms, to_ms; /* from is in it, to is not */
  const char *reason;     /* borrowed from the stack; "" where there is none */
};

/* Production's where the spec says nothing: Enforce there, Off elsewhere. */
enum stack_enforcement stack_enforcement(const struct stack *stack);

/* One item of change.windows, or of change.freezes. ERROR_INVALID with a sentence that names the field. */
int stack_window_read(const cJSON *item, struct stack_window *ret, struct error *error) _must_check_;
int stack_freeze_read(const cJSON *item, struct stack_freeze *ret, struct error *error) _must_check_;

/* All of change that the CRD's rules say too: 0, or ERROR_INVALID with one sentence. */
int stack_change_check(const struct stack *stack, struct error *error) _must_check_;

/* Production's windows where change.windows is absent: Tuesday to Thursday, 10:00-14:00. */
extern const struct stack_window stack_default_window;
extern const char stack_default_window_text[];
