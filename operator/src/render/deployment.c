#include "render/parts.h"

enum { DAY_S = 86400 };

static cJSON *count_or(const cJSON *said, cJSON *fallback) {
  if (!said) return fallback;
  cJSON_Delete(fallback);
  return cJSON_Duplicate(said, true);
}

/* New pods count as available after a day alone, and none that is available may go: so Kubernetes itself stops at the canary, whoever watches it. The
 * deadline has to lie beyond that; the operator keeps its own. */
static cJSON *canary_pacing(const struct render_input *in, cJSON *spec) {
  spec = render_with(spec, "strategy",
                     render_json("{'type': 'RollingUpdate', 'rollingUpdate': {'maxSurge': %d, 'maxUnavailable': 0}}", in->canary));
  spec = render_with(spec, "minReadySeconds", cJSON_CreateNumber(DAY_S));
  return render_with(spec, "progressDeadlineSeconds", cJSON_CreateNumber(DAY_S + 1));
}

/* Whoever goes back is in a hurry: every pod has its successor started at once. Without minReadySeconds, which the API server leaves out where it is 0:
 * an apply that no longer names it sets it back. */
static cJSON *plain_pacing(const struct render_input *in, cJSON *spec) {
  const struct stack_rollout *rollout = &in->stack->spec.rollout;
  spec = render_with(spec, "strategy",
                     render_json("{'type': 'RollingUpdate', 'rollingUpdate': {'maxSurge': %t, 'maxUnavailable': %t}}",
                                 in->rolling_back ? cJSON_CreateString("100%") : count_or(rollout->max_surge, cJSON_CreateString("25%")),
                                 count_or(rollout->max_unavailable, cJSON_CreateNumber(0))));
  return render_with(spec, "progressDeadlineSeconds", cJSON_CreateNumber((double)rollout->progress_deadline_s));
}

cJSON *render_deployment(const struct render_input *in) {
  cJSON *deployment = render_object(in->stack, "apps/v1", "Deployment", in->stack->name, COMPONENT_SERVER);
  if (in->rolling_back)
    cJSON_AddItemToObject(cJSON_GetObjectItemCaseSensitive(deployment, "metadata"), "annotations",
                          render_json("{'" ANNOTATION_ROLLING_BACK "': 'true'}"));
  cJSON *spec = render_json("{'selector': {'matchLabels': %t}, 'template': %t, 'revisionHistoryLimit': 10}", render_selector(in->stack),
                            render_server_pod(in));
  return render_hash_template(render_with(deployment, "spec", in->canary ? canary_pacing(in, spec) : plain_pacing(in, spec)));
}
