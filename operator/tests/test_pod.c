#include "render_fixture.h"

#include <string.h>

static cJSON *open_template(const struct render_fixture *f) {
  cJSON *deployment = fixture_render(f, CHILD_DEPLOYMENT);
  cJSON *template = cJSON_DetachItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(deployment, "spec"), "template");
  cJSON_Delete(deployment);
  return template;
}

static const cJSON *container(const cJSON *template) { return json_get(template, "spec.containers")->child; }

static const cJSON *named(const cJSON *list, const char *name) {
  const cJSON *item;
  cJSON_ArrayForEach(item, list) if (!strcmp(json_string(item, "name", ""), name)) return item;
  return NULL;
}

static void assert_restricted(const cJSON *spec) {
  const cJSON *c = json_get(spec, "containers")->child;
  cr_assert(json_bool(spec, "securityContext.runAsNonRoot", false));
  cr_assert_eq(json_int(spec, "securityContext.runAsUser", 0), 10001);
  cr_assert_eq(json_int(spec, "securityContext.fsGroup", 0), 10001);
  cr_assert_str_eq(json_string(spec, "securityContext.seccompProfile.type", ""), "RuntimeDefault");
  cr_assert_not(json_bool(c, "securityContext.allowPrivilegeEscalation", true));
  cr_assert(json_bool(c, "securityContext.readOnlyRootFilesystem", false));
  cr_assert_str_eq(json_get(c, "securityContext.capabilities.drop")->child->valuestring, "ALL");
  cr_assert_not(json_bool(spec, "automountServiceAccountToken", true));
  cr_assert_not(json_bool(spec, "enableServiceLinks", true));
}

Test(pod, server_and_migration_are_restricted) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("minimal");
  _cleanup_json_ cJSON *template = open_template(&f), *job = fixture_render_migration(&f, 1, 1);
  assert_restricted(json_get(template, "spec"));
  assert_restricted(json_get(job, "spec.template.spec"));
}

Test(pod, a_restart_is_an_annotation_of_the_servers_pods_alone) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("minimal");
  _cleanup_json_ cJSON *never = open_template(&f);
  cr_assert_null(json_member(json_get(never, "metadata.annotations"), ANNOTATION_RESTARTED_AT), "what never was restarted says nothing");
  f.in.restarted_at = "2026-01-01T00:00:00Z";
  _cleanup_json_ cJSON *template = open_template(&f), *job = fixture_render_migration(&f, 1, 1);
  cr_assert_str_eq(json_string(json_member(json_get(template, "metadata.annotations"), ANNOTATION_RESTARTED_AT), "", ""),
                   f.in.restarted_at);
  cr_assert_null(json_member(json_get(job, "spec.template.metadata.annotations"), ANNOTATION_RESTARTED_AT));
}

/* Later sources win over earlier ones, and `env` over them all. */
Test(pod, settings_come_in_their_order) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("full");
  _cleanup_json_ cJSON *template = open_template(&f);
  const cJSON *sources = json_get(container(template), "envFrom"), *env = json_get(container(template), "env");
  cr_assert_str_eq(json_string(cJSON_GetArrayItem(sources, 0), "configMapRef.name", ""), "everything-env-eeeeeeeeee");
  cr_assert_str_eq(json_string(cJSON_GetArrayItem(sources, 1), "secretRef.name", ""), "shop-secrets");

  static const char *const names[] = {"DATABASE_URL", "DEV_AUTH_OPEN", "POD_NAME", "POD_NAMESPACE", "STACK", "RELEASE_HASH", "ENVIRONMENT"};
  cr_assert_eq(cJSON_GetArraySize(env), ELEMENTS(names));
  for (size_t i = 0; i < ELEMENTS(names); i++) cr_assert_str_eq(json_string(cJSON_GetArrayItem(env, (int)i), "name", ""), names[i]);
  cr_assert_str_eq(json_string(named(env, "DATABASE_URL"), "valueFrom.secretKeyRef.key", ""), "SHOP_DATABASE_URL");
  cr_assert_str_eq(json_string(named(env, "RELEASE_HASH"), "value", ""), "aaaaaaaaaa");
  cr_assert_str_eq(json_string(named(env, "ENVIRONMENT"), "value", ""), "staging");
}

Test(pod, dev_auth_open_is_always_told) {
  static const struct { const char *stack, *value; } cases[] = {{"minimal", "false"}, {"production", "false"}, {"full", "true"}};
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_fixture_ struct render_fixture f = fixture_open(cases[i].stack);
    _cleanup_json_ cJSON *template = open_template(&f);
    cr_assert_str_eq(json_string(named(json_get(container(template), "env"), "DEV_AUTH_OPEN"), "value", ""), cases[i].value);
  }
}

