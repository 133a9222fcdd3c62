#include "release/hooks.h"

#include "release/annotations.h"
#include "rotation/secrets.h"
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define V1       "image: {repository: r, tag: v1}\n"
#define V2       "image: {repository: r, tag: v2}\n"
#define COMPANY  "image: {repository: docker.io/library/supernova-server, tag: v1}\n"
#define COMPANY2 "image: {repository: docker.io/library/supernova-server, tag: v2}\n"
#define OFF      "migrations: {enabled: false}\n"
#define SEEDS    "seeds: {enabled: true}\n"
#define START_MS 1767225600000 /* when the world's Jobs end: 2026-01-01T00:00:00Z */

static struct world w;

static void begin(const char *spec) {
  world_init(&w, spec);
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_settle(&w);
}

static void end(void) { world_done(&w); }

TestSuite(hooks, .fini = end);

/* The Job that is at work, as far as the world's Jobs work; "" where there is none, and it fails where there are two. */
static const char *at_work(void) {
  const char *name = "";
  const cJSON *job;
  cJSON_ArrayForEach(job, w.objects[RESOURCE_JOB]) {
    if (json_get(job, "status.conditions")) continue;
    cr_assert_str_empty(name, "two at once: %s and %s", name, json_string(job, "metadata.name", ""));
    name = json_string(job, "metadata.name", "");
  }
  return name;
}

static int jobs(void) { return cJSON_GetArraySize(w.objects[RESOURCE_JOB]); }

static const char *image(void) {
  const cJSON *deployment = world_object(&w, RESOURCE_DEPLOYMENT, "shop");
  return deployment ? json_string(json_get(deployment, "spec.template.spec.containers")->child, "image", "") : "";
}

static const char *message_of(const char *type) {
  const cJSON *condition;
  cJSON_ArrayForEach(condition, cJSON_GetObjectItemCaseSensitive(w.plan.status, "conditions")) {
    if (!strcmp(json_string(condition, "type", ""), type)) return json_string(condition, "message", "");
  }
  return "";
}

static void succeed(const char *message) {
  char name[64];
  (void)snprintf(name, sizeof name, "%s", at_work());
  world_job_ends(&w, name, true, 0, message);
  world_settle(&w);
}

static void fail(int exit_code, const char *message) {
  char name[64];
  (void)snprintf(name, sizeof name, "%s", at_work());
  world_job_ends(&w, name, false, exit_code, message);
  world_plan(&w);
}

static void pods_ready(void) {
  if (!world_object(&w, RESOURCE_DEPLOYMENT, "shop")) return;
  world_pods_ready(&w);
  world_settle(&w);
}

/* Every Job succeeds in its turn, until the stack is Ready: their names without the stack's, and a bar where the pods were changed. */
static const char *release(const char *new_image) {
  static char told[512];
  bool changed = false;
  *told = 0;
  world_settle(&w);
  for (int round = 0; round < 20; round++) {
    if (!changed && !strcmp(image(), new_image)) {
      strcat(told, "| ");
      changed = true;
    }
    if (!*at_work()) break;
    strcat(strcat(told, at_work() + strlen("shop-")), " ");
    succeed("");
  }
  pods_ready();
  cr_assert_str_eq(world_phase(&w), "Ready", "%s", told);
  return told;
}

static void upgrade(const char *spec) {
  w.o.now_ms += 60000;
  world_spec(&w, spec);
}

