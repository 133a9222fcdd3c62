#include "codec/decode.h"

#include "base/number.h"

#include <string.h>

enum { SHOWN_BYTES = 64 };

/* "spec.probe." + "periodSeconds": where a value stands, told only when something is wrong with it. */
struct place {
  const struct place *outer;
  const char *name;
  size_t length;
};

static void print_place(const struct place *place, struct buffer *to) {
  if (!place) return;
  print_place(place->outer, to);
  if (place->length && to->len) buffer_append(to, ".", 1);
  buffer_append(to, place->name, place->length);
}

/* "<place> <problem>": PROBLEM with the value before it where there is one. */
static int refuse(const struct place *place, const cJSON *value, const char *problem, struct error *error) {
  struct buffer where, shown;
  buffer_init(&where, 256);
  buffer_init(&shown, 4096);
  print_place(place, &where);
  if (value) json_print(value, &shown);
  bool brief = value && !shown.failed && shown.len <= SHOWN_BYTES;
  const char *kind = cJSON_IsObject(value) ? "an object" : cJSON_IsArray(value) ? "a list" : "a long text";
  if (value)
    (void)error_set(error, ERROR_INVALID, "%s is %s, %s", buffer_text(&where), brief ? buffer_text(&shown) : kind, problem);
  else
    (void)error_set(error, ERROR_INVALID, "%s %s", buffer_text(&where), problem);
  buffer_done(&where);
  buffer_done(&shown);
  return -1;
}

/* The value at the field's path, NULL where it or something above it is absent; what stands above it must be objects. */
static int reach(const cJSON *object, const struct place *outer, const char *path, const cJSON **ret, struct error *error) {
  for (const char *at = path; object;) {
    if (!cJSON_IsObject(object)) {
      struct place place = {.outer = outer, .name = path, .length = at == path ? 0 : (size_t)(at - path) - 1};
      return refuse(&place, object, "expected an object", error);
    }
    size_t n = strcspn(at, ".");
    if (!at[n]) return *ret = json_member(object, at), 0;
    char name[64];
    if (n >= sizeof name) return error_set(error, ERROR_BUG, "%s has a part of more than 63 characters", path);
    memcpy(name, at, n);
    name[n] = 0;
    object = json_member(object, name);
    at += n + 1;
  }
  *ret = NULL;
  return 0;
}

static int decode_object(const cJSON *object, const struct place *outer, const struct decode_field *fields, bool required, char *into,
                         struct error *error);

static int decode_int(const cJSON *value, const struct decode_field *field, const struct place *place, int64_t *to, struct error *error) {
  int64_t number = 0;
  if (value && (!cJSON_IsNumber(value) || (number = json_int(value, "", INT64_MIN)) == INT64_MIN))
    return refuse(place, value, "expected a whole number", error);
  if (!value && field->fallback && parse_int64(field->fallback, INT64_MIN, INT64_MAX, &number) < 0)
    return error_set(error, ERROR_BUG, "the default of %s is no number", field->path);
  *to = number;
  return 0;
}

static int decode_value(const cJSON *value, const struct decode_field *field, const struct place *place, char *into, struct error *error) {
  switch (field->type) {
    case DECODE_STRING:
      if (value && !cJSON_IsString(value)) return refuse(place, value, "expected a string", error);
      *(const char **)(void *)into = value ? value->valuestring : field->fallback;
      return 0;
    case DECODE_BOOL:
      if (value && !cJSON_IsBool(value)) return refuse(place, value, "expected true or false", error);
      *(bool *)into = value ? cJSON_IsTrue(value) : field->fallback && !strcmp(field->fallback, "true");
      return 0;
    case DECODE_INT: return decode_int(value, field, place, (int64_t *)(void *)into, error);
    case DECODE_JSON: *(const cJSON **)(void *)into = value; return 0;
    case DECODE_OBJECT: return decode_object(value, place, field->fields, value, into, error);
  }
  return error_set(error, ERROR_BUG, "%s has no type", field->path);
}

