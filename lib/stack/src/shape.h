/* What the subtrees that pass through are made of (a list of strings, a map of strings …), so that everybody behind stack_decode may read
 * them without looking. */
#pragma once

#include "codec/json.h"

/* OBJECT is the whole stack. ERROR_INVALID names the field: "spec.config.env.A is 1, expected a string". */
int shape_check(const cJSON *object, struct error *error) _must_check_;

/* A whole number from 0 to MAX, or a percentage from 0% to 100%, of a value that has the shape of one. */
bool shape_is_count(const cJSON *value, int64_t max);
