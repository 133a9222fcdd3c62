#include "release/target.h"

#include "base/clock.h"
#include "render/render.h"
#include "stack/conditions.h"
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define IMAGE(tag)                   "image: {repository: r, tag: " tag "}\nreplicas: 2\n"
#define JOBS                         "migrations: {retry: {exponential: {enabled: false}}}\n"
#define HOLD                         "rollout: {onFailure: Hold}\n"
#define TOLD(schema, from, min, max) "{\"schemaVersion\": " #schema ", \"servesFrom\": " #from ", \"accepts\": [" #min ", " #max "]}"

static struct world w;

static void end(void) { world_done(&w); }

TestSuite(target, .fini = end);

/* Released to the end, its migration telling TOLD; NULL: none is due. */
static void deploy(const char *spec, const char *job, const char *told) {
  if (w.stack)
    world_spec(&w, spec);
  else
    world_init(&w, spec);
  w.o.now_ms += 60000;
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  if (job) world_job_ends(&w, job, true, 0, told);
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Ready");
}

/* Revisions 1 and 2 are Deployed, and both fit the schema: or 1 does not. */
static void two_revisions(bool fit) {
  deploy(IMAGE("v1") JOBS, "shop-migrate-1", TOLD(10, 8, 8, 10));
  deploy(IMAGE("v2") JOBS, "shop-migrate-2", fit ? TOLD(11, 10, 9, 11) : TOLD(12, 11, 11, 12));
}

/* Revision 3 is asked of the pods; its migration has yet to run. */
static void begin_third(const char *more) {
  char spec[256];
  (void)snprintf(spec, sizeof spec, IMAGE("v3") JOBS "%s", more);
  w.o.now_ms += 60000;
  world_spec(&w, spec);
  world_plan(&w);
  world_carry_out(&w);
}

/* The deadline passes after a migration that succeeded. */
static void third_sticks(const char *told) {
  world_settle(&w);
  world_job_ends(&w, "shop-migrate-3", true, 0, told);
  world_pods_stuck(&w);
  world_settle(&w);
  w.o.now_ms += 61000;
  world_plan(&w);
  world_carry_out(&w);
}

static const char *image(void) {
  const cJSON *containers = json_get(world_object(&w, RESOURCE_DEPLOYMENT, "shop"), "spec.template.spec.containers");
  return json_string(cJSON_GetArrayItem(containers, 0), "image", "");
}

static const char *surge(void) {
  return json_string(world_object(&w, RESOURCE_DEPLOYMENT, "shop"), "spec.strategy.rollingUpdate.maxSurge", "");
}

static int64_t revision(const char *which) { return json_int(json_get(w.plan.status, "revision"), which, 0); }

static const char *message(void) { return json_string(condition_find(json_get(w.plan.status, "conditions"), "Ready"), "message", ""); }

static void expect(const char *phase, const char *ready, const char *image_wanted) {
  cr_assert_str_eq(world_phase(&w), phase, "%s", message());
  cr_assert_str_eq(world_condition(&w, "Ready"), ready, "%s", message());
  cr_assert_str_eq(image(), image_wanted);
}

static void expect_idle(void) {
  w.o.now_ms += 600000;
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "", "nothing is owed");
}

static void order(const char *text) {
  char at[RFC3339_SIZE];
  w.o.now_ms += 1000;
  format_rfc3339(w.o.now_ms, at);
  world_annotate(&w, STACK_GROUP "/rollback-to", text, at);
  world_plan(&w);
}

static const char *told_of_order(void) { return w.plan.action_count ? w.plan.actions[w.plan.action_count - 1].event.note : ""; }

/* ---- by itself ---- */

