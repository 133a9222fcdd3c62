#include "render/parts.h"

cJSON *render_pdb(const struct render_input *in) {
  const struct stack *stack = in->stack;
  const cJSON *given = stack->spec.pod_disruption_budget.min_available;
  cJSON *budget = render_object(stack, "policy/v1", "PodDisruptionBudget", stack->name, COMPONENT_SERVER);
  return render_with(budget, "spec",
                     render_json("{'minAvailable': %t, 'selector': {'matchLabels': %t}}",
                                 given ? cJSON_Duplicate(given, true) : cJSON_CreateNumber(1), render_selector(stack)));
}
