#include "render_fixture.h"

Test(job, name_counts_attempts_from_the_second) {
  static const struct {
    int64_t revision, attempt;
    const char *name;
  } cases[] = {{1, 1, "shop-migrate-1"}, {4, 2, "shop-migrate-4-2"}, {12, 6, "shop-migrate-12-6"}};
  _cleanup_fixture_ struct render_fixture f = fixture_open("minimal");
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    char name[64];
    render_migration_name(f.stack, cases[i].revision, cases[i].attempt, name);
    cr_assert_str_eq(name, cases[i].name);
  }
}

Test(job, command_is_the_specs_or_the_servers_own) {
  static const struct {
    const char *stack, *first, *second;
  } cases[] = {{"minimal", "supernova-server", "migrate"}, {"full", "node", "db/migrate.mjs"}};
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_fixture_ struct render_fixture f = fixture_open(cases[i].stack);
    _cleanup_json_ cJSON *job = render_migration_job(&f.in, 1, 1);
    const cJSON *command = json_get(json_get(job, "spec.template.spec.containers")->child, "command");
    cr_assert_str_eq(cJSON_GetArrayItem(command, 0)->valuestring, cases[i].first);
    cr_assert_str_eq(cJSON_GetArrayItem(command, 1)->valuestring, cases[i].second);
  }
}

/* A Job's own deadline, or a time to live, would take the pod and its last words away. */
Test(job, keeps_its_pod_and_its_words) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("full");
  _cleanup_json_ cJSON *job = render_migration_job(&f.in, 1, 1);
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
  _cleanup_json_ cJSON *job = render_migration_job(&f.in, 1, 1);
  const cJSON *rule = json_get(job, "spec.podFailurePolicy.rules")->child;
  cr_assert_str_eq(json_string(rule, "action", ""), "FailJob");
  cr_assert_str_eq(json_string(rule, "onExitCodes.containerName", ""),
                   json_string(json_get(job, "spec.template.spec.containers")->child, "name", "?"));
  cr_assert_eq(json_get(rule, "onExitCodes.values")->child->valueint, 65);
}

Test(job, has_the_servers_settings_but_not_its_keys) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("full");
  _cleanup_json_ cJSON *job = render_migration_job(&f.in, 1, 1), *deployment = fixture_render(&f, CHILD_DEPLOYMENT);
  const cJSON *migrate = json_get(job, "spec.template.spec.containers")->child;
  const cJSON *server = json_get(deployment, "spec.template.spec.containers")->child;
  cr_assert(json_equal(json_get(migrate, "env"), json_get(server, "env")));
  cr_assert(json_equal(json_get(migrate, "envFrom"), json_get(server, "envFrom")));
  const cJSON *volume;
  cJSON_ArrayForEach(volume, json_get(job, "spec.template.spec.volumes")) cr_assert_null(json_get(volume, "secret"));
}
