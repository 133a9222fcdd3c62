#include "stack/status.h"

#include "stack/conditions.h"
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct world w;
static struct judgement j;
static cJSON *status;

static void begin(void) {
  world_init(&w, "image: {repository: r, tag: v1}");
  world_keys(&w, "1760908689588");
  w.o.stack = w.stack;
  w.o.keys = &w.keys;
  j = (struct judgement){.standing = {.phase = "Ready", .ready = true, .reason = "Deployed", .message = "all is well"},
                         .secrets = {true, "SecretsFound", ""},
                         .keys = {true, false, "KeysReady", ""},
                         .rotation = {.keys = {.count = 1, .keys = {{.kid = "1760908689588", .state = JWKS_SIGNING, .since_ms = 1000}}}},
                         .hooks = {.schema_version = 12, .settled = true},
                         .complete = true};
  j.hooks.current = j.hooks.migration = (struct series_report){.name = "migrate", .state = SERIES_DONE, .attempt = 1};
}

static void end(void) {
  cJSON_Delete(status);
  world_done(&w);
}

TestSuite(status, .init = begin, .fini = end);

static void build(void) {
  cJSON_Delete(status);
  status = status_build(&w.o, &j);
}

/* The status of the stack becomes what was built. */
static void take(void) {
  cJSON *object = cJSON_Duplicate(w.stack->object, true);
  cJSON_ReplaceItemInObjectCaseSensitive(object, "status", cJSON_Duplicate(status, true));
  stack_free(w.stack);
  w.stack = stack_decode(object, NULL);
  w.o.stack = w.stack;
}

static const char *of(const char *type, const char *field) {
  return json_string(condition_find(json_get(status, "conditions"), type), field, "");
}

/* The table of kstatus in the documentation of the conditions. */
Test(status, each_standing_is_one_row_of_kstatus) {
  const struct {
    struct standing standing;
    const char *ready, *reconciling, *stalled;
  } rows[] = {
      {{"Ready", true, false, false, "Deployed", ""}, "True", "", ""},
      {{"RollingOut", false, true, false, "RollingOut", ""}, "False", "True", ""},
      {{"Blocked", false, true, false, "SecretMissing", ""}, "False", "True", ""},
      {{"Failed", false, false, true, "RolloutStuck", ""}, "False", "", "True"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    j.standing = rows[i].standing;
    build();
    cr_assert_str_eq(of("Ready", "status"), rows[i].ready);
    cr_assert_str_eq(of("Reconciling", "status"), rows[i].reconciling);
    cr_assert_str_eq(of("Stalled", "status"), rows[i].stalled);
    cr_assert_str_eq(json_string(status, "phase", ""), rows[i].standing.phase);
  }
}

Test(status, suspended_stays_as_ready_as_it_was) {
  build();
  take();
  j.standing = (struct standing){.phase = "Suspended", .reason = "Suspended", .message = "no change"};
  j.complete = false;
  build();
  cr_assert_str_eq(of("Ready", "status"), "True");
  cr_assert_str_eq(of("Ready", "reason"), "Deployed");
  cr_assert_str_eq(of("Suspended", "status"), "True");
  cr_assert_str_eq(of("Reconciling", "status"), "");
  cr_assert_str_eq(of("SecretsReady", "status"), "True", "not judged anew");
  cr_assert_eq(json_int(status, "migration.schemaVersion", 0), 12);
  cr_assert_str_eq(json_string(status, "keys.signing", ""), "1760908689588");
}

Test(status, the_same_again_is_equal_whatever_the_time) {
  build();
  take();
  w.o.now_ms += 3600000;
  build();
  cr_assert(json_equal(status, w.stack->status));
  j.standing.reason = "Other";
  build();
  cr_assert(!json_equal(status, w.stack->status));
}

Test(status, the_last_decision_is_a_sentence_and_its_time_moves_with_the_words_alone) {
  static const struct {
    const char *reason, *message, *summary;
    bool has_target;
  } rows[] = {
      {"Deployed", "all is well", "revision 7 is deployed and everything is as the spec says", true},
      {"RollingOut", "1 of 3 pods are available", "revision 7 is rolled out: its pods take the place of the ones before", true},
      {"RollingOut", "2 of 3 pods are available", "revision 7 is rolled out: its pods take the place of the ones before", true},
      {"RollingOut", "no pods yet", "the new revision is rolled out: its pods take the place of the ones before", false},
      {"Migrating", "attempt 1", "the database is migrated for revision 7", true},
      {"MigrationRetrying", "attempt 2", "the migration for revision 7 failed and is tried again", true},
      {"MigrationFailed", "words", "revision 7 is given up: its migration failed for good", true},
      {"PreflightFailed", "words", "revision 7 is given up before anything was touched: its preflight check failed", true},
      {"Seeding", "attempt 1", "the database is seeded for revision 7", true},
      {"HookRetrying", "attempt 1", "a hook for revision 7 failed and is tried again", true},
      {"HookFailed", "words", "revision 7 is given up: one of its hooks failed for good", true},
      {"RolloutStuck", "words", "revision 7 is held: its pods did not become ready", true},
      {"WriteFailed", "port 1234", "revision 7 waits: a write failed and is tried again", true},
      {"SecretMissing", "Secret demo/s does not exist", "Secret demo/s does not exist", true},
  };
  struct child target = {.revision = {.number = 7}};
  char said[256] = "", at[64] = "";
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    j.history.target = rows[i].has_target ? &target : NULL;
    j.standing.reason = rows[i].reason;
    j.standing.message = rows[i].message;
    w.o.now_ms += 60000;
    build();
    const char *summary = json_string(status, "lastDecision.summary", ""), *now = json_string(status, "lastDecision.at", "");
    cr_assert_str_eq(summary, rows[i].summary);
    cr_assert_eq(!strcmp(at, now), !strcmp(said, summary), "row %zu: %s", i, now);
    (void)snprintf(said, sizeof said, "%s", summary);
    (void)snprintf(at, sizeof at, "%s", now);
    take();
  }
}

