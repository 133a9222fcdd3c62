/* JSON to C structs by tables: one row a field, with its path, type, place, default and meaning.
 *
 *     struct probe { const char *path; int64_t period_s; bool enabled; };
 *     static const struct decode_field probe_fields[] = {
 *         {"path",          DECODE_STRING, offsetof(struct probe, path),     .fallback = "/livez", .doc = "What is asked."},
 *         {"periodSeconds", DECODE_INT,    offsetof(struct probe, period_s), .fallback = "10"},
 *         {"enabled",       DECODE_BOOL,   offsetof(struct probe, enabled),  .fallback = "true"},
 *         {0}};
 *     if (decode(json, probe_fields, &probe, error) < 0) ...     "spec.probe.periodSeconds is \"x\", expected a whole number"
 *
 * Fields that the tree has and the table doesn't are ignored: a newer API server may send them. Everything that is decoded borrows from
 * the tree and from the table; nothing is allocated, nothing is freed.
 */
#pragma once

#include "codec/json.h"

enum decode_type {
  DECODE_STRING, /* const char *; absent: fallback (NULL where there is none) */
  DECODE_BOOL,   /* bool; fallback "true" or "false" (false) */
  DECODE_INT,    /* int64_t; fallback a number (0) */
  DECODE_JSON,   /* const cJSON *: the subtree as it is; absent: NULL */
  DECODE_OBJECT, /* a nested struct in place, by the table `fields`; absent: its defaults */
};

enum decode_flags {
  DECODE_REQUIRED = 1 << 0,         /* absent or empty: ERROR_INVALID */
  DECODE_RELEASE = 1 << 1,          /* part of the release hash (for decode_prune) */
  DECODE_FROM_ENVIRONMENT = 1 << 2, /* the default depends on other fields and is decided in code */
};

struct decode_field {
  const char *path; /* dotted, relative to the object; the table ends with NULL */
  enum decode_type type;
  size_t offset;
  unsigned flags;
  const char *fallback;
  const struct decode_field *fields; /* of DECODE_OBJECT */
  const char *doc;                   /* one sentence, for the reference documentation */
};

/* PREFIX is put before paths in errors ("spec"); may be "". */
int decode(const cJSON *object, const char *prefix, const struct decode_field *fields, void *into, struct error *error) _must_check_;

/* A new tree with only the fields of the table that bear DECODE_RELEASE (of an OBJECT: all of it that differs) and whose value differs from
 * the fallback. NULL without memory. The caller owns it. */
cJSON *decode_prune(const cJSON *object, const struct decode_field *fields);
