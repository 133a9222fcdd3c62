#include "stack/stack.h"

const char stack_default_resources[] =
    "{\"limits\":{\"cpu\":\"2000m\",\"memory\":\"2Gi\"},\"requests\":{\"cpu\":\"500m\",\"memory\":\"512Mi\"}}";
const char stack_default_migration_command[] = "[\"supernova-server\",\"migrate\"]";

/* Members of the pruned spec whose default is a text above rather than a table's fallback. */
static const struct {
  const char *parent, *name, *fallback;
} json_defaults[] = {
    {NULL, "resources", stack_default_resources},
    {"migrations", "command", stack_default_migration_command},
};

static void drop_defaults(cJSON *part) {
  for (size_t i = 0; i < ELEMENTS(json_defaults); i++) {
    const char *name = json_defaults[i].name;
    cJSON *parent = json_defaults[i].parent ? cJSON_GetObjectItemCaseSensitive(part, json_defaults[i].parent) : part;
    _cleanup_(json_freep) cJSON *fallback = cJSON_Parse(json_defaults[i].fallback);
    if (fallback && json_equal(json_member(parent, name), fallback)) cJSON_DeleteItemFromObjectCaseSensitive(parent, name);
  }
}

/* An empty list or map says what an absent one says; below a row that passes through it may say something else, and stays. */
static void drop_empty(cJSON *part, const struct decode_field *fields) {
  for (const struct decode_field *field = fields; field->path; field++) {
    cJSON *value = cJSON_GetObjectItemCaseSensitive(part, field->path);
    if (field->type == DECODE_OBJECT && value) drop_empty(value, field->fields);
    if ((cJSON_IsObject(value) || cJSON_IsArray(value)) && !value->child) cJSON_DeleteItemFromObjectCaseSensitive(part, field->path);
  }
}

static int put_image(cJSON *part, const struct stack *stack, const char *companion) {
  _cleanup_buffer_ struct buffer reference;
  buffer_init(&reference, 1024);
  stack_image_reference(stack, companion, &reference);
  cJSON_DeleteItemFromObjectCaseSensitive(part, "image");
  return !reference.failed && cJSON_AddStringToObject(part, "image", buffer_text(&reference)) ? 0 : -1;
}

cJSON *stack_release_part(const struct stack *stack, const char *companion) {
  _cleanup_(json_freep) cJSON *part = decode_prune(json_member(stack->object, "spec"), stack_fields);
  if (!part) return NULL;
  drop_defaults(part);
  drop_empty(part, stack_fields);
  return put_image(part, stack, companion) < 0 ? NULL : TAKE(part);
}
