/* spec.rollout as values.
 *
 *     int64_t canary = stack_canary_replicas(stack);        // 1 in production, else 0, where the spec says nothing
 */
#pragma once

#include "stack/stack.h"

enum { STACK_CANARY_MAX = 1000 };

/* Pods that come first, as they are asked for: how many there can be is another thing. */
int64_t stack_canary_replicas(const struct stack *stack);

/* rollout.verification.maxErrorRate; -1 where it is no share. */
double stack_max_error_rate(const struct stack *stack);

/* What the CRD's rules say too: 0, or ERROR_INVALID with one sentence. */
int stack_rollout_check(const struct stack *stack, struct error *error) _must_check_;
