/* Which children a stack has: one row a kind, in the order in which they are made. */
#include "render/parts.h"

#include <stdio.h>
#include <string.h>

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

/* `enabled` where it can't be is a condition (stack/monitored.h), not a reason to try. */
static bool is_on(const char *choice, bool served) { return served && strcmp(choice, "disabled") != 0; }

bool render_wants_monitor(const struct render_input *in) { return is_on(in->stack->spec.monitoring.service_monitor, in->monitors_served); }

static bool wants_rule(const struct render_input *in) { return is_on(in->stack->spec.monitoring.prometheus_rule, in->rules_served); }

/* A ConfigMap can be anywhere, but nothing tells whether a Grafana is there that reads it. Where ServiceMonitors are, one mostly is: both come with
 * kube-prometheus-stack, whose Grafana looks for this ConfigMap's label. Elsewhere it would be an object that nobody asked for. */
static bool wants_dashboard(const struct render_input *in) {
  const char *choice = in->stack->spec.monitoring.dashboard;
  return is_on(choice, in->monitors_served || !strcmp(choice, "enabled"));
}

static void stack_name(const struct render_input *in, char to[64]) { snprintf(to, NAME_SIZE, "%s", in->stack->name); }
static void tokens_name(const struct render_input *in, char to[64]) { snprintf(to, NAME_SIZE, "%s-design-tokens", in->stack->name); }
static void metrics_name(const struct render_input *in, char to[64]) { snprintf(to, NAME_SIZE, "%s-metrics", in->stack->name); }
static void dashboard_name(const struct render_input *in, char to[64]) { snprintf(to, NAME_SIZE, "%s-dashboard", in->stack->name); }

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
    [CHILD_METRICS_SERVICE] = {"Service", render_wants_monitor, metrics_name, render_metrics_service},
    [CHILD_SERVICE_MONITOR] = {"ServiceMonitor", render_wants_monitor, stack_name, render_service_monitor},
    [CHILD_PROMETHEUS_RULE] = {"PrometheusRule", wants_rule, stack_name, render_prometheus_rule},
    [CHILD_DASHBOARD] = {"ConfigMap", wants_dashboard, dashboard_name, render_dashboard},
};
