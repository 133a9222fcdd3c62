/* Which rules a stack gets; whether they fire is tried in test_alerts.py. */
#include "render_fixture.h"

extern const char alerts_yaml[];

static bool has_alert(const cJSON *manifest, const char *name) {
  const cJSON *group, *rule;
  cJSON_ArrayForEach(group, json_get(manifest, "spec.groups")) {
    cJSON_ArrayForEach(rule, json_member(group, "rules")) {
      if (!strcmp(json_string(rule, "alert", ""), name)) return true;
    }
  }
  return false;
}

static size_t count_alerts(const cJSON *manifest) {
  size_t n = 0;
  const cJSON *group, *rule;
  cJSON_ArrayForEach(group, json_get(manifest, "spec.groups")) {
    cJSON_ArrayForEach(rule, json_member(group, "rules")) {
      cr_assert_null(json_get(rule, "when"));
      n += json_get(rule, "alert") != NULL;
    }
  }
  return n;
}

static size_t count_text(const char *text, const char *part) {
  size_t n = 0;
  while ((text = strstr(text, part))) n++, text += strlen(part);
  return n;
}

/* A misspelt `when` would keep its rule from every stack. */
Test(prometheus_rule, a_production_stack_has_all) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("production");
  _cleanup_json_ cJSON *manifest = fixture_render(&f, CHILD_PROMETHEUS_RULE);
  cr_assert_eq(count_alerts(manifest), count_text(alerts_yaml, "- alert: "));
  char *text = cJSON_PrintUnformatted(manifest);
  cr_assert_null(strchr(text, '@'), "all is filled in");
  free(text);
}

static bool renders(struct render_fixture *f, const char *alert) {
  _cleanup_json_ cJSON *manifest = fixture_render(f, CHILD_PROMETHEUS_RULE);
  return has_alert(manifest, alert);
}

Test(prometheus_rule, what_does_not_apply_is_left_out) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("production");
  _cleanup_json_ cJSON *unlimited = cJSON_Parse("{\"requests\":{\"memory\":\"1Gi\"}}");
  f.stack->spec.config.auth.dev_auth_open = true;
  cr_expect_not(renders(&f, "SupernovaAuthBypass"));
  f.stack->spec.resources = unlimited;
  cr_expect_not(renders(&f, "SupernovaMemory"));
  f.stack->spec.replicas = 0;
  cr_expect(renders(&f, "SupernovaDown"), "the autoscaler keeps some");
  f.stack->spec.autoscaling.enabled = false;
  cr_expect_not(renders(&f, "SupernovaAtMaxReplicas"));
  cr_expect_not(renders(&f, "SupernovaDown"));
  f.stack->spec.replicas = 1;
  cr_expect(renders(&f, "SupernovaDown"));
}

Test(prometheus_rule, the_limit_is_the_specs) {
  static const struct {
    const char *resources, *bytes;
  } cases[] = {{NULL, "0.85 * 2147483648"},
               {"{\"limits\":{\"memory\":\"512Mi\"}}", "0.85 * 536870912"},
               {"{\"limits\":{\"memory\":1000000}}", "0.85 * 1000000"}};
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_fixture_ struct render_fixture f = fixture_open("production");
    _cleanup_json_ cJSON *resources = cases[i].resources ? cJSON_Parse(cases[i].resources) : NULL;
    f.stack->spec.resources = resources;
    _cleanup_json_ cJSON *manifest = fixture_render(&f, CHILD_PROMETHEUS_RULE);
    char *text = cJSON_PrintUnformatted(manifest);
    cr_expect(strstr(text, cases[i].bytes), "%s", cases[i].bytes);
    free(text);
  }
}