Test(status, available_follows_the_pods_alone) {
  static const struct {
    int64_t wanted, available;
    const char *status;
  } rows[] = {{3, 3, "True"}, {3, 1, "True"}, {3, 0, "False"}, {0, 0, "True"}};
  struct child deployment = {0};
  build();
  cr_assert_str_eq(of("Available", "reason"), "NoDeployment");
  j.deployment = &deployment;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    deployment.deployment = (struct deployment_facts){.replicas = rows[i].wanted, .available = rows[i].available};
    build();
    cr_assert_str_eq(of("Available", "status"), rows[i].status, "row %zu", i);
  }
}

Test(status, migrations) {
  static const struct {
    enum series_state state;
    const char *state_text, *complete, *reason;
  } rows[] = {
      {SERIES_OFF, "", "True", "NotNeeded"},
      {SERIES_DONE, "Succeeded", "True", "Succeeded"},
      {SERIES_DUE, "Due", "False", "Due"},
      {SERIES_STARTING, "Due", "False", "Starting"},
      {SERIES_RUNNING, "Running", "False", "Running"},
      {SERIES_WAITING, "Waiting", "False", "Retrying"},
      {SERIES_FAILED, "Failed", "False", "Failed"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    j.hooks.schema_version = -1;
    j.hooks.current = j.hooks.migration =
        (struct series_report){.name = "migrate", .state = rows[i].state, .attempt = 2, .next_attempt_ms = 1000, .message = "words"};
    build();
    cr_assert_str_eq(json_string(status, "migration.state", ""), rows[i].state_text);
    cr_assert_str_eq(of("MigrationsComplete", "status"), rows[i].complete);
    cr_assert_str_eq(of("MigrationsComplete", "reason"), rows[i].reason);
    cr_assert_eq(json_get(status, "migration.nextAttemptAt") != NULL, rows[i].state == SERIES_WAITING);
    cr_assert_null(json_get(status, "migration.schemaVersion"), "unknown is not told");
  }
}

Test(status, the_series_at_work_is_told_and_the_migration_has_its_condition) {
  j.hooks.settled = false;
  j.hooks.current = (struct series_report){.name = "warm-up", .state = SERIES_RUNNING, .attempt = 3};
  build();
  cr_assert_str_eq(json_string(status, "migration.kind", ""), "warm-up");
  cr_assert_str_eq(json_string(status, "migration.state", ""), "Running");
  cr_assert_eq(json_int(status, "migration.attempt", 0), 3);
  cr_assert_str_eq(of("MigrationsComplete", "reason"), "Succeeded");
}

Test(status, the_selector_of_the_scale_subresource_finds_the_servers_alone) {
  build();
  cr_assert_str_eq(json_string(status, "selector", ""), "app=shop,app.kubernetes.io/component=server");
}