Test(hooks, a_stage_runs_by_weight_then_migration_seeds_hooks_by_name) {
  static const struct {
    const char *spec, *install, *upgrade;
  } rows[] = {
      {SEEDS, "| migrate-1 seed-1 ", "| migrate-2 "},
      {OFF SEEDS, "| seed-1 ", "| "},
      {SEEDS "migrations: {weight: 21}\n", "| seed-1 migrate-1 ", "| migrate-2 "},
      {SEEDS "migrations: {weight: 20}\nhooks: [{name: b, command: [x], weight: 20}, {name: a, command: [x], weight: 20}]\n",
       "| migrate-1 seed-1 a-1 b-1 ", "| migrate-2 a-2 b-2 "},
      {"hooks: [{name: early, command: [x], weight: -1}, {name: late, command: [x]}]\n", "| early-1 migrate-1 late-1 ",
       "| early-2 migrate-2 late-2 "},
      {"migrations: {when: [pre-install, pre-upgrade]}\nhooks: [{name: first, command: [x], when: [pre-upgrade], weight: 1}]\n",
       "migrate-1 | ", "first-2 migrate-2 | "},
      {OFF "hooks: [{name: before, command: [x], when: [pre-install, pre-upgrade], weight: 900}, {name: after, command: [x], weight: 1}]\n",
       "before-1 | after-1 ", "before-2 | after-2 "},
      {OFF "hooks: [{name: once, command: [x], when: [post-install]}, {name: never, command: [x], enabled: false}]\n", "| once-1 ", "| "},
      {OFF "seeds: {enabled: true, when: [post-install, post-upgrade]}\n", "| seed-1 ", "| seed-2 "},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    char spec[512];
    (void)snprintf(spec, sizeof spec, V1 "%s", rows[i].spec);
    begin(spec);
    cr_assert_str_eq(release("r:v1"), rows[i].install, "row %zu", i);
    (void)snprintf(spec, sizeof spec, V2 "%s", rows[i].spec);
    upgrade(spec);
    cr_assert_str_eq(release("r:v2"), rows[i].upgrade, "row %zu", i);
    world_plan(&w);
    cr_assert_str_empty(world_says(&w));
    if (i + 1 < ELEMENTS(rows)) world_done(&w);
  }
}

Test(hooks, the_series_at_work_is_told) {
  begin(V1 OFF "hooks: [{name: warm-up, command: [x]}]\n");
  cr_assert_str_eq(world_phase(&w), "Migrating");
  cr_assert_str_eq(world_condition(&w, "Ready"), "False HookRunning");
  cr_assert_str_eq(message_of("Ready"), "hook warm-up attempt 1 of 6 is at work");
  cr_assert_str_eq(json_string(w.plan.status, "migration.kind", ""), "warm-up");
  cr_assert_str_eq(world_condition(&w, "MigrationsComplete"), "True NotNeeded");
}

Test(hooks, a_hook_that_fails_is_tried_again_after_2_4_8_seconds) {
  static const int64_t waits_s[] = {2, 4, 8};
  begin(V1 OFF "hooks: [{name: warm, command: [x], retry: {exponential: {maxAttempts: 4}}}, {name: next, command: [x], weight: 31}]\n");
  pods_ready();
  for (int attempt = 1; attempt <= 3; attempt++) {
    w.o.now_ms = START_MS;
    fail(1, "cache refused postgres://u:hunter2@db/shop");
    cr_assert_str_eq(world_condition(&w, "Ready"), "False HookRetrying");
    cr_assert(!strstr(message_of("Ready"), "hunter2"), "%s", message_of("Ready"));
    cr_assert_eq(w.plan.look_again_ms, waits_s[attempt - 1] * 1000);
    world_settle(&w);
    w.o.now_ms = START_MS + waits_s[attempt - 1] * 1000;
    world_settle(&w);
    cr_assert_eq(jobs(), attempt + 1);
  }
  fail(1, "no");
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Failed");
  cr_assert_str_eq(world_condition(&w, "Stalled"), "True HookFailed");
  cr_assert_str_eq(message_of("Stalled"),
                   "the hook warm failed for good: no; it is tried again when the image, settings, Secret or its block change");
  cr_assert_eq(jobs(), 4, "neither a fifth nor the next hook");
  world_spec(&w, V1 OFF "hooks: [{name: warm, command: [x], activeDeadlineSeconds: 9}, {name: next, command: [x], weight: 31}]\n");
  cr_assert_str_eq(release("r:v1"), "| warm-1-5 next-1 ", "a longer deadline frees it, and the numbers go on");
}

Test(hooks, exit_65_of_a_seed_is_never_tried_again) {
  begin(V1 OFF SEEDS);
  fail(65, "{\"error\": \"no such file\", \"file\": \"0001_x.sql\", \"line\": 3}");
  world_settle(&w);
  cr_assert_str_eq(world_condition(&w, "Stalled"), "True SeedFailed");
  cr_assert(strstr(message_of("Stalled"), "0001_x.sql line 3: no such file"), "%s", message_of("Stalled"));
  cr_assert_eq(jobs(), 1);
}

