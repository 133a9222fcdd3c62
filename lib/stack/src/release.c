#include "stack/stack.h"

#include <string.h>

enum { REFERENCE_BYTES = 1024 };

const char stack_default_resources[] =
    "{\"limits\":{\"cpu\":\"2000m\",\"memory\":\"2Gi\"},\"requests\":{\"cpu\":\"500m\",\"memory\":\"512Mi\"}}";
const char stack_default_migration_command[] = "[\"supernova-server\",\"migrate\"]";
const char stack_default_seed_command[] = "[\"supernova-server\",\"seed\"]";
const char stack_default_job_resources[] = "{\"requests\":{\"cpu\":\"50m\",\"memory\":\"64Mi\"},\"limits\":{\"memory\":\"512Mi\"}}";

/* Members of the pruned spec whose default is a text above rather than a table's fallback. */
static const struct {
  const char *parent, *name, *fallback;
} json_defaults[] = {
    {NULL, "resources", stack_default_resources},
    {"migrations", "command", stack_default_migration_command},
    {"seeds", "command", stack_default_seed_command},
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

static bool put_text(cJSON *image, const char *name, const char *text, size_t n) {
  _cleanup_buffer_ struct buffer copy;
  buffer_init(&copy, REFERENCE_BYTES);
  buffer_append(&copy, text, n);
  return !n || (!copy.failed && cJSON_AddStringToObject(image, name, buffer_text(&copy)));
}

/* The tag begins at the first colon behind the last slash. */
size_t stack_repository_length(const char *reference) {
  size_t whole = strcspn(reference, "@");
  const char *slash = memrchr(reference, '/', whole), *base = slash ? slash : reference;
  const char *colon = memchr(base, ':', (size_t)(reference + whole - base));
  return colon ? (size_t)(colon - reference) : whole;
}

/* "registry:5000/team/server:v1@sha256:…" in its parts. */
static bool put_companion(cJSON *part, const char *companion) {
  cJSON *image = cJSON_AddObjectToObject(part, "image");
  size_t repository = stack_repository_length(companion), whole = strcspn(companion, "@");
  const char *end = companion + whole, *tag = companion + repository + (repository < whole);
  return image && put_text(image, "repository", companion, repository) && put_text(image, "tag", tag, (size_t)(end - tag)) &&
         (!*end || put_text(image, "digest", end + 1, strlen(end + 1)));
}

/* Names and commands, by name: their order in the spec says nothing. */
static bool put_hooks(cJSON *part, const cJSON *hooks) {
  if (!cJSON_GetArraySize(hooks)) return true;
  cJSON *sorted = cJSON_AddArrayToObject(part, "hooks");
  const cJSON *hook;
  cJSON_ArrayForEach(hook, hooks) {
    cJSON *kept = decode_prune(hook, stack_hook_fields);
    int place = 0;
    const cJSON *before;
    cJSON_ArrayForEach(before, sorted) place += strcmp(json_string(before, "name", ""), json_string(hook, "name", "")) < 0;
    if (!kept || !cJSON_InsertItemInArray(sorted, place, kept)) return cJSON_Delete(kept), false;
  }
  return sorted;
}

cJSON *stack_release_part(const struct stack *stack, const char *companion) {
  _cleanup_(json_freep) cJSON *part = decode_prune(json_member(stack->object, "spec"), stack_fields);
  if (!part) return NULL;
  drop_defaults(part);
  drop_empty(part, stack_fields);
  bool complete = put_hooks(part, stack->spec.hooks) && (stack->spec.image.repository || put_companion(part, companion));
  return complete ? TAKE(part) : NULL;
}
