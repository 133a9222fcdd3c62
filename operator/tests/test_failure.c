#include "release/failure.h"

#include "base/log.h"
#include "release/annotations.h"
#include "world.h"

#include <criterion/criterion.h>
#include <string.h>

#define V1   "image: {repository: r, tag: v1}\nreplicas: 2\nmigrations: {enabled: false}\n"
#define V2   "image: {repository: r, tag: v2}\nreplicas: 2\n"
#define HOLD "rollout: {onFailure: Hold}\n"
#define FAST "migrations: {enabled: false}\n"

static struct world w;
static char logged[1024];

static void sink(const char *line, size_t n, void *owner) {
  (void)owner;
  if (n < sizeof logged) memcpy(logged, line, n);
}

static void begin(void) {
  log_set_sink(sink, NULL);
  world_init(&w, V1);
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Ready");
}

static void end(void) { world_done(&w); }

TestSuite(failure, .init = begin, .fini = end);

/* It is applied, and its pods don't become ready. */
static void release_sticks(void) {
  world_spec(&w, V2 FAST);
  world_plan(&w);
  world_carry_out(&w);
  world_pods_stuck(&w);
}

static void release_fails(void) {
  release_sticks();
  world_settle(&w);
}

static const char *failed_reason(void) { return json_string(w.plan.status, "failed.reason", ""); }

Test(failure, a_missed_deadline_is_recorded_once_with_its_words) {
  release_sticks();
  world_plan(&w);
  cr_assert_eq(w.plan.action_count, 1, "one write: %s", world_says(&w));
  cr_assert_str_eq(w.plan.actions[0].event.reason, "RolloutStuck");
  cr_assert(strstr(w.plan.actions[0].event.note, "revision 2 failed: 1 of 2 pods are updated"), "%s", w.plan.actions[0].event.note);
  world_settle(&w);
  cr_assert_str_eq(failed_reason(), "RolloutStuck");
  cr_assert_eq(json_int(w.plan.status, "failed.revision", 0), 2);
  cr_assert_str_eq(json_string(w.plan.status, "failed.at", ""), "2026-01-01T00:10:00Z");
  w.o.now_ms += 60000;
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "", "and nothing again");
}

/* What the key stands for. */
/* Its pods are gone once it was put back, and with them what they showed. */
Test(failure, an_image_that_could_not_be_pulled_stays_missing) {
  release_sticks();
  world_put(&w, RESOURCE_POD,
            "metadata: {name: shop-1, labels: {platform.supernova.com/stack: shop, app.kubernetes.io/component: server}}\n"
            "status: {phase: Pending, containerStatuses: [{state: {waiting: {reason: ErrImagePull, message: 'no such image'}}}]}");
  world_settle(&w);
  cr_assert_str_eq(failed_reason(), "RolloutStuck");
  world_remove(&w, RESOURCE_POD, "shop-1");
  world_settle(&w);
  const cJSON *entry = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(w.plan.status, "history"), 0);
  cr_assert_eq(json_int(entry, "revision", 0), 2);
  cr_assert_str_eq(json_string(entry, "rollback", ""), "image-missing");
}

Test(failure, it_counts_until_one_of_the_named_parts_changes) {
  static const struct {
    const char *spec;
    bool secret, counts;
  } rows[] = {
      {V2 FAST, false, true},
      {V2 FAST "change: {enforcement: 'Off', requireTicket: false}\n", false, true},
      {V2 FAST "service: {port: 81}\n", false, true},
      {"image: {repository: r, tag: v2}\nreplicas: 5\n" FAST, false, true},
      {V2 "migrations: {enabled: false, activeDeadlineSeconds: 900}\n", false, false},
      {V2 FAST "seeds: {enabled: true}\n", false, false},
      {V2 FAST "hooks: [{name: warm, command: [x], enabled: false}]\n", false, false},
      {V2 FAST "config: {logLevel: debug}\n", false, false},
      {V2 FAST, true, false},
  };
  release_fails();
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    world_spec(&w, rows[i].spec);
    if (rows[i].secret) world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", "SENTRY_DSN", NULL);
    struct content content = {0};
    world_plan(&w);
    cr_assert_eq(content_of_stack(w.stack, "c:1", &content, NULL), 0);
    const struct child *revision = NULL;
    for (size_t r = 0; r < w.o.children[RESOURCE_REVISION].count; r++)
      if (w.o.children[RESOURCE_REVISION].items[r]->revision.failed) revision = w.o.children[RESOURCE_REVISION].items[r];
    cr_assert_not_null(revision);
    cr_assert_eq(failure_read(&w.o, revision, &content).reason != NULL, rows[i].counts, "row %zu", i);
    content_done(&content);
  }
}

