#include "render/template.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A failure is remembered, and the text read to its end all the same: what was given to be taken must be freed. */
struct template {
  const char *at;
  va_list args;
  bool failed;
};

static cJSON *read_value(struct template *t);

static void skip_space(struct template *t) { t->at += strspn(t->at, " "); }

static bool skip_sign(struct template *t, char sign) {
  skip_space(t);
  if (*t->at != sign) return false;
  t->at++;
  return true;
}

/* The quoted text that begins here. */
static char *read_text(struct template *t) {
  if (!skip_sign(t, '\'')) return NULL;
  size_t n = strcspn(t->at, "'");
  char *text = strndup(t->at, n);
  t->at += n + (t->at[n] == '\'');
  return text;
}

static cJSON *read_string(struct template *t) {
  char *text = read_text(t);
  cJSON *string = text ? cJSON_CreateString(text) : NULL;
  free(text);
  return string;
}

static cJSON *string_or_null(const char *text) { return text ? cJSON_CreateString(text) : cJSON_CreateNull(); }

static cJSON *copy_or_null(const cJSON *tree) { return tree ? cJSON_Duplicate(tree, true) : cJSON_CreateNull(); }

static cJSON *read_argument(struct template *t) {
  t->at++;
  switch (*t->at++) {
    case 's': return string_or_null(va_arg(t->args, const char *));
    case 'd': return cJSON_CreateNumber((double)va_arg(t->args, int64_t));
    case 'j': return copy_or_null(va_arg(t->args, const cJSON *));
    case 't': return va_arg(t->args, cJSON *);
    default: return NULL;
  }
}

static void add_to_array(struct template *t, cJSON *array) {
  cJSON *value = read_value(t);
  if (value && array && cJSON_AddItemToArray(array, value)) return;
  cJSON_Delete(value);
  t->failed = true;
}

static void add_to_object(struct template *t, cJSON *object) {
  char *key = read_text(t);
  bool colon = skip_sign(t, ':');
  cJSON *value = read_value(t);
  bool added = key && colon && value && object && cJSON_AddItemToObject(object, key, value);
  if (!added) {
    cJSON_Delete(value);
    t->failed = true;
  }
  free(key);
}

static cJSON *read_many(struct template *t, cJSON *into, char end, void (*add)(struct template *t, cJSON *into)) {
  t->at++;
  bool closed = false;
  while (*t->at && !(closed = skip_sign(t, end))) {
    add(t, into);
    skip_sign(t, ',');
  }
  t->failed = t->failed || !closed;
  return into;
}

/* A number, true, false or null. What is none of these is left behind. */
static cJSON *read_literal(struct template *t) {
  size_t n = strcspn(t->at, ",]} ");
  cJSON *literal = n ? cJSON_ParseWithLength(t->at, n) : NULL;
  t->at += n || !*t->at ? n : 1;
  return literal;
}

static cJSON *read_value(struct template *t) {
  skip_space(t);
  switch (*t->at) {
    case '%': return read_argument(t);
    case '{': return read_many(t, cJSON_CreateObject(), '}', add_to_object);
    case '[': return read_many(t, cJSON_CreateArray(), ']', add_to_array);
    case '\'': return read_string(t);
    default: return read_literal(t);
  }
}

static void drop_nulls(cJSON *tree) {
  for (cJSON *child = tree->child, *next; child; child = next) {
    next = child->next;
    if (cJSON_IsNull(child))
      cJSON_Delete(cJSON_DetachItemViaPointer(tree, child));
    else
      drop_nulls(child);
  }
}

cJSON *render_json(const char *text, ...) {
  struct template t = {.at = text};
  va_start(t.args, text);
  cJSON *tree = read_value(&t);
  va_end(t.args);
  if (t.failed || *t.at) {
    cJSON_Delete(tree);
    return NULL;
  }
  if (tree) drop_nulls(tree);
  return tree;
}

cJSON *render_with(cJSON *object, const char *key, cJSON *value) {
  bool absent = cJSON_IsNull(value);
  if (object && value && (absent || cJSON_AddItemToObject(object, key, value))) {
    if (absent) cJSON_Delete(value);
    return object;
  }
  cJSON_Delete(object);
  cJSON_Delete(value);
  return NULL;
}

cJSON *render_append(cJSON *array, cJSON *value) {
  if (array && value && cJSON_AddItemToArray(array, value)) return array;
  cJSON_Delete(array);
  cJSON_Delete(value);
  return NULL;
}
