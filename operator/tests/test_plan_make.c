#include "rotation/keys.h"
#include "rotation/secrets.h"
#include "stack/conditions.h"
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define SPEC "image: {repository: r, tag: v1}\nreplicas: 2\n"

static struct world w;

static void begin(const char *spec) {
  world_init(&w, spec);
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
}

static void end(void) { world_done(&w); }

TestSuite(plan_make, .fini = end);

static bool says(const char *what) { return strstr(world_says(&w), what) != NULL; }

/* From nothing to Ready, with a migration that succeeds at once. */
static void install(const char *spec) {
  begin(spec);
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  if (world_object(&w, RESOURCE_JOB, "shop-migrate-1"))
    world_job_ends(&w, "shop-migrate-1", true, 0, "{\"schemaVersion\": 12, \"servesFrom\": 11}");
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Ready", "%s", json_string(w.plan.status, "conditions", ""));
}

Test(plan_make, a_new_stack_gets_its_children_in_the_order_in_which_they_need_each_other) {
  begin(SPEC);
  world_plan(&w);
  const char *order[] = {"create ControllerRevision shop-",
                         "keys Secret shop-jwks",
                         "create ServiceAccount shop",
                         "create ConfigMap shop-env-",
                         "create Service shop",
                         "create Deployment shop",
                         "status RollingOut"};
  const char *at = world_says(&w);
  for (size_t i = 0; i < sizeof order / sizeof *order; i++)
    cr_assert_not_null(at = strstr(at, order[i]), "%s is not in its place in: %s", order[i], world_says(&w));
}

Test(plan_make, what_is_as_wanted_is_left_alone) {
  install(SPEC);
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "");
  cr_assert_eq(w.plan.look_again_ms, 0);
}

Test(plan_make, ready_says_so_in_every_way) {
  install(SPEC);
  cr_assert_str_eq(world_condition(&w, "Ready"), "True Deployed");
  cr_assert_str_eq(world_condition(&w, "Reconciling"), "");
  cr_assert_str_eq(world_condition(&w, "Stalled"), "");
  cr_assert_str_eq(world_condition(&w, "MigrationsComplete"), "True Succeeded");
  cr_assert_eq(json_int(w.plan.status, "revision.current", 0), 1);
  cr_assert_eq(json_int(w.plan.status, "migration.schemaVersion", 0), 12);
  cr_assert_eq(json_int(w.plan.status, "observedGeneration", 0), 1);
  cr_assert_str_eq(json_string(w.plan.status, "keys.signing", ""), "1767225600000");
}

Test(plan_make, the_same_observation_gives_the_same_plan) {
  begin(SPEC);
  char first[sizeof w.says];
  world_plan(&w);
  memcpy(first, world_says(&w), sizeof first);
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), first);
}

Test(plan_make, a_missing_secret_touches_nothing_and_says_how_to_make_it) {
  world_init(&w, SPEC);
  secret_view_set_absent(&w.secret);
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "status Blocked");
  cr_assert_str_eq(world_condition(&w, "SecretsReady"), "False SecretMissing");
  cr_assert_str_eq(world_condition(&w, "Reconciling"), "True SecretMissing");
  cJSON *ready = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(w.plan.status, "conditions"), 0);
  cr_assert(
      strstr(json_string(ready, "message", ""), "kubectl -n demo create secret generic supernova-secrets --from-literal=DATABASE_URL="),
      "%s", json_string(ready, "message", ""));
  world_carry_out(&w);
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_plan(&w);
  cr_assert(says("create Deployment shop"), "it goes on by itself: %s", world_says(&w));
}

Test(plan_make, a_missing_key_is_named) {
  world_init(&w, SPEC);
  world_secret(&w, "DATABASE_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "status Blocked");
  cr_assert_str_eq(world_condition(&w, "SecretsReady"), "False SecretKeyMissing");
}

Test(plan_make, a_secret_that_goes_away_later_stops_nothing_that_runs) {
  install(SPEC);
  secret_view_set_absent(&w.secret);
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "status Blocked");
}

Test(plan_make, a_changed_secret_rolls_the_pods) {
  install(SPEC);
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", "APP_JWT_SECRET", NULL);
  world_plan(&w);
  cr_assert(says("apply Deployment shop"), "%s", world_says(&w));
  cr_assert(!says("ControllerRevision"), "a Secret makes no revision: %s", world_says(&w));
}

