#include "stack/finalize.h"

#include <string.h>

static bool has_finalizer(const struct stack *stack) {
  const cJSON *item;
  cJSON_ArrayForEach(item, stack->finalizers) {
    if (cJSON_IsString(item) && !strcmp(item->valuestring, FINALIZER)) return true;
  }
  return false;
}

/* The list of finalizers with or without ours, everybody else's untouched. */
static uint64_t set_finalizer(const struct stack *stack, bool wanted, uint64_t needs, struct plan *plan) {
  cJSON *body = cJSON_CreateObject(), *metadata = cJSON_AddObjectToObject(body, "metadata");
  cJSON_AddStringToObject(metadata, "resourceVersion", stack->resource_version);
  cJSON *list = cJSON_AddArrayToObject(metadata, "finalizers");
  const cJSON *item;
  cJSON_ArrayForEach(item, stack->finalizers) {
    if (cJSON_IsString(item) && strcmp(item->valuestring, FINALIZER)) cJSON_AddItemToArray(list, cJSON_CreateString(item->valuestring));
  }
  if (wanted) cJSON_AddItemToArray(list, cJSON_CreateString(FINALIZER));
  return plan_add(plan,
                  (struct action){.type = ACTION_MERGE, .resource = RESOURCE_STACK, .name = stack->name, .body = body, .needs = needs});
}

void finalize_plan_guard(const struct observation *o, struct plan *plan) {
  bool wanted = !stack_retains_keys(o->stack);
  if (wanted != has_finalizer(o->stack)) set_finalizer(o->stack, wanted, 0, plan);
}

void finalize_plan(const struct observation *o, struct plan *plan) {
  char name[64];
  uint64_t deleted = 0;
  plan->phase = "Deleting";
  if (!has_finalizer(o->stack)) return;
  if (!stack_retains_keys(o->stack) && o->keys->state == KEYS_READ)
    deleted = plan_add(
        plan, (struct action){
                  .type = ACTION_DELETE, .resource = RESOURCE_SECRET, .name = stack_jwks_secret_name(o->stack, name), .uid = o->keys->uid});
  set_finalizer(o->stack, false, deleted, plan);
}
