/* JSON trees from text that looks like them, so that a builder reads like the manifest that it makes.
 *
 *     cJSON *port = render_json("{'name': 'http', 'port': %d, 'nodePort': %j, 'protocol': 'TCP'}", stack->spec.service.port, NULL);
 *
 * The text is JSON with ' for ", without escapes. Outside of strings stand:
 *
 *     %s  const char *      a string
 *     %d  int64_t           a whole number (cast what is not int64_t)
 *     %j  const cJSON *     a tree, which is copied
 *     %t  cJSON *           a tree, which is taken in every case
 *
 * What is null stays out: a member whose %s or %j is NULL, and nulls anywhere in copied trees, are as if they were never written, which is
 * how the API server reads them. A NULL for %t means that memory ran out where it was made, and makes the whole NULL; a part that is not
 * wanted is render_nothing().
 *
 * Owner: the caller owns the result. NULL means no memory.
 */
#pragma once

#include "codec/json.h"

cJSON *render_json(const char *text, ...) _must_check_;

static inline cJSON *render_nothing(void) { return cJSON_CreateNull(); }

/* Puts VALUE into OBJECT as its member KEY (nothing, where it is render_nothing()). Takes both; OBJECT, or NULL where either is NULL or memory
 * ran out. */
cJSON *render_with(cJSON *object, const char *key, cJSON *value) _must_check_;

/* The same at the end of an array. */
cJSON *render_append(cJSON *array, cJSON *value) _must_check_;
