/* Which children a stack has: one row a kind, in the order in which they are made. */
#include "render/parts.h"

#include <stdio.h>

static bool always(const struct render_input *in) {
  (void)in;
  return true;
}
static bool wants_account(const struct render_input *in) { return !in->release->service_account.name; }
static bool wants_design_tokens(const struct render_input *in) { return in->stack->spec.design_tokens.inline_tokens; }
static bool wants_network_policy(const struct render_input *in) { return in->stack->spec.network_policy.enabled; }
static bool wants_pdb(const struct render_input *in) { return in->stack->spec.pod_disruption_budget.enabled; }
static bool wants_hpa(const struct render_input *in) { return in->stack->spec.autoscaling.enabled; }
static bool wants_ingress(const struct render_input *in) { return in->stack->spec.ingress.enabled; }

static void stack_name(const struct render_input *in, char to[64]) { snprintf(to, NAME_SIZE, "%s", in->stack->name); }
static void tokens_name(const struct render_input *in, char to[64]) { snprintf(to, NAME_SIZE, "%s-design-tokens", in->stack->name); }

const struct child_descriptor child_kinds[CHILD_KINDS] = {
    [CHILD_SERVICE_ACCOUNT] = {"ServiceAccount", wants_account, stack_name, render_service_account},
    [CHILD_ENV] = {"ConfigMap", always, env_name, render_env},
    [CHILD_DESIGN_TOKENS] = {"ConfigMap", wants_design_tokens, tokens_name, render_design_tokens},
    [CHILD_NETWORK_POLICY] = {"NetworkPolicy", wants_network_policy, stack_name, render_network_policy},
    [CHILD_SERVICE] = {"Service", always, stack_name, render_service},
    [CHILD_DEPLOYMENT] = {"Deployment", always, stack_name, render_deployment},
    [CHILD_PDB] = {"PodDisruptionBudget", wants_pdb, stack_name, render_pdb},
    [CHILD_HPA] = {"HorizontalPodAutoscaler", wants_hpa, stack_name, render_hpa},
    [CHILD_INGRESS] = {"Ingress", wants_ingress, stack_name, render_ingress},
};
