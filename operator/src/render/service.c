#include "render/parts.h"

cJSON *render_service(const struct render_input *in) {
  const struct stack *stack = in->stack;
  cJSON *service = render_object(stack, "v1", "Service", stack->name, COMPONENT_SERVER);
  service = render_with(service, "spec",
                        render_json("{'type': %s, 'selector': %t,"
                                    " 'ports': [{'name': 'http', 'port': %d, 'protocol': 'TCP', 'targetPort': 'http'}]}",
                                    stack->spec.service.type, render_selector(stack), stack->spec.service.port));
  return render_annotate(service, stack->spec.service.annotations);
}