Test(hooks, a_database_is_seeded_once_however_many_revisions_an_install_takes) {
  begin(V1 OFF SEEDS);
  succeed("");
  upgrade(V2 OFF SEEDS); /* the pods of the first never became ready */
  world_settle(&w);
  cr_assert_str_eq(image(), "r:v2");
  cr_assert_str_empty(at_work());
  (void)snprintf(w.secret.database, sizeof w.secret.database, "%s", "another000");
  world_settle(&w);
  cr_assert_str_eq(at_work(), "shop-seed-2", "another database is another's seeds");
}

Test(hooks, going_back_to_what_was_deployed_runs_none_neither_then_nor_later) {
  static const char hooks[] = "hooks: [{name: a, command: [x], when: [pre-upgrade]}, {name: b, command: [x]}]\n";
  char spec[256];
  (void)snprintf(spec, sizeof spec, V1 "%s", hooks);
  begin(spec);
  (void)release("r:v1");
  (void)snprintf(spec, sizeof spec, V2 "%s", hooks);
  upgrade(spec);
  (void)release("r:v2");
  int before = jobs();
  (void)snprintf(spec, sizeof spec, V1 "%s", hooks);
  upgrade(spec);
  cr_assert_str_eq(release("r:v1"), "| ");
  cr_assert_eq(jobs(), before);
  cr_assert_str_eq(world_condition(&w, "MigrationsComplete"), "True Succeeded");
  (void)snprintf(spec, sizeof spec, V2 "%s", hooks);
  upgrade(spec);
  cr_assert_str_eq(release("r:v2"), "| ", "and forth");
}

Test(hooks, a_revision_without_a_migration_of_its_own_takes_over_the_one_before) {
  begin(V1);
  succeed("{\"schemaVersion\": 3, \"servesFrom\": 2, \"accepts\": [1, 3]}");
  pods_ready();
  upgrade(V1 "config: {logLevel: debug}\n");
  cr_assert_str_eq(release("r:v1"), "| ");
  upgrade(V2);
  world_settle(&w);
  cr_assert_str_eq(at_work(), "shop-migrate-3");
  succeed("{\"schemaVersion\": 5}");
  upgrade(V1 "config: {logLevel: debug}\n"); /* before the pods are ready: an abort */
  world_settle(&w);
  cr_assert_str_empty(at_work());
  pods_ready();
  cr_assert_str_eq(world_phase(&w), "Ready");
  cr_assert_str_empty(at_work(), "nor is one owed now");
  cr_assert_eq(json_int(w.plan.status, "migration.schemaVersion", 0), 5, "the database is as the newest migration left it");
  for (size_t i = 0; i < w.o.children[RESOURCE_REVISION].count; i++) {
    const struct child *revision = w.o.children[RESOURCE_REVISION].items[i];
    if (revision->revision.number == 2) cr_assert_eq(job_memory_of(revision, "migrate").accepts_max, 3);
  }
}

Test(hooks, going_back_with_another_database_migrates_it_once_it_is_there) {
  begin(V1);
  (void)release("r:v1");
  upgrade(V2);
  (void)release("r:v2");
  upgrade(V1);
  (void)snprintf(w.secret.database, sizeof w.secret.database, "%s", "another000");
  world_plan(&w);
  world_carry_out(&w);
  cr_assert_str_eq(image(), "r:v1");
  cr_assert_str_empty(at_work());
  world_settle(&w);
  pods_ready();
  cr_assert_str_eq(at_work(), "shop-migrate-1-2");
  succeed("");
  cr_assert_str_eq(world_phase(&w), "Ready");
}

Test(hooks, an_abort_lets_a_running_job_end_and_starts_no_other) {
  begin(V1);
  (void)release("r:v1");
  upgrade(V2 "hooks: [{name: b, command: [x], weight: 1}]\n");
  world_settle(&w);
  cr_assert_str_eq(at_work(), "shop-b-2");
  upgrade(V1);
  world_settle(&w);
  pods_ready();
  cr_assert_str_eq(world_phase(&w), "Ready");
  cr_assert_str_eq(at_work(), "shop-b-2", "it is left alone");
  succeed("");
  cr_assert_str_empty(at_work());
}

/* ---- preflight ---- */