Test(plan_make, changed_config_is_a_new_revision_with_settings_of_its_own) {
  install(SPEC);
  world_spec(&w, SPEC "config: {logLevel: debug}\n");
  world_plan(&w);
  cr_assert(says("create ControllerRevision shop-") && says("create ConfigMap shop-env-") && says("apply Deployment shop"), "%s",
            world_says(&w));
  cr_assert(!says("Job"), "an edit of config runs no migration: %s", world_says(&w));
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Ready");
  cr_assert_eq(json_int(w.plan.status, "revision.current", 0), 2);
  cr_assert_eq(json_int(w.plan.status, "revision.previous", 0), 1);
}

Test(plan_make, going_back_takes_the_old_revision_and_its_number) {
  install(SPEC);
  world_spec(&w, SPEC "config: {logLevel: debug}\n");
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  w.o.now_ms += 60000;
  world_spec(&w, SPEC);
  world_plan(&w);
  cr_assert(!says("create"), "everything is there already: %s", world_says(&w));
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  cr_assert_eq(json_int(w.plan.status, "revision.current", 0), 1);
}

Test(plan_make, a_new_image_migrates_again) {
  install(SPEC);
  world_spec(&w, "image: {repository: r, tag: v2}\nreplicas: 2\n");
  world_settle(&w);
  cr_assert_not_null(world_object(&w, RESOURCE_JOB, "shop-migrate-2"));
}

Test(plan_make, replicas_are_set_alone_and_only_when_the_spec_changes) {
  install(SPEC);
  cJSON *deployment = world_object(&w, RESOURCE_DEPLOYMENT, "shop");
  cJSON_SetNumberValue(cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(deployment, "spec"), "replicas"), 5);
  world_pods_ready(&w);
  world_plan(&w);
  cr_assert_eq(w.plan.action_count, 0, "kubectl scale is left alone: %s", world_says(&w));
  world_spec(&w, "image: {repository: r, tag: v1}\nreplicas: 4\n");
  world_plan(&w);
  cr_assert_eq(w.plan.action_count, 1, "%s", world_says(&w));
  cr_assert_str_eq(w.plan.actions[0].field_manager, "supernova-operator-replicas");
  cr_assert_eq(json_int(w.plan.actions[0].body, "spec.replicas", 0), 4);
}

static cJSON *at(enum resource resource, const char *name, const char *path) {
  cJSON *object = world_object(&w, resource, name);
  cr_assert_not_null(object);
  cJSON *found = (cJSON *)(uintptr_t)json_get(object, path);
  cr_assert_not_null(found, "%s", path);
  return found;
}

Test(plan_make, drift_is_mended_whatever_it_is) {
  static const struct {
    enum resource resource;
    const char *path, *member, *expected;
  } drifts[] = {
      {RESOURCE_DEPLOYMENT, "spec.template.spec", "terminationGracePeriodSeconds", "apply Deployment shop"},
      {RESOURCE_SERVICE, "spec", "selector", "apply Service shop"},
      {RESOURCE_DEPLOYMENT, "metadata.labels", "app", "apply Deployment shop"},
  };
  install(SPEC);
  for (size_t i = 0; i < sizeof drifts / sizeof *drifts; i++) {
    cJSON_DeleteItemFromObjectCaseSensitive(at(drifts[i].resource, "shop", drifts[i].path), drifts[i].member);
    world_plan(&w);
    cr_assert(says(drifts[i].expected), "%s: %s", drifts[i].member, world_says(&w));
    world_settle(&w);
    world_pods_ready(&w);
    world_settle(&w);
  }
}

Test(plan_make, what_others_add_to_lists_of_ours_is_removed) {
  install(SPEC);
  cJSON *containers = at(RESOURCE_DEPLOYMENT, "shop", "spec.template.spec.containers");
  cJSON *sidecar = cJSON_CreateObject();
  cJSON_AddStringToObject(sidecar, "name", "sidecar");
  cJSON_AddItemToArray(containers, sidecar);
  world_plan(&w);
  cr_assert(says("merge Deployment shop"), "%s", world_says(&w));
  world_settle(&w);
  cr_assert_eq(cJSON_GetArraySize(at(RESOURCE_DEPLOYMENT, "shop", "spec.template.spec.containers")), 1);
}

