#include "release/content.h"

#include "crypto/digest.h"

#include <stdlib.h>
#include <string.h>

enum { HASH_VERSION = 1, REFERENCE_MAX_BYTES = 1024 };

/* The release part always holds the image as it resolved, so the reference is read back from it alone. */
static char *image_of(const struct stack_spec *spec) {
  struct stack holder = {.spec = *spec};
  struct buffer reference;
  buffer_init(&reference, REFERENCE_MAX_BYTES);
  stack_image_reference(&holder, "", &reference);
  char *text = buffer_take(&reference);
  buffer_done(&reference);
  return text;
}

/* Fills the rest of CONTENT from its json. */
static int complete(struct content *content, struct error *error) {
  content->env = json_get(content->json, "env");
  if (decode(json_get(content->json, "spec"), "spec", stack_fields, &content->spec, error) < 0) return error_wrap(error, "read a revision");
  if (!content->env || content_hash(content->json, content->hash) < 0 || content_hash(content->env, content->env_hash) < 0)
    return error_set(error, ERROR_INVALID, "a revision's content has no env");
  content->image = image_of(&content->spec);
  return content->image ? 0 : error_oom(error);
}

static int finish(struct content *content, struct content *ret, struct error *error) {
  if (complete(content, error) < 0) return content_done(content), -1;
  *ret = *content;
  return 0;
}

int content_of_stack(const struct stack *stack, const char *companion, struct content *ret, struct error *error) {
  struct content content = {.json = cJSON_CreateObject()};
  cJSON *spec = stack_release_part(stack, companion), *env = stack_env(stack);
  cJSON_AddNumberToObject(content.json, "hashVersion", HASH_VERSION);
  if (!cJSON_AddItemToObject(content.json, "spec", spec)) cJSON_Delete(spec);
  if (!cJSON_AddItemToObject(content.json, "env", env)) cJSON_Delete(env);
  if (!spec || !env || !json_get(content.json, "hashVersion")) return content_done(&content), error_oom(error);
  return finish(&content, ret, error);
}

int content_parse(const char *text, struct content *ret, struct error *error) {
  struct content content = {0};
  if (json_parse(text, strlen(text), &json_limits_cluster, &content.json, error) < 0) return error_wrap(error, "read a revision");
  return finish(&content, ret, error);
}

int content_with_image(const struct content *asked, const struct content *from, struct content *ret, struct error *error) {
  struct content content = {.json = cJSON_Duplicate(asked->json, true)};
  cJSON *spec = cJSON_GetObjectItemCaseSensitive(content.json, "spec"), *image = cJSON_Duplicate(json_get(from->json, "spec.image"), true);
  cJSON_DeleteItemFromObjectCaseSensitive(spec, "image");
  if (!cJSON_AddItemToObject(spec, "image", image)) {
    cJSON_Delete(image);
    content_done(&content);
    return error_oom(error);
  }
  return finish(&content, ret, error);
}

bool content_is_companion(const struct content *content, const char *companion) {
  const char *repository = content->spec.image.repository;
  size_t n = stack_repository_length(companion);
  return repository && strlen(repository) == n && !strncmp(companion, repository, n);
}

void content_done(struct content *content) {
  cJSON_Delete(content->json);
  free(content->image);
  *content = (struct content){0};
}
