#include "render/parts.h"

#include <stdio.h>

cJSON *render_revision(const struct stack *stack, const cJSON *content, const char *content_hash, int64_t number) {
  char name[NAME_SIZE];
  snprintf(name, sizeof name, "%s-%s", stack->name, content_hash);
  cJSON *revision = render_object(stack, "apps/v1", "ControllerRevision", name, COMPONENT_SERVER);
  revision = render_with(revision, "data", cJSON_Duplicate(content, true));
  return render_with(revision, "revision", cJSON_CreateNumber((double)number));
}