Test(target, a_failed_release_is_put_back_at_once_and_not_tried_again) {
  two_revisions(true);
  begin_third("");
  third_sticks(TOLD(11, 10, 9, 11));
  world_plan(&w);
  world_carry_out(&w);
  cr_assert_str_eq(world_phase(&w), "RollingBack", "%s", message());
  cr_assert(strstr(message(), "going back to revision 2, since revision 3 failed: 1 of 2 pods are updated"), "%s", message());
  cr_assert_str_eq(image(), "r:v2");
  cr_assert_str_eq(surge(), "100%", "all at once");
  world_pods_ready(&w);
  world_settle(&w);
  expect("Failed", "False RolloutStuck", "r:v2");
  cr_assert_str_eq(world_condition(&w, "Stalled"), "True RolloutStuck");
  cr_assert_str_eq(surge(), "25%", "and as before, once it is over");
  cr_assert(strstr(message(), "revision 2 serves. It is tried again when"), "%s", message());
  cr_assert_eq(revision("current"), 2);
  cr_assert_eq(json_int(w.plan.status, "failed.revision", 0), 3);
  cr_assert_eq(cJSON_GetArraySize(w.objects[RESOURCE_JOB]), 3, "no Job for going back");
  expect_idle();
}

Test(target, a_spec_that_moves_on_from_a_failure_is_released) {
  two_revisions(true);
  begin_third("");
  third_sticks(TOLD(11, 10, 9, 11));
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  world_spec(&w, IMAGE("v4") JOBS);
  world_settle(&w);
  cr_assert_str_eq(image(), "r:v4");
  cr_assert_str_eq(surge(), "25%");
  cr_assert_eq(revision("target"), 4);
  cr_assert_null(json_get(w.plan.status, "failed"));
}

Test(target, retry_tries_it_again) {
  two_revisions(true);
  begin_third("");
  third_sticks(TOLD(11, 10, 9, 11));
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  world_annotate(&w, STACK_GROUP "/retry", "now;id=1", NULL);
  world_settle(&w);
  cr_assert_str_eq(image(), "r:v3");
  world_pods_ready(&w);
  world_settle(&w);
  expect("Ready", "True Deployed", "r:v3");
}

Test(target, what_can_not_serve_any_more_is_not_put_back) {
  two_revisions(true);
  begin_third("");
  third_sticks(TOLD(14, 13, 12, 14));
  world_settle(&w);
  expect("Held", "False RollbackRefused", "r:v3");
  cr_assert(strstr(message(), "the database's schema is 14 and serves images from 13 on, but its image accepts 9 to 11"), "%s", message());
  cr_assert(strstr(message(), "kubectl -n demo annotate supernovastack shop 'platform.supernova.com/rollback-to=2;force;by="), "%s",
            message());
  expect_idle();
  order("2;force;by=alice;reason=we must");
  cr_assert(strstr(told_of_order(), "go back to revision 2, whatever speaks against it: asked for by alice: we must"), "%s",
            told_of_order());
  world_settle(&w);
  cr_assert_str_eq(image(), "r:v2");
}

Test(target, on_failure_hold_leaves_it_as_it_is) {
  two_revisions(true);
  begin_third(HOLD);
  third_sticks(TOLD(11, 10, 9, 11));
  world_settle(&w);
  expect("Held", "False RolloutStuck", "r:v3");
  cr_assert(strstr(message(), "rollout.onFailure is Hold"), "%s", message());
  expect_idle();
}

Test(target, a_migration_that_fails_for_good_is_put_back_where_the_schema_stayed) {
  static const struct {
    const char *told, *phase, *image;
  } rows[] = {{"{\"error\": \"no\", \"schemaVersion\": 11, \"servesFrom\": 10}", "Failed", "r:v2"},
              {"{\"error\": \"no\", \"schemaVersion\": 12, \"servesFrom\": 12}", "Held", "r:v3"},
              {"Killed", "Held", "r:v3"}};
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    two_revisions(true);
    begin_third("");
    world_settle(&w);
    world_job_ends(&w, "shop-migrate-3", false, 65, rows[i].told);
    world_settle(&w);
    world_pods_ready(&w);
    world_settle(&w);
    cr_assert_str_eq(world_phase(&w), rows[i].phase, "row %zu: %s", i, message());
    cr_assert_str_eq(image(), rows[i].image, "row %zu", i);
    cr_assert_str_eq(world_condition(&w, "MigrationsComplete"), "False Failed", "row %zu", i);
    cr_assert_eq(json_int(w.plan.status, "migration.revision", 0), 3);
    expect_idle();
    world_done(&w);
    w = (struct world){0};
  }
  world_init(&w, IMAGE("v1"));
}

