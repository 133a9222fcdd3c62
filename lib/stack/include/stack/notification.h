/* spec.notifications as values: who is told of changes, of which ones, and where the address is kept.
 *
 *     struct stack_notification to;
 *     for (int i = 0; stack_notification_at(&stack->spec, i, &to); i++)
 *       if (stack_notification_wants(&to, "ReleaseFailed")) ...
 *
 * Strings are borrowed from the stack.
 */
#pragma once

#include "stack/stack.h"

enum { STACK_MAX_NOTIFICATIONS = 8 };

/* Behind the key that holds a webhook's URL: the key with its signing secret. */
#define STACK_SIGNING_KEY_SUFFIX ".signing"

struct stack_notification {
  const char *name, *type; /* slack, pagerduty, webhook */
  const char *secret_name, *secret_key;
  const cJSON *events; /* strings; NULL: all */
};

/* What can be told, in the order of a release; ends with NULL. */
extern const char *const stack_notification_events[];

/* By their place (from 0), or their name. False where there is none. */
bool stack_notification_at(const struct stack_spec *spec, int place, struct stack_notification *ret);
bool stack_notification_find(const struct stack_spec *spec, const char *name, struct stack_notification *ret);

bool stack_notification_wants(const struct stack_notification *notification, const char *event);

/* All of notifications that the CRD's rules say too: 0, or ERROR_INVALID with one sentence. */
int stack_notifications_check(const struct stack *stack, struct error *error) _must_check_;
