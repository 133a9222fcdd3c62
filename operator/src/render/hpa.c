#include "render/parts.h"

static cJSON *target(const char *resource, int64_t percent) {
  if (!percent) return render_nothing();
  return render_json("{'type': 'Resource', 'resource': {'name': %s, 'target': {'type': 'Utilization', 'averageUtilization': %d}}}",
                     resource, percent);
}

cJSON *render_hpa(const struct render_input *in) {
  const struct stack *stack = in->stack;
  cJSON *hpa = render_object(stack, "autoscaling/v2", "HorizontalPodAutoscaler", stack->name, COMPONENT_SERVER);
  return render_with(hpa, "spec",
                     render_json("{'scaleTargetRef': {'apiVersion': 'apps/v1', 'kind': 'Deployment', 'name': %s},"
                                 " 'minReplicas': %d, 'maxReplicas': %d, 'metrics': [%t, %t]}",
                                 stack->name, stack->spec.autoscaling.min_replicas, stack->spec.autoscaling.max_replicas,
                                 target("cpu", stack->spec.autoscaling.target_cpu_percent),
                                 target("memory", stack->spec.autoscaling.target_memory_percent)));
}
