#include "change/commands.h"
#include "release/annotations.h"
#include "render/render.h"
#include "stack/conditions.h"
#include "world.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define SPEC   "image: {repository: r, tag: v1}\nreplicas: 2\n"
#define PREFIX STACK_GROUP "/"

enum { MINUTE = 60 * 1000 };

static struct world w;

static void install(void) {
  world_init(&w, SPEC);
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  world_job_ends(&w, "shop-migrate-1", true, 0, "{\"schemaVersion\": 12}");
  world_settle(&w);
}

static void end(void) { world_done(&w); }

TestSuite(commands, .init = install, .fini = end);

static const char *annotation(const char *name) { return stack_annotation(w.stack, name); }

/* Somebody annotates now. */
static void annotate(const char *name, const char *value) {
  char at[RFC3339_SIZE], whole[80];
  format_rfc3339(w.o.now_ms, at);
  (void)snprintf(whole, sizeof whole, PREFIX "%s", name);
  world_annotate(&w, whole, value, at);
}

/* The event of the plan's only action, which is then carried out. */
static const struct plan_event *taken(void) {
  static struct plan_event event;
  world_plan(&w);
  cr_assert_geq(w.plan.action_count, 1, "no command was taken");
  const struct action *last = &w.plan.actions[w.plan.action_count - 1];
  cr_assert_eq(last->resource, RESOURCE_STACK);
  cr_assert_not(w.plan.status_changed, "a round that takes a command does nothing else");
  event = last->event;
  world_carry_out(&w);
  return &event;
}

static const char *restarted(void) {
  return json_string(
      json_member(json_get(world_object(&w, RESOURCE_DEPLOYMENT, "shop"), "spec.template.metadata.annotations"), ANNOTATION_RESTARTED_AT),
      "", "");
}

Test(commands, restart_lays_a_time_over_the_pods_once) {
  annotate("restart", "now;id=1;by=alice");
  const struct plan_event *event = taken();
  cr_assert_str_eq(event->reason, "RestartRequested");
  cr_assert(strstr(event->note, "alice"), "%s", event->note);
  cr_assert_null(annotation(PREFIX "restart"));
  world_settle(&w);
  cr_assert_str_eq(restarted(), "2026-01-01T00:00:00Z");
  world_pods_ready(&w);
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Ready");
  w.o.now_ms += MINUTE;
  annotate("restart", "now;id=1;by=alice");
  cr_assert_null(taken()->reason, "its id was handled: it is only removed");
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "");
  cr_assert_null(annotation(PREFIX "restart"));
  cr_assert_str_eq(restarted(), "2026-01-01T00:00:00Z");
}

Test(commands, a_restart_that_the_stack_forgot_is_not_undone) {
  annotate("restart", "now");
  (void)taken();
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  cJSON *object = cJSON_Duplicate(w.stack->object, true);
  cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItem(object, "metadata"), "annotations");
  stack_free(w.stack);
  w.stack = stack_decode(object, NULL);
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "");
}

Test(commands, what_git_puts_back_is_ignored_the_third_time_and_left) {
  for (int i = 0; i < 2; i++) {
    annotate("restart", "now");
    cr_assert_str_eq(taken()->reason, "RestartRequested");
    w.o.now_ms += MINUTE;
  }
  annotate("restart", "now");
  const struct plan_event *event = taken();
  cr_assert_str_eq(event->reason, "CommandComesBack");
  cr_assert(strstr(event->note, "Git"), "%s", event->note);
  cr_assert_str_eq(annotation(PREFIX "restart"), "now", "it is left where it is");
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  w.o.now_ms += 60 * MINUTE;
  annotate("restart", "now");
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "", "whenever it was written last");
}

