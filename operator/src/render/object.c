#include "crypto/digest.h"
#include "render/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

cJSON *render_labels(const struct stack *stack, const char *component) {
  bool server = !strcmp(component, COMPONENT_SERVER) || !strcmp(component, COMPONENT_METRICS);
  return render_json(
      "{'app': %s, 'app.kubernetes.io/name': 'supernova-server', 'app.kubernetes.io/instance': %s,"
      " 'app.kubernetes.io/component': %s, '" LABEL_MANAGED_BY "': '" FIELD_MANAGER "', '" LABEL_STACK "': %s}",
      server ? stack->name : NULL, stack->name, component, stack->name);
}

cJSON *render_selector(const struct stack *stack) {
  return render_json("{'app': %s, 'app.kubernetes.io/component': '" COMPONENT_SERVER "'}", stack->name);
}

cJSON *render_object(const struct stack *stack, const char *api_version, const char *kind, const char *name, const char *component) {
  return render_json(
      "{'apiVersion': %s, 'kind': %s,"
      " 'metadata': {'name': %s, 'namespace': %s, 'labels': %t,"
      "  'ownerReferences': [{'apiVersion': '" STACK_API_VERSION "', 'kind': '" STACK_KIND
      "', 'name': %s, 'uid': %s,"
      "                       'controller': true, 'blockOwnerDeletion': true}]}}",
      api_version, kind, name, stack->namespace, render_labels(stack, component), stack->name, stack->uid);
}

static cJSON *metadata_map(cJSON *manifest, const char *which) {
  cJSON *metadata = cJSON_GetObjectItemCaseSensitive(manifest, "metadata");
  cJSON *map = cJSON_GetObjectItemCaseSensitive(metadata, which);
  return map ? map : cJSON_AddObjectToObject(metadata, which);
}

static cJSON *annotations_of(cJSON *manifest) { return metadata_map(manifest, "annotations"); }

static cJSON *add_to_map(cJSON *manifest, const char *which, const cJSON *texts) {
  if (!manifest || !texts) return manifest;
  cJSON *to = metadata_map(manifest, which);
  const cJSON *text;
  cJSON_ArrayForEach(text, texts) {
    if (!cJSON_AddStringToObject(to, text->string, text->valuestring)) {
      cJSON_Delete(manifest);
      return NULL;
    }
  }
  return manifest;
}

cJSON *render_annotate(cJSON *manifest, const cJSON *annotations) { return add_to_map(manifest, "annotations", annotations); }

cJSON *render_label(cJSON *manifest, const cJSON *labels) { return add_to_map(manifest, "labels", labels); }

void render_initial_replicas(cJSON *deployment, const struct stack *stack) {
  bool autoscaling = stack->spec.autoscaling.enabled;
  int64_t replicas = autoscaling ? stack->spec.autoscaling.min_replicas : stack->spec.replicas;
  char text[24];
  snprintf(text, sizeof text, "%" PRId64, replicas);
  cJSON_AddNumberToObject(cJSON_GetObjectItemCaseSensitive(deployment, "spec"), "replicas", (double)replicas);
  if (!autoscaling) cJSON_AddStringToObject(annotations_of(deployment), ANNOTATION_APPLIED_REPLICAS, text);
}

cJSON *render_hash_template(cJSON *deployment) {
  char hash[CONTENT_HASH_SIZE];
  bool whole = deployment && content_hash(json_get(deployment, "spec.template"), hash) == 0 &&
               cJSON_AddStringToObject(annotations_of(deployment), ANNOTATION_TEMPLATE_HASH, hash);
  if (whole) return deployment;
  cJSON_Delete(deployment);
  return NULL;
}

/* The hash is of everything but itself, so that sealing twice is sealing once. */
void render_seal(cJSON *manifest) {
  char hash[CONTENT_HASH_SIZE];
  cJSON *annotations = annotations_of(manifest);
  cJSON_DeleteItemFromObjectCaseSensitive(annotations, ANNOTATION_APPLIED_HASH);
  if (content_hash(manifest, hash) == 0) cJSON_AddStringToObject(annotations, ANNOTATION_APPLIED_HASH, hash);
}