Test(target, what_fails_before_the_pods_were_asked_needs_no_way_back) {
  two_revisions(true);
  w.o.now_ms += 60000;
  world_spec(&w, IMAGE("v3") "migrations: {when: [pre-upgrade], retry: {exponential: {enabled: false}}}\n");
  world_settle(&w);
  world_job_ends(&w, "shop-migrate-3", false, 65, "Killed");
  world_settle(&w);
  expect("Failed", "False MigrationFailed", "r:v2");
  expect_idle();
}

Test(target, a_way_back_that_fails_is_held_and_there_is_no_second_one) {
  two_revisions(true);
  begin_third("");
  third_sticks(TOLD(11, 10, 9, 11));
  world_plan(&w);
  world_carry_out(&w);
  world_pods_stuck(&w);
  world_settle(&w);
  expect("Held", "False RollbackFailed", "r:v2");
  cr_assert(strstr(message(), "nothing else is tried by itself"), "%s", message());
  expect_idle();
  world_pods_ready(&w);
  world_settle(&w);
  expect("Failed", "False RolloutStuck", "r:v2");
}

Test(target, pods_that_wait_for_a_migration_at_work_have_not_failed) {
  two_revisions(true);
  begin_third("");
  world_pods_stuck(&w);
  world_settle(&w);
  w.o.now_ms += 3600000;
  world_settle(&w);
  cr_assert_null(json_get(w.plan.status, "failed"));
  world_job_ends(&w, "shop-migrate-3", true, 0, TOLD(11, 10, 9, 11));
  world_settle(&w);
  cr_assert_null(json_get(w.plan.status, "failed"), "nor in the minute after it");
  cr_assert_leq(w.plan.look_again_ms, 60000);
  world_pods_ready(&w);
  world_settle(&w);
  expect("Ready", "True Deployed", "r:v3");
}

/* ---- by hand ---- */

Test(target, rollback_to_a_revision_holds_against_whoever_applies_the_spec_again) {
  static const char *const orders[] = {"1;by=alice;reason=5xx", "previous;by=alice;reason=5xx"};
  for (size_t i = 0; i < ELEMENTS(orders); i++) {
    two_revisions(true);
    order(orders[i]);
    cr_assert_eq(w.plan.action_count, 2, "the pin, and the command's removal: %s", world_says(&w));
    world_carry_out(&w);
    world_plan(&w);
    world_carry_out(&w);
    cr_assert_str_eq(world_phase(&w), "RollingBack");
    cr_assert_str_eq(surge(), "100%");
    world_pods_ready(&w);
    world_settle(&w);
    expect("Held", "False Pinned", "r:v1");
    cr_assert(strstr(message(), "revision 1 serves in place of what the spec says, as alice asked (5xx), until the spec changes"), "%s",
              message());
    cr_assert_eq(revision("pinned"), 1);
    cr_assert_eq(revision("current"), 1);
    for (int sync = 0; sync < 30; sync++) {
      world_spec(&w, IMAGE("v2") JOBS);
      world_settle(&w);
      expect("Held", "False Pinned", "r:v1");
    }
    expect_idle();
    world_spec(&w, IMAGE("v3") JOBS);
    world_settle(&w);
    cr_assert_str_eq(image(), "r:v3", "the spec has moved on");
    cr_assert_eq(revision("pinned"), 0);
    world_spec(&w, IMAGE("v2") JOBS);
    world_settle(&w);
    cr_assert_str_eq(image(), "r:v2", "and the pin is gone");
    world_done(&w);
    w = (struct world){0};
  }
  world_init(&w, IMAGE("v1"));
}

