#include "stack/rollout.h"

#include "shape.h"

#include <stdlib.h>
#include <string.h>

enum { PODS_MAX = 1000 };

int64_t stack_canary_replicas(const struct stack *stack) {
  const cJSON *said = stack->spec.rollout.canary_replicas;
  return said ? json_int(said, "", 0) : stack_is_production(stack);
}

double stack_max_error_rate(const struct stack *stack) {
  const char *text = stack->spec.rollout.verification.max_error_rate;
  char *rest;
  size_t digits = strspn(text, "0123456789.");
  double share = strtod(text, &rest);
  return digits && !text[digits] && rest == text + digits && share <= 1 ? share : -1;
}

static bool is_none(const cJSON *count) {
  return !count || (cJSON_IsNumber(count) ? json_int(count, "", 0) == 0 : strtol(count->valuestring, NULL, 10) == 0);
}

static bool surge_is_bad(const struct stack *stack) {
  return stack->spec.rollout.max_surge && !shape_is_count(stack->spec.rollout.max_surge, PODS_MAX);
}

static bool unavailable_is_bad(const struct stack *stack) {
  return stack->spec.rollout.max_unavailable && !shape_is_count(stack->spec.rollout.max_unavailable, PODS_MAX);
}

static bool nothing_may_move(const struct stack *stack) {
  return stack->spec.rollout.max_surge && is_none(stack->spec.rollout.max_surge) && is_none(stack->spec.rollout.max_unavailable);
}

static bool canary_is_bad(const struct stack *stack) {
  int64_t replicas = stack_canary_replicas(stack);
  return replicas < 0 || replicas > STACK_CANARY_MAX;
}

static bool error_rate_is_bad(const struct stack *stack) { return stack_max_error_rate(stack) < 0; }

static const struct {
  bool (*broken)(const struct stack *stack);
  const char *sentence;
} rules[] = {
    {surge_is_bad, "rollout.maxSurge is a whole number from 0, or a percentage from 0% to 100%"},
    {unavailable_is_bad, "rollout.maxUnavailable is a whole number from 0, or a percentage from 0% to 100%"},
    {nothing_may_move, "rollout.maxSurge and maxUnavailable are both 0, so no pod could ever be replaced: raise one of them"},
    {canary_is_bad, "rollout.canary.replicas is a whole number from 0 to 1000"},
    {error_rate_is_bad, "rollout.verification.maxErrorRate is a share from 0 to 1, such as \"0.05\""},
};

int stack_rollout_check(const struct stack *stack, struct error *error) {
  for (size_t i = 0; i < ELEMENTS(rules); i++)
    if (rules[i].broken(stack)) return error_set(error, ERROR_INVALID, "%s", rules[i].sentence);
  return 0;
}