Test(pod, design_tokens_are_mounted_where_they_are_set) {
  static const struct {
    const char *stack, *config_map;
  } cases[] = {{"minimal", NULL}, {"full", "everything-design-tokens"}, {"production", "brand-tokens"}};
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_fixture_ struct render_fixture f = fixture_open(cases[i].stack);
    _cleanup_json_ cJSON *template = open_template(&f);
    const cJSON *volume = named(json_get(template, "spec.volumes"), "design-tokens");
    const cJSON *mount = named(json_get(container(template), "volumeMounts"), "design-tokens");
    cr_assert_eq(volume != NULL, cases[i].config_map != NULL);
    cr_assert_eq(mount != NULL, cases[i].config_map != NULL);
    if (volume) cr_assert_str_eq(json_string(volume, "configMap.name", ""), cases[i].config_map);
  }
}

/* Only the owner and its group read private keys, and a pod without keys must not start. */
Test(pod, keys_are_a_volume) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("full");
  _cleanup_json_ cJSON *template = open_template(&f);
  const cJSON *volume = named(json_get(template, "spec.volumes"), "keys"),
              *mount = named(json_get(container(template), "volumeMounts"), "keys");
  cr_assert_str_eq(json_string(volume, "secret.secretName", ""), "shop-keys");
  cr_assert_eq(json_int(volume, "secret.defaultMode", 0), 0440);
  cr_assert_not(json_bool(volume, "secret.optional", false));
  cr_assert_str_eq(json_string(mount, "mountPath", ""), "/etc/supernova/keys");
  cr_assert_null(json_get(mount, "subPath"), "a subPath is never updated");
}

Test(pod, annotations_are_hashes_and_never_the_number) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("minimal");
  _cleanup_json_ cJSON *with = open_template(&f);
  const cJSON *annotations = json_get(with, "metadata.annotations");
  cr_assert_eq(cJSON_GetArraySize(annotations), 2);
  cr_assert_str_eq(cJSON_GetStringValue(json_member(annotations, ANNOTATION_CONTENT_HASH)), "aaaaaaaaaa");
  cr_assert_str_eq(cJSON_GetStringValue(json_member(annotations, ANNOTATION_SECRET_HASH)), "5555555555");

  f.in.secret_hash = NULL;
  _cleanup_json_ cJSON *without = open_template(&f);
  cr_assert_null(json_member(json_get(without, "metadata.annotations"), ANNOTATION_SECRET_HASH));
}

Test(pod, probes_keep_the_runbooks_times) {
  static const struct {
    const char *probe, *path;
    int64_t delay_s, period_s;
  } cases[] = {{"startupProbe", "/livez", 0, 2}, {"livenessProbe", "/livez", 10, 10}, {"readinessProbe", "/readyz", 5, 5}};
  _cleanup_fixture_ struct render_fixture f = fixture_open("minimal");
  _cleanup_json_ cJSON *template = open_template(&f);
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    const cJSON *probe = json_get(container(template), cases[i].probe);
    cr_assert_str_eq(json_string(probe, "httpGet.path", ""), cases[i].path);
    cr_assert_str_eq(json_string(probe, "httpGet.port", ""), "http");
    cr_assert_eq(json_int(probe, "initialDelaySeconds", 0), cases[i].delay_s);
    cr_assert_eq(json_int(probe, "periodSeconds", 0), cases[i].period_s);
  }
  cr_assert_eq(json_int(container(template), "startupProbe.failureThreshold", 0), 60, "a slow start has two minutes");
}

Test(pod, spread_is_a_wish) {
  static const struct {
    const char *value, *key;
  } cases[] = {{"zone", "topology.kubernetes.io/zone"}, {"node", "kubernetes.io/hostname"}, {"none", NULL}};
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_fixture_ struct render_fixture f = fixture_open("minimal");
    f.stack->spec.scheduling.topology_spread = cases[i].value;
    _cleanup_json_ cJSON *template = open_template(&f);
    const cJSON *spread = json_get(template, "spec.topologySpreadConstraints");
    cr_assert_eq(spread != NULL, cases[i].key != NULL);
    if (!spread) continue;
    cr_assert_str_eq(json_string(spread->child, "topologyKey", ""), cases[i].key);
    cr_assert_str_eq(json_string(spread->child, "whenUnsatisfiable", ""), "ScheduleAnyway");
  }
}

/* A selector can never be changed, and pods must match it. */
Test(pod, selector_is_app_and_component_alone) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("minimal");
  _cleanup_json_ cJSON *deployment = fixture_render(&f, CHILD_DEPLOYMENT), *service = fixture_render(&f, CHILD_SERVICE);
  _cleanup_json_ cJSON *expected = cJSON_Parse("{\"app\":\"shop\",\"app.kubernetes.io/component\":\"server\"}");
  cr_assert(json_equal(json_get(deployment, "spec.selector.matchLabels"), expected));
  cr_assert(json_equal(json_get(service, "spec.selector"), expected));
  const cJSON *label;
  cJSON_ArrayForEach(label, expected) {
    cr_assert(json_equal(json_member(json_get(deployment, "spec.template.metadata.labels"), label->string), label));
  }
}
