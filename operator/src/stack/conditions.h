/* Conditions (meta/v1) with their rule: a transition time moves only when the status does.
 *
 *     struct conditions c = {.before = json_get(status, "conditions"), .now_ms = now, .generation = stack->generation, .list = cJSON_CreateArray()};
 *     condition_set(&c, "Ready", "False", "RollingOut", "1 of 3 pods are available");
 *
 * Ready, Reconciling and Stalled follow kstatus (sigs.k8s.io/cli-utils): Reconciling and Stalled stand there only while they are True.
 */
#pragma once

#include "codec/json.h"

struct conditions {
  const cJSON *before; /* the list in the status as it is; may be NULL */
  int64_t now_ms, generation;
  cJSON *list; /* owned by the caller */
};

void condition_set(struct conditions *c, const char *type, const char *status, const char *reason, const char *message);

/* The condition of that type in a list; NULL when there is none. */
const cJSON *condition_find(const cJSON *list, const char *type);
