#include "codec/yaml.h"

#include "base/map.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { MAX_BYTES = 4 << 20, MAX_DEPTH = 64 };

struct reader {
  yaml_parser_t parser;
  unsigned depth;
  struct error *error;
};

static int read_node(struct reader *r, const yaml_event_t *event, cJSON **ret);

static int refuse(const struct reader *r, yaml_mark_t at, const char *what) {
  return error_set(r->error, ERROR_INVALID, "YAML is wrong at line %zu, column %zu: %s", at.line + 1, at.column + 1, what);
}

/* The caller deletes the event. */
static int next_event(struct reader *r, yaml_event_t *event) {
  if (yaml_parser_parse(&r->parser, event)) return 0;
  if (r->parser.error == YAML_MEMORY_ERROR) return error_oom(r->error);
  const char *problem = r->parser.problem ? r->parser.problem : "not YAML";
  if (r->parser.error == YAML_READER_ERROR)
    return error_set(r->error, ERROR_INVALID, "YAML is wrong at byte %zu: %s", r->parser.problem_offset, problem);
  return refuse(r, r->parser.problem_mark, problem);
}

static cJSON *create_true(const char *text) { return (void)text, cJSON_CreateTrue(); }
static cJSON *create_false(const char *text) { return (void)text, cJSON_CreateFalse(); }
static cJSON *create_null(const char *text) { return (void)text, cJSON_CreateNull(); }

/* YAML 1.1's words, as goyaml.v2 (which sigs.k8s.io/yaml wraps) resolves them. */
static const struct {
  cJSON *(*create)(const char *text); /* NULL: JSON has no such value */
  const char *words[6];
} meanings[] = {
    {create_true, {"true", "True", "TRUE"}},
    {create_true, {"y", "Y", "yes", "Yes", "YES"}},
    {create_true, {"on", "On", "ON"}},
    {create_false, {"false", "False", "FALSE"}},
    {create_false, {"n", "N", "no", "No", "NO"}},
    {create_false, {"off", "Off", "OFF"}},
    {create_null, {"", "~", "null", "Null", "NULL"}},
    {NULL, {".nan", ".NaN", ".NAN"}},
    {NULL, {".inf", ".Inf", ".INF"}},
    {NULL, {"+.inf", "+.Inf", "+.INF"}},
    {NULL, {"-.inf", "-.Inf", "-.INF"}},
};

static size_t digits(const char *text) { return strspn(text, "0123456789"); }

/* ^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$ */
static bool is_decimal(const char *text) {
  text += *text == '-' || *text == '+';
  size_t whole = digits(text), fraction = 0;
  text += whole;
  if (*text == '.') {
    fraction = digits(text + 1);
    text += 1 + fraction;
  }
  if (!whole && !fraction) return false;
  if (*text == 'e' || *text == 'E') {
    text++;
    text += *text == '-' || *text == '+';
    if (!digits(text)) return false;
    text += digits(text);
  }
  return !*text;
}

/* The base of an integer and where its digits start; 0 when it isn't one. */
static int integer_base(const char *text, const char **ret_digits) {
  static const struct {
    const char *prefix, *digits;
    int base;
  } bases[] = {{"0x", "0123456789abcdefABCDEF", 16},
               {"0X", "0123456789abcdefABCDEF", 16},
               {"0b", "01", 2},
               {"0B", "01", 2},
               {"0o", "01234567", 8},
               {"0O", "01234567", 8},
               {"0", "01234567", 8},
               {"", "0123456789", 10}};
  for (size_t i = 0; i < ELEMENTS(bases); i++) {
    size_t n = strlen(bases[i].prefix);
    if (strncmp(text, bases[i].prefix, n) != 0 || !text[n] || text[n + strspn(text + n, bases[i].digits)]) continue;
    *ret_digits = text + n;
    return bases[i].base;
  }
  return 0;
}

/* 1 and *RET where TEXT is a number, 0 where it is none, -1 where it is one that a double can't hold. */
static int resolve_number(const char *text, double *ret) {
  char plain[64];
  size_t n = 0;
  for (; *text && n < sizeof plain - 1; text++)
    if (*text != '_') plain[n++] = *text;
  plain[n] = 0;
  if (*text) return 0;
  bool negative = *plain == '-';
  const char *first = NULL;
  int base = integer_base(plain + (*plain == '-' || *plain == '+'), &first);
  if (base) {
    char *end;
    unsigned long long value = strtoull(first, &end, base);
    if (value > (unsigned long long)JSON_INT_MAX) return -1;
    *ret = negative ? -(double)value : (double)value;
    return 1;
  }
  if (!is_decimal(plain)) return 0;
  *ret = strtod(plain, NULL);
  return __builtin_isfinite(*ret) ? 1 : -1;
}

static int resolve_plain(const struct reader *r, const yaml_event_t *event, cJSON **ret) {
  const char *text = (const char *)event->data.scalar.value;
  for (size_t i = 0; i < ELEMENTS(meanings); i++)
    for (size_t k = 0; k < ELEMENTS(meanings[i].words) && meanings[i].words[k]; k++) {
      if (strcmp(meanings[i].words[k], text) != 0) continue;
      if (!meanings[i].create) return refuse(r, event->start_mark, "JSON has no infinity and no NaN");
      return (*ret = meanings[i].create(text)) ? 0 : error_oom(r->error);
    }
  double number = 0;
  int found = strchr("+-.0123456789", *text) ? resolve_number(text, &number) : 0;
  if (found < 0) return refuse(r, event->start_mark, "a number too large to be exact, expected quotes around it");
  *ret = found ? cJSON_CreateNumber(number) : cJSON_CreateString(text);
  return *ret ? 0 : error_oom(r->error);
}

