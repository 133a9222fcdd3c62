#include "render/parts.h"

/* Who may reach the product's port: those named in the spec, or all. A rule without `from` lets everybody in. */
static cJSON *public_rule(const struct stack *stack) {
  const cJSON *from = stack->spec.network_policy.ingress_from;
  return render_json("{'from': %j, 'ports': [{'port': %d, 'protocol': 'TCP'}]}", cJSON_GetArraySize(from) ? from : NULL,
                     (int64_t)PORT_HTTP);
}

/* The operator asks pods for their health and metrics. */
static cJSON *operator_rule(const struct stack *stack) {
  const cJSON *given = stack->spec.network_policy.operator_from;
  cJSON *from = cJSON_GetArraySize(given)
                    ? cJSON_Duplicate(given, true)
                    : render_json("[{'namespaceSelector': {'matchLabels': {'kubernetes.io/metadata.name': 'supernova-system'}}}]");
  return render_json("{'from': %t, 'ports': [{'port': %d, 'protocol': 'TCP'}, {'port': %d, 'protocol': 'TCP'}]}", from, (int64_t)PORT_HTTP,
                     (int64_t)PORT_METRICS);
}

/* Prometheus reads the metrics and nothing else. */
static cJSON *metrics_rule(const struct render_input *in) {
  const cJSON *given = in->stack->spec.network_policy.metrics_from;
  if (!cJSON_GetArraySize(given) && !render_wants_monitor(in)) return render_nothing();
  cJSON *from = cJSON_GetArraySize(given)
                    ? cJSON_Duplicate(given, true)
                    : render_json("[{'namespaceSelector': {'matchLabels': {'kubernetes.io/metadata.name': 'monitoring'}}}]");
  return render_json("{'from': %t, 'ports': [{'port': %d, 'protocol': 'TCP'}]}", from, (int64_t)PORT_METRICS);
}

/* Rules are one atomic list, so what the API server would fill in has to be in it. */
static cJSON *with_protocols(cJSON *rule) {
  cJSON *port;
  cJSON_ArrayForEach(port, cJSON_GetObjectItemCaseSensitive(rule, "ports")) {
    if (!json_member(port, "protocol") && !cJSON_AddStringToObject(port, "protocol", "TCP")) {
      cJSON_Delete(rule);
      return NULL;
    }
  }
  return rule;
}

/* Names must be resolved whatever else is allowed. */
static cJSON *egress(const cJSON *rules) {
  if (!cJSON_GetArraySize(rules)) return render_nothing();
  cJSON *all = render_json("[{'ports': [{'port': 53, 'protocol': 'UDP'}, {'port': 53, 'protocol': 'TCP'}]}]");
  const cJSON *rule;
  cJSON_ArrayForEach(rule, rules) all = render_append(all, with_protocols(cJSON_Duplicate(rule, true)));
  return all;
}

/* Without rules for egress the policy does not speak of it: another policy of the namespace then still can. */
cJSON *render_network_policy(const struct render_input *in) {
  const struct stack *stack = in->stack;
  const cJSON *rules = stack->spec.network_policy.egress_to;
  cJSON *policy = render_object(stack, "networking.k8s.io/v1", "NetworkPolicy", stack->name, COMPONENT_SERVER);
  return render_with(
      policy, "spec",
      render_json("{'podSelector': {'matchLabels': %t}, 'policyTypes': ['Ingress', %s], 'ingress': [%t, %t, %t], 'egress': %t}",
                  render_selector(stack), cJSON_GetArraySize(rules) ? "Egress" : NULL, public_rule(stack), operator_rule(stack),
                  metrics_rule(in), egress(rules)));
}