Test(target, the_image_alone_lets_other_edits_through) {
  two_revisions(true);
  order("1/image;by=alice");
  world_settle(&w);
  cr_assert_str_eq(image(), "r:v1");
  world_pods_ready(&w);
  world_settle(&w);
  expect("Held", "False ImagePinned", "r:v1");
  world_spec(&w, IMAGE("v2") JOBS "config: {logLevel: debug}\n");
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  world_job_ends(&w, "shop-migrate-3", true, 0, TOLD(11, 10, 8, 10));
  world_settle(&w);
  cr_assert_str_eq(image(), "r:v1", "the bad image is still asked for");
  cr_assert_eq(revision("current"), 3, "a revision of its own");
  const cJSON *revision_3 = NULL, *item;
  cJSON_ArrayForEach(item, w.objects[RESOURCE_REVISION]) if (json_int(item, "revision", 0) == 3) revision_3 = item;
  cr_assert_str_eq(json_string(revision_3, "data.spec.config.logLevel", ""), "debug");
  world_spec(&w, IMAGE("v3") JOBS "config: {logLevel: debug}\n");
  world_settle(&w);
  cr_assert_str_eq(image(), "r:v3");
  cr_assert_eq(revision("pinned"), 0);
}

Test(target, a_pin_is_let_go_by_asking_for_the_specs_own_revision) {
  two_revisions(true);
  order("1;by=alice");
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  order("2;by=bob");
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  expect("Ready", "True Deployed", "r:v2");
  cr_assert_eq(revision("pinned"), 0);
}

Test(target, an_order_that_can_not_be_is_answered_and_removed) {
  static const struct {
    const char *order, *answer;
  } rows[] = {{"9", "there is no revision 9; those that were deployed and are kept: 1, 2"},
              {"0", "neither a revision's number nor previous"},
              {"later", "it should look like platform.supernova.com/rollback-to=<revision or previous>[/image]"},
              {"1/images", "neither a revision's number nor previous"},
              {"/image", "neither a revision's number nor previous"},
              {"2/image", "is the one that the spec asks for"},
              {"1",
               "revision 1 can't serve (schema-ahead): the database's schema is 12 and serves images from 11 on, but its image accepts "
               "8 to 10; with ;force behind it"},
              {"previous", "can't serve (schema-ahead)"},
              {"3", "revision 3 was never deployed"}};
  two_revisions(false);
  begin_third("");
  world_spec(&w, IMAGE("v2") JOBS);
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    order(rows[i].order);
    cr_assert_eq(w.plan.action_count, 1, "%s: %s", rows[i].order, world_says(&w));
    cr_assert_str_eq(w.plan.actions[0].event.reason, "CommandRefused");
    cr_assert(strstr(told_of_order(), rows[i].answer), "%s: %s", rows[i].order, told_of_order());
    world_carry_out(&w);
    cr_assert_null(stack_annotation(w.stack, STACK_GROUP "/rollback-to"));
  }
  world_settle(&w);
  cr_assert_str_eq(image(), "r:v2");
}

Test(target, the_same_order_again_and_again_from_git_is_ignored_in_the_end) {
  two_revisions(true);
  for (int i = 0; i < 6; i++) {
    order("1;by=git");
    world_settle(&w);
  }
  cr_assert_not_null(stack_annotation(w.stack, STACK_GROUP "/rollback-to"), "it is left where it is");
  world_pods_ready(&w);
  world_settle(&w);
  expect("Held", "False Pinned", "r:v1");
  expect_idle();
}

/* ---- by the spec ---- */