Test(plan_make, what_others_add_elsewhere_stays) {
  install(SPEC);
  cJSON_AddStringToObject(at(RESOURCE_SERVICE, "shop", "metadata.annotations"), "example.com/mine", "yes");
  cJSON_AddStringToObject(at(RESOURCE_SERVICE, "shop", "spec"), "clusterIP", "10.0.0.1");
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "");
}

Test(plan_make, a_feature_that_is_turned_off_loses_its_child) {
  install(SPEC "podDisruptionBudget: {enabled: true}\n");
  cr_assert_not_null(world_object(&w, RESOURCE_PDB, "shop"));
  world_spec(&w, SPEC "podDisruptionBudget: {enabled: false}\n");
  world_settle(&w);
  cr_assert_null(world_object(&w, RESOURCE_PDB, "shop"));
}

Test(plan_make, what_belongs_to_somebody_else_is_named_and_left_alone) {
  begin(SPEC);
  world_put(&w, RESOURCE_SERVICE, "metadata: {name: shop}\nspec: {ports: [{port: 1}]}\n");
  world_plan(&w);
  cr_assert(!says("Service shop;") && says("create Deployment shop"), "%s", world_says(&w));
  cr_assert_str_eq(world_condition(&w, "Stalled"), "True NameConflict");
  world_carry_out(&w);
  cr_assert_eq(json_int(world_object(&w, RESOURCE_SERVICE, "shop"), "spec.ports", 0), 0);
  world_put(&w, RESOURCE_SERVICE,
            "metadata: {name: shop, annotations: {platform.supernova.com/adopt: 'true'}}\nspec: {ports: [{port: 1}]}\n");
  world_plan(&w);
  cr_assert(says("apply Service shop"), "offered, it is adopted: %s", world_says(&w));
}

Test(plan_make, suspended_means_nothing_is_written_but_the_status) {
  install(SPEC);
  world_spec(&w, "image: {repository: r, tag: v2}\nsuspend: true\n");
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "status Suspended");
  cr_assert_str_eq(world_condition(&w, "Ready"), "True Deployed");
  cr_assert_str_eq(world_condition(&w, "Suspended"), "True Suspended");
}

Test(plan_make, a_lost_signing_key_is_replaced_and_told) {
  install(SPEC);
  keys_view_set_absent(&w.keys);
  world_plan(&w);
  cr_assert(says("keys Secret shop-jwks"), "%s", world_says(&w));
  cr_assert_str_eq(w.plan.actions[0].event.type, "Warning");
}

Test(plan_make, damaged_keys_are_told_and_left_alone) {
  begin(SPEC);
  keys_view_set_absent(&w.keys);
  w.keys = (struct keys_view){.state = KEYS_READ, .problem = strdup("1.pem is damaged")};
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "status Blocked");
  cr_assert_str_eq(world_condition(&w, "KeysReady"), "False KeysDamaged");
}

Test(plan_make, a_rollout_past_its_deadline_is_failed_with_the_pods_own_words) {
  begin(SPEC);
  world_settle(&w);
  cJSON *deployment = world_object(&w, RESOURCE_DEPLOYMENT, "shop");
  world_job_ends(&w, "shop-migrate-1", true, 0, "");
  world_settle(&w);
  deployment = world_object(&w, RESOURCE_DEPLOYMENT, "shop");
  cJSON *status = cJSON_Parse(
      "{\"observedGeneration\": 1, \"replicas\": 2, \"updatedReplicas\": 2, \"conditions\": [{\"type\": \"Progressing\", \"status\": "
      "\"False\", \"reason\": \"ProgressDeadlineExceeded\"}]}");
  cJSON_DeleteItemFromObjectCaseSensitive(deployment, "status");
  cJSON_AddItemToObject(deployment, "status", status);
  world_put(&w, RESOURCE_POD,
            "metadata: {name: shop-1, labels: {platform.supernova.com/stack: shop, app.kubernetes.io/component: server}}\n"
            "status: {phase: Pending, containerStatuses: [{state: {waiting: {reason: ImagePullBackOff, message: 'no such image'}}}]}");
  w.o.now_ms += 599000;
  world_plan(&w);
  cr_assert_str_eq(world_phase(&w), "RollingOut");
  cr_assert_eq(w.plan.look_again_ms, 1000);
  w.o.now_ms += 1000;
  world_plan(&w);
  cr_assert_str_eq(world_phase(&w), "Failed");
  cr_assert_str_eq(world_condition(&w, "Stalled"), "True RolloutStuck");
  const char *message = json_string(cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(w.plan.status, "conditions"), 0), "message", "");
  cr_assert(strstr(message, "cannot pull its image: no such image"), "%s", message);
}