Test(hooks, the_companions_images_are_checked_before_anything_is_touched) {
  begin(COMPANY OFF);
  cr_assert_str_eq(at_work(), "shop-preflight-1");
  cr_assert_str_empty(image());
  cr_assert_str_eq(world_phase(&w), "Pending");
  cr_assert_str_eq(world_condition(&w, "Ready"), "False Preflight");
  const cJSON *job = world_object(&w, RESOURCE_JOB, "shop-preflight-1");
  const cJSON *command = json_get(json_get(job, "spec.template.spec.containers")->child, "command");
  cr_assert_str_eq(cJSON_GetArrayItem(command, 1)->valuestring, "check");
  const cJSON *volume = json_get(job, "spec.template.spec.volumes")->child->next;
  cr_assert_str_eq(json_string(volume, "secret.secretName", ""), "shop-jwks", "it looks at the keys too");
  cr_assert_str_eq(release("docker.io/library/supernova-server:v1"), "preflight-1 | ");
  upgrade(COMPANY2 "migrations: {when: [pre-upgrade]}\n");
  world_settle(&w);
  cr_assert_str_eq(image(), "docker.io/library/supernova-server:v1");
  cr_assert_str_eq(release("docker.io/library/supernova-server:v2"), "preflight-2 migrate-2 | ");
  upgrade(COMPANY OFF);
  cr_assert_str_eq(release("docker.io/library/supernova-server:v1"), "| ", "going back is not checked");
  upgrade(V1 OFF);
  cr_assert_str_eq(release("r:v1"), "| ", "another image knows no check");
}

Test(hooks, an_omitted_image_is_the_companions) {
  begin("environment: staging\n" OFF);
  cr_assert_str_eq(at_work(), "shop-preflight-1");
}

Test(hooks, a_preflight_that_says_never_refuses_the_release_in_words) {
  begin(COMPANY OFF);
  fail(65, "{\"error\": \"settings: DATABASE_URL is no URL; next: set it right, e.g. postgres://u:hunter2@db/shop\"}");
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Failed");
  cr_assert_str_eq(world_condition(&w, "Stalled"), "True PreflightFailed");
  cr_assert(strstr(message_of("Ready"), "DATABASE_URL is no URL; next: set it right") && !strstr(message_of("Ready"), "hunter2"), "%s",
            message_of("Ready"));
  cr_assert_eq(jobs(), 1);
  cr_assert_str_empty(image(), "nothing was touched");
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", "SESSION_SECRET", NULL);
  cr_assert_str_eq(release("docker.io/library/supernova-server:v1"), "preflight-1-2 | ");
}

Test(hooks, a_preflight_that_may_pass_is_tried_again) {
  begin(COMPANY OFF);
  w.o.now_ms = START_MS;
  fail(75, "{\"error\": \"redis: connection refused\"}");
  cr_assert_str_eq(world_condition(&w, "Ready"), "False PreflightRetrying");
  cr_assert_eq(w.plan.look_again_ms, 2000);
  world_settle(&w);
  w.o.now_ms = START_MS + 2000;
  cr_assert_str_eq(release("docker.io/library/supernova-server:v1"), "preflight-1-2 | ");
}

Test(hooks, what_hinders_a_job_is_told_while_it_lasts) {
  begin(COMPANY OFF);
  world_put(
      &w, RESOURCE_POD,
      "metadata: {name: shop-preflight-1-x, labels: {platform.supernova.com/stack: shop, batch.kubernetes.io/job-name: shop-preflight-1}}\n"
      "status: {phase: Pending, containerStatuses: [{state: {waiting: {reason: ImagePullBackOff, message: 'no such tag v1'}}}]}");
  world_settle(&w);
  cr_assert_str_eq(message_of("Ready"), "preflight check attempt 1 of 6 is at work; ImagePullBackOff: no such tag v1");
}

/* ---- memory ---- */

