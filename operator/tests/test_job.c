#include "render_fixture.h"

Test(job, name_counts_attempts_from_the_second) {
  static const struct {
    int64_t revision, attempt;
    const char *series, *name;
  } cases[] = {{1, 1, "migrate", "shop-migrate-1"}, {4, 2, "seed", "shop-seed-4-2"}, {12, 6, "warm-up2", "shop-warm-up2-12-6"}};
  _cleanup_fixture_ struct render_fixture f = fixture_open("minimal");
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    char name[64];
    render_job_name(f.stack, cases[i].series, cases[i].revision, cases[i].attempt, name);
    cr_assert_str_eq(name, cases[i].name);
    cr_assert_eq(render_job_revision(f.stack, name), cases[i].revision);
  }
}

Test(job, a_name_of_something_else_has_no_revision) {
  static const char *const names[] = {"shop", "shop-", "shop-backup", "shopping-migrate-1", "other-migrate-1", "shop-x1-y"};
  _cleanup_fixture_ struct render_fixture f = fixture_open("minimal");
  for (size_t i = 0; i < ELEMENTS(names); i++) cr_assert_eq(render_job_revision(f.stack, names[i]), -1, "%s", names[i]);
}

Test(job, command_is_the_specs_or_the_servers_own) {
  static const struct {
    const char *stack, *first, *second;
  } cases[] = {{"minimal", "supernova-server", "migrate"}, {"full", "node", "db/migrate.mjs"}};
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_fixture_ struct render_fixture f = fixture_open(cases[i].stack);
    _cleanup_json_ cJSON *job = fixture_render_migration(&f, 1, 1);
    const cJSON *command = json_get(json_get(job, "spec.template.spec.containers")->child, "command");
    cr_assert_str_eq(cJSON_GetArrayItem(command, 0)->valuestring, cases[i].first);
    cr_assert_str_eq(cJSON_GetArrayItem(command, 1)->valuestring, cases[i].second);
  }
}

/* A Job's own deadline, or a time to live, would take the pod and its last words away. */
Test(job, keeps_its_pod_and_its_words) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("full");
  _cleanup_json_ cJSON *job = fixture_render_migration(&f, 1, 1);
  cr_assert_null(json_get(job, "spec.activeDeadlineSeconds"));
  cr_assert_null(json_get(job, "spec.ttlSecondsAfterFinished"));
  cr_assert_eq(json_int(job, "spec.template.spec.activeDeadlineSeconds", 0), 900);
  cr_assert_eq(json_int(job, "spec.backoffLimit", -1), 2);
  cr_assert_str_eq(json_string(job, "spec.podReplacementPolicy", ""), "Failed");
  cr_assert_str_eq(json_string(job, "spec.template.spec.restartPolicy", ""), "Never");
  cr_assert_str_eq(json_string(json_get(job, "spec.template.spec.containers")->child, "terminationMessagePolicy", ""),
                   "FallbackToLogsOnError");
}

Test(job, exit_status_65_ends_it) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("minimal");
  _cleanup_json_ cJSON *job = fixture_render_migration(&f, 1, 1);
  const cJSON *rule = json_get(job, "spec.podFailurePolicy.rules")->child;
  cr_assert_str_eq(json_string(rule, "action", ""), "FailJob");
  cr_assert_str_eq(json_string(rule, "onExitCodes.containerName", ""),
                   json_string(json_get(job, "spec.template.spec.containers")->child, "name", "?"));
  cr_assert_eq(json_get(rule, "onExitCodes.values")->child->valueint, 65);
}

Test(job, has_the_servers_settings_but_not_its_keys) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("full");
  _cleanup_json_ cJSON *job = fixture_render_migration(&f, 1, 1), *deployment = fixture_render(&f, CHILD_DEPLOYMENT);
  const cJSON *migrate = json_get(job, "spec.template.spec.containers")->child;
  const cJSON *server = json_get(deployment, "spec.template.spec.containers")->child;
  cr_assert(json_equal(json_get(migrate, "env"), json_get(server, "env")));
  cr_assert(json_equal(json_get(migrate, "envFrom"), json_get(server, "envFrom")));
  const cJSON *volume;
  cJSON_ArrayForEach(volume, json_get(job, "spec.template.spec.volumes")) cr_assert_null(json_get(volume, "secret"));
}

Test(job, a_hook_has_its_own_command_resources_and_label) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("hooks");
  struct stack_job hook;
  cr_assert(stack_hook_find(&f.stack->spec, "warm-cache", &hook));
  const struct render_job job = {hook.name, "hook", hook.command, &hook, false};
  _cleanup_json_ cJSON *manifest = render_job(&f.in, &job, 7, 2);
  const cJSON *container = json_get(manifest, "spec.template.spec.containers")->child;
  cr_assert_str_eq(json_string(manifest, "metadata.name", ""), "shop-warm-cache-7-2");
  cr_assert_str_eq(cJSON_GetStringValue(json_member(json_get(manifest, "metadata.labels"), "app.kubernetes.io/component")), "hook");
  cr_assert_str_eq(cJSON_GetArrayItem(json_get(container, "command"), 0)->valuestring, "node");
  cr_assert(json_equal(json_get(container, "resources"), hook.resources));
  cr_assert_eq(json_int(manifest, "spec.template.spec.activeDeadlineSeconds", 0), 60);
}
