#include "stack/status.h"

#include "stack/conditions.h"
#include "world.h"

#include <criterion/criterion.h>
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
                         .migration = {.state = MIGRATION_DONE, .schema_version = 12, .attempt = 1},
                         .complete = true};
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
    enum migration_state state;
    const char *state_text, *complete, *reason;
  } rows[] = {
      {MIGRATION_OFF, "", "True", "NotNeeded"},
      {MIGRATION_DONE, "Succeeded", "True", "Succeeded"},
      {MIGRATION_DUE, "Due", "False", "Due"},
      {MIGRATION_STARTING, "Due", "False", "Starting"},
      {MIGRATION_RUNNING, "Running", "False", "Running"},
      {MIGRATION_WAITING, "Waiting", "False", "Retrying"},
      {MIGRATION_FAILED, "Failed", "False", "Failed"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    j.migration =
        (struct migration){.state = rows[i].state, .attempt = 2, .next_attempt_ms = 1000, .schema_version = -1, .message = "words"};
    build();
    cr_assert_str_eq(json_string(status, "migration.state", ""), rows[i].state_text);
    cr_assert_str_eq(of("MigrationsComplete", "status"), rows[i].complete);
    cr_assert_str_eq(of("MigrationsComplete", "reason"), rows[i].reason);
    cr_assert_eq(json_get(status, "migration.nextAttemptAt") != NULL, rows[i].state == MIGRATION_WAITING);
    cr_assert_null(json_get(status, "migration.schemaVersion"), "unknown is not told");
  }
}

Test(status, the_selector_of_the_scale_subresource_finds_the_servers_alone) {
  build();
  cr_assert_str_eq(json_string(status, "selector", ""), "app=shop,app.kubernetes.io/component=server");
}
