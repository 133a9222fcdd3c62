/* JSON: a strict validator before cJSON, look-ups that cannot surprise, and one canonical text for hashes.
 *
 * cJSON 1.7.15 takes trailing bytes, leading zeros, control bytes, bad UTF-8 and any depth, and cuts strings at \u0000; so nothing that comes
 * from outside is given to it before json_check() has let it through (RFC 8259, one pass, no allocation). Look-ups are case-sensitive.
 *
 *     _cleanup_(json_freep) cJSON *object = NULL;
 *     if (json_parse(text, n, &json_limits_cluster, &object, error) < 0) return error_wrap(error, "decode the pod");
 *     const char *name = json_string(object, "metadata.name", "");
 *
 * Owner: the caller owns what json_parse and the builders return (cJSON_Delete); getters borrow.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_limits {
  size_t max_bytes;
  unsigned max_depth;     /* of arrays and objects in each other */
  unsigned max_keys;      /* in one object; 0: no bound, or 256 with no_duplicate_keys */
  bool no_duplicate_keys; /* refuse {"a":1,"a":2}, also where one is written with escapes */
  bool exact_integers;    /* refuse integers beyond 2^53 - 1, so that cJSON's double holds every one exactly */
  bool cut_at_nul;        /* let \u0000 through, where cJSON ends the string: a NUL in one pod's last words must not end a watch */
};

#define JSON_INT_MAX INT64_C(9007199254740991)

extern const struct json_limits json_limits_cluster; /* what the API server sends: 64 MB, depth 128, cut at NUL */
extern const struct json_limits json_limits_request; /* what our users send: 256 kB, depth 32, 256 keys, no duplicates, exact */

/* ERROR_INVALID with the byte offset and what was expected. */
int json_check(const char *text, size_t n, const struct json_limits *limits, struct error *error) _must_check_;
int json_parse(const char *text, size_t n, const struct json_limits *limits, cJSON **ret, struct error *error) _must_check_;

static inline void json_freep(cJSON **json) {
  cJSON_Delete(*json);
  *json = NULL;
}

/* The member KEY of an object; NULL when absent, null, or OBJECT is no object (or NULL). */
const cJSON *json_member(const cJSON *object, const char *key);

/* Follows a dotted path of members, "spec.template.spec"; a key that has dots in it is reached with json_member. "" is OBJECT itself. */
const cJSON *json_get(const cJSON *object, const char *path);

/* The value at the path where it has the type, else FALLBACK. Strings are borrowed from the tree. */
const char *json_string(const cJSON *object, const char *path, const char *fallback);
int64_t json_int(const cJSON *object, const char *path, int64_t fallback); /* only whole numbers within ±(2^53 - 1) */
bool json_bool(const cJSON *object, const char *path, bool fallback);

/* Equal as JSON values: objects in any order, arrays in order, 1 equals 1.0. NULL equals NULL. Objects that have a key twice are equal in
 * the same order at least. */
bool json_equal(const cJSON *a, const cJSON *b);

/* Compact text. Numbers that are whole are printed whole. */
void json_print(const cJSON *json, struct buffer *to);

/* Compact text with object members sorted by byte value of their keys at every depth: what hashes are taken over. */
void json_canonical(const cJSON *json, struct buffer *to);