Test(target, a_spec_that_goes_back_runs_no_hook_and_is_ready_in_the_end) {
  two_revisions(true);
  w.o.now_ms += 60000;
  world_spec(&w, IMAGE("v1") JOBS);
  world_plan(&w);
  world_carry_out(&w);
  cr_assert_str_eq(world_phase(&w), "RollingBack");
  cr_assert_str_eq(surge(), "100%");
  world_pods_ready(&w);
  world_settle(&w);
  expect("Ready", "True Deployed", "r:v1");
  cr_assert_str_eq(surge(), "25%");
  cr_assert_null(world_object(&w, RESOURCE_JOB, "shop-migrate-1-2"));
  expect_idle();
}

Test(target, a_spec_that_goes_back_to_what_can_not_serve_is_held_until_it_is_forced) {
  two_revisions(false);
  world_spec(&w, IMAGE("v1") JOBS);
  world_settle(&w);
  expect("Held", "False RollbackRefused", "r:v2");
  cr_assert(strstr(message(), "the spec goes back to revision 1, which can't serve: the database's schema is 12"), "%s", message());
  expect_idle();
  order("1;force;by=alice;reason=we know");
  world_settle(&w);
  cr_assert_str_eq(image(), "r:v1");
  world_pods_ready(&w);
  world_settle(&w);
  expect("Ready", "True Deployed", "r:v1");
}

/* Supersession, at each state of the release that is given up. */
Test(target, a_spec_that_returns_to_what_serves_puts_it_back_at_once) {
  enum { BEGUN, MIGRATING, STUCK_THERE, STATES };
  for (int state = BEGUN; state < STATES; state++) {
    two_revisions(true);
    begin_third("");
    if (state >= MIGRATING) world_settle(&w);
    if (state >= STUCK_THERE) third_sticks(TOLD(11, 10, 9, 11));
    world_spec(&w, IMAGE("v2") JOBS);
    world_plan(&w);
    world_carry_out(&w);
    cr_assert_str_eq(image(), "r:v2", "state %d: at once", state);
    cr_assert_str_eq(surge(), "100%");
    world_settle(&w);
    world_pods_ready(&w);
    world_settle(&w);
    expect("Ready", "True Deployed", "r:v2");
    world_done(&w);
    w = (struct world){0};
  }
  world_init(&w, IMAGE("v1"));
}

#define GATED IMAGE("v4") JOBS "change: {enforcement: Enforce, requireTicket: true, windows: []}\n"

/* What is asked for next is gated first; until it passes, the release or the way back goes on to its end. */
Test(target, a_spec_that_has_to_wait_lets_go_on_what_was_begun) {
  enum { RELEASE, FAILURE, PIN, GOING_BACK, STATES };
  static const char *const images[] = {[RELEASE] = "r:v3", [FAILURE] = "r:v2", [PIN] = "r:v1", [GOING_BACK] = "r:v1"};
  for (int state = RELEASE; state < STATES; state++) {
    two_revisions(true);
    if (state == RELEASE || state == FAILURE) begin_third("");
    if (state == FAILURE) {
      third_sticks(TOLD(11, 10, 9, 11));
    } else if (state == PIN) {
      order("1;by=alice");
      world_carry_out(&w);
    } else if (state == GOING_BACK) {
      world_spec(&w, IMAGE("v1") JOBS);
    }
    world_plan(&w);
    world_carry_out(&w);
    world_spec(&w, GATED);
    world_settle(&w);
    cr_assert_str_eq(image(), images[state], "state %d: %s", state, message());
    world_pods_ready(&w);
    if (world_object(&w, RESOURCE_JOB, "shop-migrate-3")) world_job_ends(&w, "shop-migrate-3", true, 0, TOLD(11, 10, 9, 11));
    world_settle(&w);
    world_settle(&w);
    expect("Blocked", "False ChangeHeld", images[state]);
    world_annotate(&w, STACK_GROUP "/change-ticket", "T-1", NULL);
    world_settle(&w);
    cr_assert_str_eq(image(), "r:v4", "state %d: it has passed", state);
    world_done(&w);
    w = (struct world){0};
  }
  world_init(&w, IMAGE("v1"));
}