static int check_scalar(const struct reader *r, const yaml_event_t *event) {
  if (event->data.scalar.anchor) return refuse(r, event->start_mark, "anchors are not taken");
  if (event->data.scalar.tag) return refuse(r, event->start_mark, "tags are not taken");
  if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length)
    return refuse(r, event->start_mark, "a string with a NUL in it");
  return 0;
}

static int read_scalar(const struct reader *r, const yaml_event_t *event, cJSON **ret) {
  if (check_scalar(r, event) < 0) return -1;
  if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) return resolve_plain(r, event, ret);
  *ret = cJSON_CreateString((const char *)event->data.scalar.value);
  return *ret ? 0 : error_oom(r->error);
}

/* Reads the next node; 1 where the collection ends instead. */
static int read_item(struct reader *r, yaml_event_type_t end, cJSON **ret) {
  _cleanup_(yaml_event_delete) yaml_event_t event = {0};
  if (next_event(r, &event) < 0) return -1;
  return event.type == end ? 1 : read_node(r, &event, ret);
}

static int read_sequence(struct reader *r, cJSON *array) {
  for (;;) {
    cJSON *item = NULL;
    int rc = read_item(r, YAML_SEQUENCE_END_EVENT, &item);
    if (rc) return rc < 0 ? -1 : 0;
    (void)cJSON_AddItemToArray(array, item); /* fails for NULL only */
  }
}

static int check_key(const struct reader *r, const yaml_event_t *event, struct map *seen) {
  if (event->type == YAML_ALIAS_EVENT) return refuse(r, event->start_mark, "aliases are not taken");
  if (event->type != YAML_SCALAR_EVENT) return refuse(r, event->start_mark, "expected a string as key");
  if (check_scalar(r, event) < 0) return -1;
  const char *key = (const char *)event->data.scalar.value;
  if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !strcmp(key, "<<"))
    return refuse(r, event->start_mark, "merge keys are not taken");
  if (map_has(seen, key)) return refuse(r, event->start_mark, "a key that the object already has");
  return map_put(seen, key, seen) < 0 ? error_oom(r->error) : 0;
}

static int read_mapping(struct reader *r, cJSON *object) {
  _cleanup_(map_freep) struct map *seen = map_new(NULL);
  if (!seen) return error_oom(r->error);
  for (;;) {
    _cleanup_(yaml_event_delete) yaml_event_t key = {0};
    if (next_event(r, &key) < 0) return -1;
    if (key.type == YAML_MAPPING_END_EVENT) return 0;
    if (check_key(r, &key, seen) < 0) return -1;
    cJSON *value = NULL;
    if (read_item(r, YAML_NO_EVENT, &value) < 0) return -1;
    if (cJSON_AddItemToObject(object, (const char *)key.data.scalar.value, value)) continue;
    cJSON_Delete(value);
    return error_oom(r->error);
  }
}

static int read_collection(struct reader *r, const yaml_event_t *event, cJSON **ret) {
  bool mapping = event->type == YAML_MAPPING_START_EVENT;
  if (mapping ? event->data.mapping_start.anchor : event->data.sequence_start.anchor)
    return refuse(r, event->start_mark, "anchors are not taken");
  if (mapping ? event->data.mapping_start.tag : event->data.sequence_start.tag) return refuse(r, event->start_mark, "tags are not taken");
  if (r->depth == MAX_DEPTH) return refuse(r, event->start_mark, "lists and objects too deep in each other");
  _cleanup_(json_freep) cJSON *json = mapping ? cJSON_CreateObject() : cJSON_CreateArray();
  if (!json) return error_oom(r->error);
  r->depth++;
  if ((mapping ? read_mapping(r, json) : read_sequence(r, json)) < 0) return -1;
  r->depth--;
  *ret = TAKE(json);
  return 0;
}

static int read_node(struct reader *r, const yaml_event_t *event, cJSON **ret) {
  switch (event->type) {
    case YAML_SCALAR_EVENT: return read_scalar(r, event, ret);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT: return read_collection(r, event, ret);
    case YAML_ALIAS_EVENT: return refuse(r, event->start_mark, "aliases are not taken");
    default: return refuse(r, event->start_mark, "expected a value");
  }
}

/* Nothing or one document between the stream's start and its end; libyaml sees to the order of events. */
static int read_stream(struct reader *r, cJSON **ret) {
  for (;;) {
    _cleanup_(yaml_event_delete) yaml_event_t event = {0};
    if (next_event(r, &event) < 0) return -1;
    switch (event.type) {
      case YAML_STREAM_START_EVENT:
      case YAML_DOCUMENT_END_EVENT: break;
      case YAML_DOCUMENT_START_EVENT:
        if (*ret) return refuse(r, event.start_mark, "a second document, expected one");
        break;
      case YAML_STREAM_END_EVENT: return 0;
      default:
        if (read_node(r, &event, ret) < 0) return -1;
    }
  }
}

int yaml_parse(const char *text, size_t n, cJSON **ret, struct error *error) {
  if (n > MAX_BYTES) return error_set(error, ERROR_INVALID, "YAML has %zu bytes, expected at most %d", n, MAX_BYTES);
  struct reader r = {.error = error};
  if (!yaml_parser_initialize(&r.parser)) return error_oom(error);
  yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n);
  _cleanup_(json_freep) cJSON *json = NULL;
  int rc = read_stream(&r, &json);
  yaml_parser_delete(&r.parser);
  if (rc < 0) return -1;
  if (cJSON_IsNull(json)) json_freep(&json);
  if (!json && !(json = cJSON_CreateObject())) return error_oom(error);
  *ret = TAKE(json);
  return 0;
}
