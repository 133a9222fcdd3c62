#include "render/parts.h"

/* Whoever goes back is in a hurry: every pod has its successor started at once. */
static cJSON *surge(const struct render_input *in) { return cJSON_CreateString(in->rolling_back ? "100%" : "25%"); }

/* No pod goes before its successor is ready, and a rollout that does not move in ten minutes has failed. */
cJSON *render_deployment(const struct render_input *in) {
  cJSON *deployment = render_object(in->stack, "apps/v1", "Deployment", in->stack->name, COMPONENT_SERVER);
  if (in->rolling_back)
    cJSON_AddItemToObject(cJSON_GetObjectItemCaseSensitive(deployment, "metadata"), "annotations",
                          render_json("{'" ANNOTATION_ROLLING_BACK "': 'true'}"));
  return render_hash_template(
      render_with(deployment, "spec",
                  render_json("{'selector': {'matchLabels': %t}, 'template': %t,"
                              " 'strategy': {'type': 'RollingUpdate', 'rollingUpdate': {'maxSurge': %t, 'maxUnavailable': 0}},"
                              " 'progressDeadlineSeconds': 600, 'revisionHistoryLimit': 10}",
                              render_selector(in->stack), render_server_pod(in), surge(in))));
}
