#include "release/annotations.h"

#include "base/clock.h"

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
