/* What is made for Prometheus and Grafana: by what the spec says, and by what the cluster serves. */
#include "stack/conditions.h"
#include "world.h"

#include <criterion/criterion.h>
#include <string.h>

#define PLAIN "environment: staging\nimage: {repository: r, tag: v1}\nmigrations: {enabled: false}\n"

static void serve(struct world *w, enum api_state state) {
  world_api(w, RESOURCE_SERVICE_MONITOR, state);
  world_api(w, RESOURCE_PROMETHEUS_RULE, state);
}

/* A Deployed stack in a cluster that serves the API, or does not. */
static void deployed(struct world *w, const char *spec, enum api_state state) {
  world_init(w, spec);
  world_secret(w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_keys(w, "1760908689588");
  serve(w, state);
  world_settle(w);
  world_pods_ready(w);
  world_settle(w);
  cr_assert_str_eq(world_phase(w), "Ready");
}

static const struct {
  enum resource resource;
  const char *name;
} made[] = {{RESOURCE_SERVICE, "shop-metrics"},
            {RESOURCE_SERVICE_MONITOR, "shop"},
            {RESOURCE_PROMETHEUS_RULE, "shop"},
            {RESOURCE_CONFIG_MAP, "shop-dashboard"}};

/* "smrd": Service, ServiceMonitor, PrometheusRule, dashboard; "-" for one that is not there. */
static const char *there(struct world *w) {
  static char text[5];
  for (size_t i = 0; i < ELEMENTS(made); i++) text[i] = (char)(world_object(w, made[i].resource, made[i].name) ? "smrd"[i] : '-');
  return text;
}

Test(monitored, what_is_made) {
  static const struct {
    const char *spec;
    enum api_state api;
    const char *there, *condition;
  } cases[] = {
      {PLAIN, API_ABSENT, "----", ""},
      {PLAIN, API_SERVED, "smrd", ""},
      {PLAIN "monitoring: {serviceMonitor: disabled}", API_SERVED, "--rd", ""},
      {PLAIN "monitoring: {prometheusRule: disabled}", API_SERVED, "sm-d", ""},
      {PLAIN "monitoring: {dashboard: disabled}", API_SERVED, "smr-", ""},
      {PLAIN "monitoring: {dashboard: enabled}", API_ABSENT, "---d", ""},
      {PLAIN "monitoring: {serviceMonitor: enabled}", API_ABSENT, "----", "False MonitoringApiMissing"},
      {PLAIN "monitoring: {prometheusRule: enabled}", API_ABSENT, "----", "False MonitoringApiMissing"},
      {PLAIN "monitoring: {serviceMonitor: enabled, prometheusRule: enabled}", API_SERVED, "smrd", "True MonitoringApiServed"},
      /* what of it is there can't be known yet, but it is served */
      {PLAIN, API_UNREAD, "s--d", ""},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct world w;
    deployed(&w, cases[i].spec, cases[i].api);
    cr_expect_str_eq(there(&w), cases[i].there, "row %zu has %s", i, there(&w));
    cr_expect_str_eq(world_condition(&w, "Monitored"), cases[i].condition, "row %zu: %s", i, world_condition(&w, "Monitored"));
    cr_expect_str_eq(world_condition(&w, "Ready"), "True Deployed", "row %zu", i);
    world_done(&w);
  }
}

Test(monitored, the_condition_says_what_is_missing_and_what_to_do) {
  struct world w;
  deployed(&w, PLAIN "monitoring: {prometheusRule: enabled}", API_ABSENT);
  const char *message = json_string(condition_find(json_get(w.plan.status, "conditions"), "Monitored"), "message", "");
  cr_assert(strstr(message, "spec.monitoring.prometheusRule") && strstr(message, "prometheusrules.monitoring.coreos.com") &&
                strstr(message, "install") && strstr(message, "auto"),
            "%s", message);
  world_done(&w);
}

Test(monitored, it_comes_with_the_api_and_goes_with_the_spec) {
  struct world w;
  deployed(&w, PLAIN "monitoring: {serviceMonitor: enabled}", API_ABSENT);
  serve(&w, API_SERVED);
  world_plan(&w);
  cr_assert_str_eq(world_says(&w),
                   "create Service shop-metrics; create ServiceMonitor shop; create PrometheusRule shop; create ConfigMap shop-dashboard");
  world_settle(&w);
  cr_assert_str_eq(world_condition(&w, "Monitored"), "True MonitoringApiServed");
  world_spec(&w, PLAIN "monitoring: {serviceMonitor: disabled, prometheusRule: disabled, dashboard: disabled}");
  world_plan(&w);
  cr_assert_str_eq(world_says(&w),
                   "delete Service shop-metrics; delete ServiceMonitor shop; delete PrometheusRule shop; delete ConfigMap shop-dashboard");
  world_settle(&w);
  cr_assert_str_eq(there(&w), "----");
  cr_assert_str_eq(world_condition(&w, "Monitored"), "");
  world_done(&w);
}

Test(monitored, what_the_api_took_with_it_leaves_nothing_behind) {
  struct world w;
  deployed(&w, PLAIN, API_SERVED);
  serve(&w, API_ABSENT);
  world_settle(&w);
  cr_assert_str_eq(there(&w), "----");
  world_done(&w);
}

Test(monitored, before_the_first_list_nothing_is_made_twice_or_removed) {
  struct world w;
  deployed(&w, PLAIN "monitoring: {serviceMonitor: enabled}", API_SERVED);
  serve(&w, API_UNREAD);
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "", "a restart of the operator writes nothing");
  world_done(&w);
}

Test(monitored, drift_is_mended) {
  struct world w;
  deployed(&w, PLAIN, API_SERVED);
  cJSON *rule = world_object(&w, RESOURCE_PROMETHEUS_RULE, "shop");
  cJSON *group = cJSON_GetArrayItem(cJSON_GetObjectItem(cJSON_GetObjectItem(rule, "spec"), "groups"), 0);
  cJSON_ReplaceItemInObject(group, "interval", cJSON_CreateString("1h"));
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "own PrometheusRule shop; apply PrometheusRule shop");
  cr_assert_str_eq(w.plan.actions[1].event.reason, "DriftMended");
  world_done(&w);
}

static size_t rules_of_policy(struct world *w) {
  return (size_t)cJSON_GetArraySize(json_get(world_object(w, RESOURCE_NETWORK_POLICY, "shop"), "spec.ingress"));
}

Test(monitored, prometheus_is_let_in_where_it_is_to_scrape) {
  static const struct {
    const char *spec;
    enum api_state api;
    size_t rules;
  } cases[] = {
      {PLAIN "networkPolicy: {enabled: true}", API_ABSENT, 2},
      {PLAIN "networkPolicy: {enabled: true}", API_SERVED, 3},
      {PLAIN "networkPolicy: {enabled: true}\nmonitoring: {serviceMonitor: disabled}", API_SERVED, 2},
      {PLAIN "networkPolicy: {enabled: true, metricsFrom: [{podSelector: {}}]}", API_ABSENT, 3},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct world w;
    deployed(&w, cases[i].spec, cases[i].api);
    cr_expect_eq(rules_of_policy(&w), cases[i].rules, "row %zu", i);
    world_done(&w);
  }
}
