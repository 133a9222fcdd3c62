#include "stack/plan.h"

#include <string.h>

uint64_t plan_add(struct plan *plan, struct action action) {
  bool lacks_body = action.type != ACTION_DELETE && action.type != ACTION_MAKE_KEYS && !action.body;
  if (plan->action_count == PLAN_MAX_ACTIONS || lacks_body || !action.name) {
    cJSON_Delete(action.body);
    plan_look_again(plan, 1);
    return 0;
  }
  action.name = arena_strdup(plan->arena, action.name);
  action.uid = arena_strdup(plan->arena, action.uid);
  action.kid = arena_strdup(plan->arena, action.kid);
  action.event.note = arena_strdup(plan->arena, action.event.note);
  action.mend.render = arena_strdup(plan->arena, action.mend.render);
  plan->actions[plan->action_count] = action;
  return UINT64_C(1) << plan->action_count++;
}

void plan_look_again(struct plan *plan, int64_t delay_ms) {
  if (delay_ms < 1) delay_ms = 1;
  if (!plan->look_again_ms || delay_ms < plan->look_again_ms) plan->look_again_ms = delay_ms;
}

void plan_look_at(struct plan *plan, const char *uid, const char *pod, const char *address) {
  for (size_t i = 0; i < plan->look_count; i++)
    if (!strcmp(plan->looks[i].uid, uid)) return;
  if (plan->look_count == LOOKS_MAX) return;
  plan->looks[plan->look_count++] =
      (struct look_target){arena_strdup(plan->arena, uid), arena_strdup(plan->arena, pod), arena_strdup(plan->arena, address)};
}

void plan_done(struct plan *plan) {
  for (size_t i = 0; i < plan->action_count; i++) cJSON_Delete(plan->actions[i].body);
  cJSON_Delete(plan->status);
  *plan = (struct plan){.arena = plan->arena};
}
