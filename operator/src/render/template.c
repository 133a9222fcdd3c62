#include "render/template.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum { PART_MAX_BYTES = 1 << 20 }; /* etcd takes no object beyond 1.5 MB */

static void put_tree(struct buffer *to, const cJSON *tree) {
  if (tree)
    json_print(tree, to);
  else
    buffer_puts(to, "null");
}

static void put_taken(struct buffer *to, cJSON *tree) {
  if (tree)
    json_print(tree, to);
  else
    to->failed = true;
  cJSON_Delete(tree);
}

static void put_string(struct buffer *to, const char *text) {
  if (text)
    buffer_json_string(to, text, strlen(text));
  else
    buffer_puts(to, "null");
}

static void put_argument(struct buffer *to, char type, va_list *args) {
  switch (type) {
    case 's': put_string(to, va_arg(*args, const char *)); break;
    case 'd': buffer_printf(to, "%" PRId64, va_arg(*args, int64_t)); break;
    case 'j': put_tree(to, va_arg(*args, const cJSON *)); break;
    case 't': put_taken(to, va_arg(*args, cJSON *)); break;
    default: to->failed = true;
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
  _cleanup_buffer_ struct buffer json;
  buffer_init(&json, PART_MAX_BYTES);
  va_list args;
  va_start(args, text);
  bool quoted = false;
  for (const char *at = text; *at; at++) { /* to the end even after a failure: what was given to be taken must be freed */
    if (*at == '\'') quoted = !quoted;
    if (*at == '%' && !quoted)
      put_argument(&json, *++at, &args);
    else
      buffer_append(&json, *at == '\'' ? "\"" : at, 1);
  }
  va_end(args);
  cJSON *tree = json.failed ? NULL : cJSON_ParseWithLength(buffer_text(&json), json.len);
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
