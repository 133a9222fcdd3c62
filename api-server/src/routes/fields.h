/* Strict request bodies: a table says which members an object may have; everything else is wrong, and each wrong field is named (422).
 *
 *     static const struct field rules[] = {
 *         {"sub", FIELD_TEXT, true, 1, 256},
 *         {"ttl", FIELD_INTEGER, false, 1, 86400},
 *         {0}};
 *     struct wrong_fields wrong = {.arena = request->arena};
 *     fields_check(json, "", rules, &wrong);
 *     if (fields_answer(request, &wrong)) return;
 */
#pragma once

#include "base/arena.h"
#include "codec/json.h"
#include "http/request.h"

enum field_type {
  FIELD_TEXT,    /* min to max bytes, without control bytes */
  FIELD_INTEGER, /* min to max */
  FIELD_TIME,    /* RFC 3339, with an offset of at most 15:59 */
  FIELD_TEXTS,   /* a list of at most max texts of 1 to 64 bytes */
  FIELD_OBJECT,  /* checked by the caller */
};

struct field {
  const char *name; /* NULL ends a table */
  enum field_type type;
  bool required;
  int64_t min, max;
};

enum { WRONG_FIELDS_MAX = 32 };

struct wrong_fields {
  struct arena *arena;
  size_t count; /* beyond the maximum they are not told */
  struct problem_error all[WRONG_FIELDS_MAX];
};

/* PREFIX, "grant." or "", stands before the names that are told. */
void fields_check(const cJSON *object, const char *prefix, const struct field *rules, struct wrong_fields *wrong);

/* The same, but members without a rule are passed over: for senders who may add some. */
void fields_check_known(const cJSON *object, const char *prefix, const struct field *rules, struct wrong_fields *wrong);

/* One more. FORMAT's text is about the field: "must be …". */
void fields_wrong(struct wrong_fields *wrong, const char *prefix, const char *name, const char *message);

/* Answers that one field, by its path, is wrong. */
void fields_refuse(struct request *request, const char *path, const char *message);

/* True: something was wrong, and the request is answered. */
bool fields_answer(struct request *request, const struct wrong_fields *wrong);
