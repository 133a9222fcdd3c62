#include "render/parts.h"

/* No pod goes before its successor is ready, and a rollout that does not move in ten minutes has failed. */
cJSON *render_deployment(const struct render_input *in) {
  cJSON *deployment = render_object(in->stack, "apps/v1", "Deployment", in->stack->name, COMPONENT_SERVER);
  return render_hash_template(
      render_with(deployment, "spec",
                  render_json("{'selector': {'matchLabels': %t}, 'template': %t,"
                              " 'strategy': {'type': 'RollingUpdate', 'rollingUpdate': {'maxSurge': '25%', 'maxUnavailable': 0}},"
                              " 'progressDeadlineSeconds': 600, 'revisionHistoryLimit': 10}",
                              render_selector(in->stack), render_server_pod(in))));
}