Test(hooks, killed_between_the_record_and_the_job_it_makes_that_job) {
  begin(V1 OFF SEEDS "hooks: [{name: warm, command: [x]}]\n");
  static const char *const names[] = {"shop-seed-1", "shop-warm-1"};
  for (size_t i = 0; i < ELEMENTS(names); i++) {
    cr_assert_str_eq(at_work(), names[i]);
    world_remove(&w, RESOURCE_JOB, names[i]);
    cJSON *object = cJSON_Duplicate(w.stack->object, true);
    cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(object, "status"), "migration"); /* the Job was never seen */
    stack_free(w.stack);
    w.stack = stack_decode(object, NULL);
    world_settle(&w);
    cr_assert_str_eq(at_work(), names[i], "the same number, not the next");
    succeed("");
  }
}

/* What the revision remembers of the migration becomes TEXT. */
static void remember(const char *text) {
  cJSON *revision = cJSON_GetArrayItem(w.objects[RESOURCE_REVISION], 0);
  cJSON *annotations = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(revision, "metadata"), "annotations");
  cJSON_ReplaceItemInObjectCaseSensitive(annotations, ANNOTATION_JOB_PREFIX "migrate", cJSON_CreateString(text));
}

Test(hooks, a_memory_that_somebody_broke_costs_an_attempt_and_no_more) {
  begin(V1);
  remember("{\"attempt\": \"many\"}");
  world_settle(&w);
  cr_assert_str_eq(at_work(), "shop-migrate-1", "what works is waited for");
  world_job_ends(&w, "shop-migrate-1", true, 0, "");
  cr_assert_str_eq(release("r:v1"), "| migrate-1-2 ", "a number that is taken is passed over");
  pods_ready();
  remember("[");
  world_settle(&w);
  cr_assert_str_eq(at_work(), "shop-migrate-1-3");
}

/* A person asks for the migration of the revision. */
static void ask(void) {
  world_plan(&w);
  const struct child *revision = w.o.children[RESOURCE_REVISION].items[0];
  cJSON *annotations, *body = annotations_patch(revision->resource_version, &annotations);
  job_series_ask(revision, "migrate", annotations);
  cJSON *live = cJSON_GetArrayItem(w.objects[RESOURCE_REVISION], 0);
  cJSON *to = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(live, "metadata"), "annotations");
  cJSON *text = cJSON_DetachItemFromObjectCaseSensitive(annotations, ANNOTATION_JOB_PREFIX "migrate");
  cJSON_DeleteItemFromObjectCaseSensitive(to, ANNOTATION_JOB_PREFIX "migrate");
  cJSON_AddItemToObject(to, ANNOTATION_JOB_PREFIX "migrate", text);
  cJSON_Delete(body);
}

Test(hooks, a_migration_that_is_asked_for_runs_though_it_was_done) {
  begin(V1);
  (void)release("r:v1");
  ask();
  ask();
  world_settle(&w);
  cr_assert_str_eq(at_work(), "shop-migrate-1-2");
  cr_assert_str_eq(world_phase(&w), "Migrating");
  succeed("{\"schemaVersion\": 9}");
  cr_assert_str_eq(world_phase(&w), "Ready");
  cr_assert_eq(jobs(), 2, "asked twice before it began is asked once");
  cr_assert_eq(json_int(w.plan.status, "migration.schemaVersion", 0), 9);
}

Test(hooks, a_migration_that_is_asked_for_runs_though_migrations_are_off) {
  begin(V1 OFF);
  (void)release("r:v1");
  ask();
  world_settle(&w);
  cr_assert_str_eq(at_work(), "shop-migrate-1");
  succeed("");
  cr_assert_str_eq(world_phase(&w), "Ready");
  cr_assert_str_empty(at_work());
}

Test(hooks, a_migration_that_is_asked_for_fails_by_the_same_rules_and_waits_for_no_back_off) {
  begin(V1 "migrations: {retry: {exponential: {maxAttempts: 2}}}\n");
  w.o.now_ms = START_MS;
  fail(75, "refused");
  world_settle(&w);
  ask();
  world_settle(&w);
  cr_assert_str_eq(at_work(), "shop-migrate-1-2", "not 2 s later");
  fail(75, "refused");
  world_settle(&w);
  cr_assert_str_eq(world_condition(&w, "Stalled"), "True MigrationFailed");
  ask();
  world_settle(&w);
  cr_assert_str_eq(at_work(), "shop-migrate-1-3", "nor is it held by what was remembered");
  succeed("");
  pods_ready();
  cr_assert_str_eq(world_phase(&w), "Ready");
}