Test(failure, of_what_no_secret_could_mend_the_secret_does_not_count) {
  const struct content content = {.hash = "0123456789"};
  char before[16], after[16];
  world_plan(&w);
  failure_key(&w.o, &content, false, before);
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", "SENTRY_DSN", NULL);
  world_plan(&w);
  failure_key(&w.o, &content, false, after);
  cr_assert_str_eq(before, after);
}

Test(failure, what_is_written_is_read_back) {
  const struct release_failure failure = {.reason = "VerificationFailed", .message = "it said \"no\"", .by_secret = true};
  cJSON *annotations = cJSON_CreateObject();
  failure_annotate(&failure, "0123456789", 1767225600000, annotations);
  cJSON *tree = failure_collect("shop-1", annotations);
  cr_assert_str_eq(json_string(tree, "key", ""), "0123456789");
  cr_assert_str_eq(json_string(tree, "message", ""), failure.message);
  cr_assert_str_eq(json_string(tree, "at", ""), "2026-01-01T00:00:00Z");
  cr_assert(json_bool(tree, "bySecret", false));
  cJSON_Delete(tree);
  cJSON_Delete(annotations);
}

Test(failure, what_somebody_broke_counts_as_absent_and_is_logged) {
  cJSON *annotations = cJSON_CreateObject();
  cJSON_AddStringToObject(annotations, ANNOTATION_FAILED, "{\"key\"");
  cr_assert_null(failure_collect("shop-1", annotations));
  cr_assert(strstr(logged, "counts as absent"), "%s", logged);
  cJSON_Delete(annotations);
}

Test(failure, retry_forgets_it) {
  release_fails();
  world_annotate(&w, STACK_GROUP "/retry", "now;id=1;by=alice", NULL);
  world_plan(&w);
  cr_assert_str_eq(w.plan.actions[1].event.reason, "RetryRequested");
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  cr_assert_str_eq(failed_reason(), "");
  cr_assert_str_eq(world_phase(&w), "Ready");
}

Test(failure, pods_that_become_ready_after_all_end_it) {
  world_spec(&w, V2 FAST HOLD);
  world_plan(&w);
  world_carry_out(&w);
  world_pods_stuck(&w);
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Held");
  world_pods_ready(&w);
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Ready");
  cr_assert_str_eq(failed_reason(), "");
  cr_assert_eq(json_int(w.plan.status, "revision.current", 0), 2);
}

Test(failure, a_deployed_revision_whose_pods_are_lost_is_no_failed_release) {
  world_pods_stuck(&w);
  world_settle(&w);
  cr_assert_str_eq(failed_reason(), "");
}

Test(failure, a_migration_that_fails_for_good_fails_the_release_in_the_same_write) {
  world_spec(&w, V2 "migrations: {retry: {exponential: {enabled: false}}}\n");
  world_settle(&w);
  world_job_ends(&w, "shop-migrate-2", false, 65, "{\"error\": \"no\"}");
  world_plan(&w);
  cr_assert_eq(w.plan.action_count, 1, "%s", world_says(&w));
  world_settle(&w);
  cr_assert_str_eq(failed_reason(), "MigrationFailed");
  world_pods_ready(&w);
  world_settle(&w);
  cr_assert_str_eq(failed_reason(), "MigrationFailed", "ready pods make no migration good");
}
