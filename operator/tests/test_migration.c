#include "release/job_memory.h"
#include "rotation/keys.h"
#include "rotation/secrets.h"
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define IMAGE    "image: {repository: r, tag: v1}\n"
#define RETRY    "migrations: {retry: {exponential: {enabled: true, initialSeconds: 2, maxSeconds: 60, maxAttempts: 6}}}\n"
#define START_MS 1767225600000 /* when the world's Jobs end: 2026-01-01T00:00:00Z */

static struct world w;

static void begin(const char *spec) {
  world_init(&w, spec);
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_settle(&w);
  if (world_object(&w, RESOURCE_DEPLOYMENT, "shop")) {
    world_pods_ready(&w);
    world_settle(&w);
  }
}

static void end(void) { world_done(&w); }

TestSuite(migration, .fini = end);

static void fails(int attempt, int exit_code, const char *message) {
  char job[64];
  (void)snprintf(job, sizeof job, attempt == 1 ? "shop-migrate-1" : "shop-migrate-1-%d", attempt);
  world_job_ends(&w, job, false, exit_code, message);
  world_plan(&w);
}

static const char *message_of(const char *type) {
  const cJSON *condition;
  cJSON_ArrayForEach(condition, cJSON_GetObjectItemCaseSensitive(w.plan.status, "conditions")) {
    if (!strcmp(json_string(condition, "type", ""), type)) return json_string(condition, "message", "");
  }
  return "";
}

Test(migration, attempts_wait_2_4_8_16_32_seconds_and_then_it_has_failed) {
  static const int64_t waits_s[] = {2, 4, 8, 16, 32};
  begin(IMAGE RETRY);
  for (int attempt = 1; attempt <= 5; attempt++) {
    fails(attempt, 75, "connection refused");
    cr_assert_str_eq(world_condition(&w, "MigrationsComplete"), "False Retrying", "attempt %d", attempt);
    cr_assert_eq(w.plan.look_again_ms, waits_s[attempt - 1] * 1000 - (w.o.now_ms - START_MS), "after attempt %d it waits %lld ms", attempt,
                 (long long)w.plan.look_again_ms);
    world_carry_out(&w);
    w.o.now_ms = START_MS + waits_s[attempt - 1] * 1000 - 1;
    world_settle(&w);
    cr_assert_eq(cJSON_GetArraySize(w.objects[RESOURCE_JOB]), attempt, "a millisecond early is too early");
    w.o.now_ms++;
    world_settle(&w);
    cr_assert_eq(cJSON_GetArraySize(w.objects[RESOURCE_JOB]), attempt + 1);
    w.o.now_ms = START_MS; /* each Job of this world ends at the same moment */
  }
  fails(6, 75, "{\"error\": \"relation x does not exist\", \"file\": \"0011_x.sql\", \"line\": 7}");
  cr_assert_str_eq(w.plan.phase, "Failed");
  world_settle(&w);
  cr_assert_str_eq(world_condition(&w, "Stalled"), "True MigrationFailed");
  cr_assert(strstr(message_of("Stalled"), "0011_x.sql line 7: relation x does not exist"), "%s", message_of("Stalled"));
  cr_assert_eq(cJSON_GetArraySize(w.objects[RESOURCE_JOB]), 6, "no seventh");
}

Test(migration, exit_65_is_never_tried_again) {
  begin(IMAGE RETRY);
  fails(1, 65, "syntax error");
  world_settle(&w);
  cr_assert_str_eq(w.plan.phase, "Failed");
  cr_assert_eq(cJSON_GetArraySize(w.objects[RESOURCE_JOB]), 1);
}

Test(migration, a_failure_is_forgotten_when_what_could_mend_it_changes) {
  static const char *const remedies[] = {IMAGE RETRY "config: {logLevel: debug}\n", "image: {repository: r, tag: v2}\n" RETRY,
                                         IMAGE "migrations: {activeDeadlineSeconds: 900}\n"};
  for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++) {
    begin(IMAGE RETRY);
    fails(1, 65, "no");
    world_settle(&w);
    int jobs = cJSON_GetArraySize(w.objects[RESOURCE_JOB]);
    world_spec(&w, remedies[i]);
    world_settle(&w);
    if (world_object(&w, RESOURCE_DEPLOYMENT, "shop")) world_pods_ready(&w);
    world_settle(&w);
    cr_assert_eq(cJSON_GetArraySize(w.objects[RESOURCE_JOB]), jobs + 1, "remedy %zu", i);
    if (i + 1 < sizeof remedies / sizeof *remedies) world_done(&w);
  }
}