static bool is_empty(const cJSON *value) {
  if (cJSON_IsString(value)) return !*value->valuestring;
  return (cJSON_IsArray(value) || cJSON_IsObject(value)) && !value->child;
}

/* What an absent object would have to hold is not asked for: its table then only fills in the defaults. */
static int decode_object(const cJSON *object, const struct place *outer, const struct decode_field *fields, bool required, char *into,
                         struct error *error) {
  if (object && !cJSON_IsObject(object)) return refuse(outer, object, "expected an object", error);
  for (const struct decode_field *field = fields; field->path; field++) {
    struct place place = {.outer = outer, .name = field->path, .length = strlen(field->path)};
    const cJSON *value = NULL;
    if (reach(object, outer, field->path, &value, error) < 0) return -1;
    if (required && (field->flags & DECODE_REQUIRED)) {
      if (!value) return refuse(&place, NULL, "is missing", error);
      if (is_empty(value)) return refuse(&place, NULL, "is empty", error);
    }
    if (decode_value(value, field, &place, into + field->offset, error) < 0) return -1;
  }
  return 0;
}

int decode(const cJSON *object, const char *prefix, const struct decode_field *fields, void *into, struct error *error) {
  struct place place = {.name = prefix, .length = strlen(prefix)};
  if (cJSON_IsNull(object)) object = NULL;
  return decode_object(object, &place, fields, true, into, error);
}

static bool is_fallback(const cJSON *value, const struct decode_field *field) {
  int64_t number = 0;
  switch (field->type) {
    case DECODE_STRING: return cJSON_IsString(value) && field->fallback && !strcmp(value->valuestring, field->fallback);
    case DECODE_BOOL: return cJSON_IsBool(value) && cJSON_IsTrue(value) == (field->fallback && !strcmp(field->fallback, "true"));
    case DECODE_INT:
      return cJSON_IsNumber(value) && (!field->fallback || !parse_int64(field->fallback, INT64_MIN, INT64_MAX, &number)) &&
             json_int(value, "", INT64_MIN) == number;
    case DECODE_JSON:
    case DECODE_OBJECT: return false;
  }
  return false;
}

/* Puts VALUE (which it takes) at the dotted path, with the objects above it where they are not there yet. */
static int put(cJSON *tree, const char *path, cJSON *value) {
  size_t n = strcspn(path, ".");
  if (!path[n]) {
    if (cJSON_AddItemToObject(tree, path, value)) return 0;
    cJSON_Delete(value);
    return -1;
  }
  char name[64] = "";
  memcpy(name, path, n < sizeof name ? n : sizeof name - 1);
  cJSON *next = cJSON_GetObjectItemCaseSensitive(tree, name);
  if (!next) next = cJSON_AddObjectToObject(tree, name);
  if (next) return put(next, path + n + 1, value);
  cJSON_Delete(value);
  return -1;
}

/* ALL: the table hangs below a row that bears the flag. */
static int prune(const cJSON *object, const struct decode_field *fields, bool all, cJSON *tree) {
  for (const struct decode_field *field = fields; field->path; field++) {
    const cJSON *value = json_get(object, field->path);
    bool wanted = all || (field->flags & DECODE_RELEASE);
    bool nested = field->type == DECODE_OBJECT && cJSON_IsObject(value);
    if (!value || (!wanted && !nested) || is_fallback(value, field)) continue;
    cJSON *kept = nested ? cJSON_CreateObject() : cJSON_Duplicate(value, true);
    if (!kept) return -1;
    int rc = nested ? prune(value, field->fields, wanted, kept) : 0;
    if (rc < 0 || (nested && !kept->child))
      cJSON_Delete(kept);
    else
      rc = put(tree, field->path, kept);
    if (rc < 0) return -1;
  }
  return 0;
}

cJSON *decode_prune(const cJSON *object, const struct decode_field *fields) {
  cJSON *tree = cJSON_CreateObject();
  if (tree && prune(object, fields, false, tree) < 0) json_freep(&tree);
  return tree;
}
