/* What the subtrees that pass through are made of (a list of strings, a map of strings …), so that everybody behind stack_decode may read
 * them without looking. */
#pragma once

#include "codec/json.h"

/* OBJECT is the whole stack. ERROR_INVALID names the field: "spec.config.env.A is 1, expected a string". */
int shape_check(const cJSON *object, struct error *error) _must_check_;
