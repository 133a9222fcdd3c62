/* What Prometheus scrapes: port 9090 of the pods, found through a Service of its own.
 *
 * A ServiceMonitor needs a Service that has the port. The stack's own may be a NodePort or a load balancer, and an Ingress stands before it: metrics on
 * it would be published. So there is a second one, headless, without an address that anybody could send requests to, which lists the pods' port 9090
 * and is told apart by its component. */
#include "render/parts.h"

#include <stdio.h>

cJSON *render_metrics_service(const struct render_input *in) {
  char name[NAME_SIZE];
  snprintf(name, sizeof name, "%s-metrics", in->stack->name);
  cJSON *service = render_object(in->stack, "v1", "Service", name, COMPONENT_METRICS);
  return render_with(service, "spec",
                     render_json("{'type': 'ClusterIP', 'clusterIP': 'None', 'selector': %t,"
                                 " 'ports': [{'name': 'metrics', 'port': %d, 'protocol': 'TCP', 'targetPort': 'metrics'}]}",
                                 render_selector(in->stack), (int64_t)PORT_METRICS));
}

/* The label `job` becomes the stack's name: alerts and dashboards find its series by namespace and job. */
cJSON *render_service_monitor(const struct render_input *in) {
  const struct stack *stack = in->stack;
  cJSON *monitor = render_object(stack, "monitoring.coreos.com/v1", "ServiceMonitor", stack->name, COMPONENT_SERVER);
  monitor = render_label(monitor, stack->spec.monitoring.labels);
  return render_with(monitor, "spec",
                     render_json("{'jobLabel': '" LABEL_STACK "', 'selector': {'matchLabels': {'" LABEL_STACK
                                 "': %s, 'app.kubernetes.io/component': '" COMPONENT_METRICS "'}},"
                                 " 'endpoints': [{'port': 'metrics', 'path': '/metrics', 'scheme': 'http', 'interval': '30s',"
                                 "                'scrapeTimeout': '10s'}]}",
                                 stack->name));
}