Test(migration, a_changed_secret_frees_it_too_and_the_numbers_go_on) {
  begin(IMAGE RETRY);
  fails(1, 65, "no");
  world_settle(&w);
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", "SESSION_SECRET", NULL);
  world_settle(&w);
  cr_assert_not_null(world_object(&w, RESOURCE_JOB, "shop-migrate-1-2"));
}

Test(migration, killed_between_the_record_and_the_job_it_makes_that_job) {
  world_init(&w, IMAGE);
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_settle(&w);
  world_remove(&w, RESOURCE_JOB, "shop-migrate-1");
  cJSON *object = cJSON_Duplicate(w.stack->object, true);
  cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(object, "status"), "migration"); /* the Job was never seen */
  stack_free(w.stack);
  w.stack = stack_decode(object, NULL);
  world_settle(&w);
  cr_assert_not_null(world_object(&w, RESOURCE_JOB, "shop-migrate-1"), "the same number, not the next");
  cr_assert_eq(cJSON_GetArraySize(w.objects[RESOURCE_JOB]), 1);
}

Test(migration, a_job_that_vanished_counts_as_failed) {
  begin(IMAGE RETRY);
  cr_assert_not_null(world_object(&w, RESOURCE_JOB, "shop-migrate-1"));
  world_remove(&w, RESOURCE_JOB, "shop-migrate-1");
  world_settle(&w);
  cr_assert_not_null(world_object(&w, RESOURCE_JOB, "shop-migrate-1-2"));
}

Test(migration, before_the_roll_the_pods_wait_for_it) {
  begin(IMAGE "migrations: {when: [pre-install, pre-upgrade]}\n");
  cr_assert_null(world_object(&w, RESOURCE_DEPLOYMENT, "shop"));
  cr_assert_str_eq(w.plan.phase, "Migrating");
  world_job_ends(&w, "shop-migrate-1", true, 0, "{\"schemaVersion\": 3}");
  world_settle(&w);
  cr_assert_not_null(world_object(&w, RESOURCE_DEPLOYMENT, "shop"));
}

Test(migration, before_an_upgrade_the_old_pods_stay_as_they_are) {
  begin(IMAGE "migrations: {when: [pre-upgrade]}\n");
  cr_assert_str_eq(w.plan.phase, "Ready", "nothing to do at install");
  world_spec(&w, "image: {repository: r, tag: v2}\nmigrations: {when: [pre-upgrade]}\n");
  world_settle(&w);
  const cJSON *containers = json_get(world_object(&w, RESOURCE_DEPLOYMENT, "shop"), "spec.template.spec.containers");
  cr_assert_str_eq(json_string(cJSON_GetArrayItem(containers, 0), "image", ""), "r:v1");
  world_job_ends(&w, "shop-migrate-2", true, 0, "");
  world_settle(&w);
  containers = json_get(world_object(&w, RESOURCE_DEPLOYMENT, "shop"), "spec.template.spec.containers");
  cr_assert_str_eq(json_string(cJSON_GetArrayItem(containers, 0), "image", ""), "r:v2");
}

Test(migration, disabled_means_none) {
  begin(IMAGE "migrations: {enabled: false}\n");
  cr_assert_eq(cJSON_GetArraySize(w.objects[RESOURCE_JOB]), 0);
  cr_assert_str_eq(w.plan.phase, "Ready");
}

/* The plan as it would be carried out by somebody who is killed, or refused, before Jobs are made. */
static void carry_out_without_jobs(void) {
  world_plan(&w);
  world_carry_out(&w);
  cJSON_Delete(w.objects[RESOURCE_JOB]);
  w.objects[RESOURCE_JOB] = cJSON_CreateArray();
}

Test(migration, a_job_that_is_refused_costs_no_attempt) {
  world_init(&w, IMAGE RETRY);
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  for (int round = 0; round < 10; round++) carry_out_without_jobs();
  world_settle(&w);
  cr_assert_not_null(world_object(&w, RESOURCE_JOB, "shop-migrate-1"), "%s", world_phase(&w));
  cr_assert_eq(cJSON_GetArraySize(w.objects[RESOURCE_JOB]), 1);
}

