#include "render/parts.h"

static cJSON *path_rule(const struct stack *stack, const cJSON *path) {
  return render_json("{'path': %s, 'pathType': %s, 'backend': {'service': {'name': %s, 'port': {'number': %d}}}}",
                     json_string(path, "path", "/"), json_string(path, "pathType", "Prefix"), stack->name, stack->spec.service.port);
}

/* A host without paths is served whole. */
static cJSON *paths(const struct stack *stack, const cJSON *given) {
  cJSON *rules = cJSON_CreateArray();
  if (!cJSON_GetArraySize(given)) return render_append(rules, path_rule(stack, NULL));
  const cJSON *path;
  cJSON_ArrayForEach(path, given) rules = render_append(rules, path_rule(stack, path));
  return rules;
}

static cJSON *hosts(const struct stack *stack) {
  cJSON *rules = cJSON_CreateArray();
  const cJSON *host;
  cJSON_ArrayForEach(host, stack->spec.ingress.hosts) {
    cJSON *of_host = paths(stack, json_member(host, "paths"));
    rules = render_append(rules, render_json("{'host': %s, 'http': {'paths': %t}}", json_string(host, "host", NULL), of_host));
  }
  return rules;
}

cJSON *render_ingress(const struct render_input *in) {
  const struct stack *stack = in->stack;
  cJSON *ingress = render_object(stack, "networking.k8s.io/v1", "Ingress", stack->name, COMPONENT_SERVER);
  ingress = render_with(ingress, "spec",
                        render_json("{'ingressClassName': %s, 'rules': %t, 'tls': %j}", stack->spec.ingress.class_name, hosts(stack),
                                    stack->spec.ingress.tls));
  return render_annotate(ingress, stack->spec.ingress.annotations);
}