static const char *message_of(const char *type) {
  return json_string(condition_find(json_get(w.plan.status, "conditions"), type), "message", "");
}

static void write_fails(const char *message) {
  static struct error error;
  (void)error_set(&error, ERROR_RETRY, "%s", message);
  w.o.last_error = &error;
}

Test(plan_make, a_write_that_fails_is_shown_with_its_words_until_nothing_is_owed) {
  begin(SPEC "migrations: {enabled: false}\n");
  world_plan(&w);
  world_carry_out(&w);
  world_remove(&w, RESOURCE_SERVICE, "shop");
  write_fails("write Service shop: the quota is used up");
  world_plan(&w);
  cr_assert_str_eq(world_condition(&w, "Ready"), "False WriteFailed");
  cr_assert_str_eq(world_condition(&w, "Reconciling"), "True WriteFailed");
  cr_assert_str_eq(message_of("Ready"), "write Service shop: the quota is used up");
  cr_assert(says("create Service shop") && says("status"), "it is tried again, and told though the phase is the same: %s", world_says(&w));
  cr_assert_str_eq(w.plan.event.reason, "WriteFailed");
  world_carry_out(&w);
  world_remove(&w, RESOURCE_SERVICE, "shop");
  world_plan(&w);
  cr_assert(!says("status"), "the same words are told once: %s", world_says(&w));
  write_fails("write Service shop: read tcp 10.0.0.1:4711: reset");
  world_plan(&w);
  cr_assert(says("status"), "other words are news: %s", world_says(&w));
  world_carry_out(&w);
  world_remove(&w, RESOURCE_SERVICE, "shop");
  write_fails("write Service shop: read tcp 10.0.0.17:815: reset");
  world_plan(&w);
  cr_assert(!says("status"), "another port is none: %s", world_says(&w));
  world_carry_out(&w);
  world_plan(&w);
  cr_assert_str_neq(world_condition(&w, "Ready"), "False WriteFailed", "nothing is owed any more");
}

Test(plan_make, a_spec_that_is_refused_changes_nothing_but_the_words) {
  install(SPEC);
  world_spec(&w, SPEC "environment: production\nredis: {mode: none}\n");
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "status Blocked");
  cr_assert_str_eq(world_condition(&w, "Stalled"), "True InvalidSpec");
  cr_assert(strstr(message_of("Stalled"), "redis"), "%s", message_of("Stalled"));
  cr_assert_str_eq(w.plan.event.note, message_of("Stalled"), "what is told outlives the decision");
  cr_assert_eq(json_int(w.plan.status, "revision.current", 0), 1, "what is known stays known");
  cr_assert_str_eq(world_condition(&w, "KeysReady"), "True KeysReady");
  world_carry_out(&w);
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "");
}

Test(plan_make, an_unchanged_status_is_not_written_and_nothing_is_told_twice) {
  begin(SPEC);
  for (int round = 0; round < 20; round++) {
    char reason[64];
    world_plan(&w);
    (void)snprintf(reason, sizeof reason, "%s", w.plan.event.reason ? w.plan.event.reason : "");
    world_carry_out(&w);
    world_plan(&w);
    cr_assert(!w.plan.event.reason || strcmp(w.plan.event.reason, reason) != 0, "%s is told again", reason);
    if (!w.plan.action_count && !w.plan.status_changed) return;
  }
  cr_assert_fail("no rest: %s", world_says(&w));
}

Test(plan_make, what_is_wrong_with_a_secret_replaces_no_pod) {
  static const struct { const char *spec, *key; } wrongs[] = {{SPEC, "SESSION_SECRET"}, {SPEC "secrets: {name: other}\n", NULL}};
  for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
    install(SPEC);
    world_spec(&w, wrongs[i].spec);
    if (wrongs[i].key)
      world_secret(&w, "DATABASE_URL", wrongs[i].key, NULL);
    else
      secret_view_set_absent(&w.secret);
    world_plan(&w);
    cr_assert_str_eq(world_says(&w), "status Blocked", "row %zu", i);
    if (i + 1 < sizeof wrongs / sizeof *wrongs) world_done(&w);
  }
}