Test(migration, somebody_elses_job_of_that_name_is_nobodys_success) {
  world_init(&w, IMAGE RETRY);
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_put(&w, RESOURCE_JOB,
            "metadata: {name: shop-migrate-1, labels: {platform.supernova.com/stack: shop}, "
            "ownerReferences: [{uid: the-stack-before, controller: true}]}\n"
            "status: {conditions: [{type: Complete, status: 'True'}]}");
  world_plan(&w);
  for (int round = 0; round < 6; round++, world_plan(&w)) {
    for (size_t i = 0; i < w.plan.action_count; i++) /* its name is taken */
      if (w.plan.actions[i].resource == RESOURCE_JOB && !strcmp(w.plan.actions[i].name, "shop-migrate-1"))
        w.plan.actions[i].type = ACTION_MAKE_KEYS;
    world_carry_out(&w);
  }
  cr_assert_not_null(world_object(&w, RESOURCE_JOB, "shop-migrate-1-2"), "%s", world_says(&w));
  cr_assert_str_eq(world_condition(&w, "MigrationsComplete"), "False Running");
}

Test(migration, a_revision_of_a_stack_before_counts_for_nothing) {
  begin(IMAGE RETRY);
  world_job_ends(&w, "shop-migrate-1", true, 0, "");
  world_settle(&w);
  cr_assert_str_eq(world_condition(&w, "MigrationsComplete"), "True Succeeded");
  cJSON *revision = cJSON_GetArrayItem(w.objects[RESOURCE_REVISION], 0);
  cJSON *owner =
      cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(revision, "metadata"), "ownerReferences"), 0);
  cJSON_ReplaceItemInObjectCaseSensitive(owner, "uid", cJSON_CreateString("the-stack-before"));
  world_plan(&w);
  cr_assert_str_eq(world_condition(&w, "MigrationsComplete"), "False Due");
}

/* What the Secret says about the database is its user's to change at any moment. */
static void another_database(void) { (void)snprintf(w.secret.database, sizeof w.secret.database, "%s", "another000"); }

Test(migration, a_success_counts_for_the_database_that_the_attempt_had) {
  begin(IMAGE RETRY);
  another_database();
  world_job_ends(&w, "shop-migrate-1", true, 0, "");
  world_settle(&w);
  cr_assert_not_null(world_object(&w, RESOURCE_JOB, "shop-migrate-1-2"), "the other database is migrated too: %s", world_says(&w));
}

Test(migration, a_failure_counts_for_the_secret_that_the_attempt_had) {
  begin(IMAGE "migrations: {retry: {exponential: {enabled: false}}}\n");
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", "SESSION_SECRET", NULL); /* mended while it runs */
  world_job_ends(&w, "shop-migrate-1", false, 75, "password authentication failed");
  world_settle(&w);
  cr_assert_not_null(world_object(&w, RESOURCE_JOB, "shop-migrate-1-2"), "%s", world_phase(&w));
}

Test(migration, a_success_is_remembered_however_many_revisions_follow) {
  begin(IMAGE RETRY);
  world_job_ends(&w, "shop-migrate-1", true, 0, "");
  world_settle(&w);
  for (int i = 0; i < 14; i++) {
    char spec[256];
    (void)snprintf(spec, sizeof spec, IMAGE RETRY "config: {env: {N: '%d'}}\n", i);
    w.o.now_ms += 60000;
    world_spec(&w, spec);
    world_settle(&w);
    world_pods_ready(&w);
    world_settle(&w);
    cr_assert_str_eq(world_phase(&w), "Ready", "%d", i);
  }
  cr_assert(cJSON_GetArraySize(w.objects[RESOURCE_REVISION]) < 14, "old ones go");
  cr_assert_str_eq(world_condition(&w, "MigrationsComplete"), "True Succeeded");
  cr_assert_null(world_object(&w, RESOURCE_JOB, "shop-migrate-15"));
}

Test(migration, it_may_come_before_an_install_and_after_an_upgrade) {
  static const char stages[] = "migrations: {when: [pre-install, post-upgrade]}\n";
  char spec[256];
  (void)snprintf(spec, sizeof spec, IMAGE "%s", stages);
  begin(spec);
  cr_assert_null(world_object(&w, RESOURCE_DEPLOYMENT, "shop"));
  world_job_ends(&w, "shop-migrate-1", true, 0, "");
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Ready");
  (void)snprintf(spec, sizeof spec, "image: {repository: r, tag: v2}\n%s", stages);
  world_spec(&w, spec);
  world_plan(&w);
  cr_assert_not_null(strstr(world_says(&w), "apply Deployment shop"), "the pods do not wait: %s", world_says(&w));
  world_settle(&w);
  cr_assert_not_null(world_object(&w, RESOURCE_JOB, "shop-migrate-2"));
}
