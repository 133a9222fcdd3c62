/* What outlives a stack and what does not. Children go by their owner references, without us; the JWKS Secret has none, and goes only where
 * spec.jwks.retain is false: for that alone there is a finalizer. Pure. */
#pragma once

#include "stack/plan.h"

#define FINALIZER STACK_GROUP "/keys"

/* Puts the finalizer on a stack that needs it, takes it off one that does not. */
void finalize_plan_guard(const struct observation *o, struct plan *plan);

/* The last round of a stack that is being deleted. */
void finalize_plan(const struct observation *o, struct plan *plan);
