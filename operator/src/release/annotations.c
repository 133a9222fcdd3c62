#include "release/annotations.h"

#include "base/clock.h"
#include "base/log.h"
#include "codec/json.h"

#include <string.h>

cJSON *annotations_patch(const char *resource_version, cJSON **ret_annotations) {
  cJSON *body = cJSON_CreateObject(), *metadata = cJSON_AddObjectToObject(body, "metadata");
  cJSON_AddStringToObject(metadata, "resourceVersion", resource_version);
  *ret_annotations = cJSON_AddObjectToObject(metadata, "annotations");
  return body;
}

void annotations_add_time(cJSON *annotations, const char *name, int64_t real_ms) {
  char text[RFC3339_SIZE];
  format_rfc3339(real_ms, text);
  cJSON_AddStringToObject(annotations, name, text);
}

cJSON *annotations_collect(const char *object_name, const cJSON *annotations, const char *name) {
  const char *text = json_string(json_member(annotations, name), "", NULL);
  struct error error = {0};
  cJSON *tree = NULL;
  if (!text) return NULL;
  if (json_parse(text, strlen(text), &json_limits_request, &tree, &error) == 0 && cJSON_IsObject(tree)) return tree;
  log_warn("an annotation of a revision is not what the operator wrote, and counts as absent", log_str("revision", object_name),
           log_str("annotation", name), log_err(&error));
  cJSON_Delete(tree);
  return NULL;
}