Test(plan_make, what_others_change_is_set_back_while_blocked_too) {
  install(SPEC);
  secret_view_set_absent(&w.secret);
  world_settle(&w);
  cJSON_DeleteItemFromObjectCaseSensitive(at(RESOURCE_DEPLOYMENT, "shop", "spec.template.spec"), "terminationGracePeriodSeconds");
  world_plan(&w);
  cr_assert(says("apply Deployment shop"), "%s", world_says(&w));
}

Test(plan_make, design_tokens_that_are_missing_block_with_the_command_that_makes_them) {
  begin(SPEC "designTokens: {configMapRef: {name: brand}}\n");
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "status Blocked");
  cr_assert_str_eq(world_condition(&w, "Ready"), "False DesignTokensMissing");
  cr_assert(strstr(message_of("Ready"), "kubectl -n demo create configmap brand --from-file=tokens.json"), "%s", message_of("Ready"));
  w.o.design_tokens_found = true;
  world_plan(&w);
  cr_assert(says("create Deployment shop"), "%s", world_says(&w));
}

Test(plan_make, suspended_in_the_middle_of_a_migration_the_attempt_is_remembered) {
  begin(SPEC);
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Migrating");
  world_spec(&w, SPEC "suspend: true\n");
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Suspended");
  cr_assert_eq(json_int(w.plan.status, "migration.attempt", 0), 1);
  cr_assert_eq(json_int(w.plan.status, "revision.target", 0), 1);
  world_job_ends(&w, "shop-migrate-1", true, 0, "{\"schemaVersion\": 12}");
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "");
  world_spec(&w, SPEC);
  world_settle(&w);
  cr_assert_str_eq(world_condition(&w, "MigrationsComplete"), "True Succeeded");
  cr_assert_eq(cJSON_GetArraySize(w.objects[RESOURCE_JOB]), 1);
}

static bool has_finalizer(void) { return cJSON_GetArraySize(w.stack->finalizers) > 0; }

Test(plan_make, keys_that_go_with_the_stack_have_a_finalizer_before_they_exist) {
  begin(SPEC "jwks: {retain: false}\n");
  world_plan(&w);
  const char *guard = strstr(world_says(&w), "merge SupernovaStack shop"), *keys = strstr(world_says(&w), "keys Secret shop-jwks");
  cr_assert(guard && keys && guard < keys, "%s", world_says(&w));
  world_settle(&w);
  cr_assert(has_finalizer());
  world_spec(&w, SPEC "jwks: {retain: true}\n");
  world_settle(&w);
  cr_assert(!has_finalizer(), "and none once they stay");
}

Test(plan_make, a_deleted_stack_takes_its_keys_along_only_where_it_says_so) {
  static const struct {
    const char *spec, *says;
  } rows[] = {{SPEC "jwks: {retain: false}\n", "delete Secret shop-jwks; merge SupernovaStack shop"}, {SPEC "jwks: {retain: true}\n", ""}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    install(rows[i].spec);
    world_delete(&w);
    world_plan(&w);
    cr_assert_str_eq(world_says(&w), rows[i].says);
    world_carry_out(&w);
    cr_assert(!has_finalizer());
    if (i + 1 < sizeof rows / sizeof *rows) world_done(&w);
  }
}

Test(plan_make, autoscaling_takes_over_without_touching_replicas_and_gives_them_back) {
  install(SPEC);
  world_spec(&w, SPEC "autoscaling: {enabled: true, minReplicas: 2, maxReplicas: 9, targetCPUUtilizationPercentage: 65}\n");
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "create HorizontalPodAutoscaler shop; merge Deployment shop");
  world_settle(&w);
  cJSON_SetNumberValue(at(RESOURCE_DEPLOYMENT, "shop", "spec.replicas"), 7);
  world_pods_ready(&w);
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Ready", "its number is right");
  world_spec(&w, SPEC);
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "delete HorizontalPodAutoscaler shop");
  world_carry_out(&w);
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "apply Deployment shop", "once nothing scales it any more");
}