Test(commands, what_cannot_be_read_is_answered_and_removed) {
  static const struct {
    const char *name, *value, *answer;
  } rows[] = {
      {"restart", "please",
       "restart=please is removed: its value is not now; it should look like platform.supernova.com/restart=now;by=<who>"},
      {"restart", "", "it has no value"},
      {"restart", "now;who=me", "\"who=me\" is none of id=, by=, reason= and force"},
      {"retry", "later", "its value is not now; it should look like platform.supernova.com/retry=now;by=<who>"},
      {"approve", "yes",
       "a release hash is 10 hexadecimal digits; it should look like platform.supernova.com/approve=<release hash>;by=<who>"},
      {"approve", "01234567ZZ", "a release hash is 10 hexadecimal digits"},
      {"change-override", "2026-01-01T02:00:00Z;by=a;reason=b", "it does not begin with until="},
      {"change-override", "until=soon;by=a;reason=b", "it does not begin with until= and a time"},
      {"change-override", "until=2026-01-01T02:00:00Z;by=a", "not for which reason"},
      {"change-override", "until=2026-01-01T02:00:00Z;reason=b", "not who it is by"},
      {"change-override", "until=2025-12-31T23:59:59Z;by=a;reason=b", "until has passed"},
      {"change-override", "until=2026-01-02T00:00:01Z;by=a;reason=b", "until is more than 24 hours ahead"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char name[80];
    (void)snprintf(name, sizeof name, PREFIX "%s", rows[i].name);
    annotate(rows[i].name, rows[i].value);
    const struct plan_event *event = taken();
    cr_assert_str_eq(event->reason, "CommandRefused", "%s", rows[i].value);
    cr_assert_str_eq(event->type, "Warning");
    cr_assert(strstr(event->note, rows[i].answer), "%s", event->note);
    cr_assert_null(annotation(name));
  }
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "");
}

Test(commands, annotations_that_are_not_in_the_table_get_no_answer) {
  static const char *const names[] = {"rollback", "change-description", "change-ticket", "anything"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) annotate(names[i], "now");
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "");
}

Test(commands, one_after_the_other_each_is_taken) {
  annotate("restart", "now;id=1");
  world_annotate(&w, PREFIX "approve", "0123456789;id=2;by=bob", "2026-01-01T00:00:00Z");
  world_annotate(&w, PREFIX "change-override", "until=2026-01-01T02:00:00Z;id=3;by=carol;reason=fire", "2026-01-01T00:00:00Z");
  for (int i = 0; i < 3; i++) (void)taken();
  cr_assert_str_eq(annotation(ANNOTATION_APPROVED), "0123456789;by=bob");
  cr_assert_str_eq(annotation(ANNOTATION_OVERRIDE), "until=2026-01-01T02:00:00Z;by=carol;reason=fire");
  cr_assert_str_eq(annotation(ANNOTATION_RESTARTED_AT), "2026-01-01T00:00:00Z");
}

Test(commands, an_approval_of_something_else_is_told) {
  annotate("approve", "0123456789;by=bob");
  const struct plan_event *event = taken();
  cr_assert(strstr(event->note, "release 0123456789 is approved by bob; what the spec asks for now is "), "%s", event->note);
}

Test(commands, suspended_they_wait) {
  world_spec(&w, SPEC "suspend: true\n");
  world_settle(&w);
  annotate("restart", "now");
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "");
  cr_assert_str_eq(annotation(PREFIX "restart"), "now");
}

Test(commands, retry_forgets_what_failed_and_the_next_attempt_is_made) {
  world_spec(&w, "image: {repository: r, tag: v2}\nreplicas: 2\nmigrations: {when: [pre-upgrade, post-install]}\n");
  world_settle(&w);
  world_job_ends(&w, "shop-migrate-2", false, 65, "{\"error\": \"no such column\"}");
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Failed");
  annotate("retry", "now;by=alice");
  world_plan(&w);
  cr_assert(strstr(world_says(&w), "merge ControllerRevision shop-"), "%s", world_says(&w));
  cr_assert(strstr(world_says(&w), "merge SupernovaStack shop"), "%s", world_says(&w));
  cr_assert_str_eq(taken()->reason, "RetryRequested");
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Migrating");
  cr_assert_not_null(world_object(&w, RESOURCE_JOB, "shop-migrate-2-2"));
}

Test(commands, with_nothing_to_retry_that_is_the_answer) {
  annotate("retry", "now");
  cr_assert_str_eq(taken()->reason, "NothingToRetry");
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "");
}

Test(commands, migrate_runs_the_migration_again) {
  annotate("migrate", "now;id=1;by=alice");
  world_plan(&w);
  cr_assert(strstr(world_says(&w), "merge ControllerRevision shop-"), "the revision is told before the command goes: %s", world_says(&w));
  cr_assert_str_eq(taken()->reason, "MigrationRequested");
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Migrating");
  world_job_ends(&w, "shop-migrate-1-2", true, 0, "{\"schemaVersion\": 13}");
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Ready");
  cr_assert_eq(json_int(w.plan.status, "migration.schemaVersion", 0), 13);
}

Test(commands, migrate_has_one_value) {
  annotate("migrate", "later");
  cr_assert_str_eq(taken()->reason, "CommandRefused");
  world_settle(&w);
  cr_assert_null(world_object(&w, RESOURCE_JOB, "shop-migrate-1-2"));
}
