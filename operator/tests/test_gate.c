#include "change/gate.h"

#include "base/clock.h"
#include "change/commands.h"
#include "codec/yaml.h"
#include "release/annotations.h"
#include "rotation/keys.h"
#include "rotation/secrets.h"
#include "stack/conditions.h"
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define HASH     "0123456789"
#define OVERRIDE "platform.supernova.com/overridden: 'until=2026-11-23T13:00:00Z;by=carol;reason=fire'"
#define APPROVED "platform.supernova.com/approved: '" HASH ";by=bob'"
#define TICKET   "platform.supernova.com/change-ticket: CHG-1"

static int64_t ms(const char *text) {
  int64_t at;
  cr_assert_eq(parse_rfc3339(text, &at), 0);
  return at;
}

/* 2026-11-23 is a Monday; the windows are production's. */
static const struct row {
  const char *spec, *annotations, *now;
  unsigned asks;
  bool held;
  const char *reason, *at; /* of the condition; when it may begin, "" where nobody can tell */
} table[] = {
    {"{environment: staging}", "{}", "2026-11-23T12:00:00Z", CHANGE_RELEASE, false, "NotEnforced", ""},
    {"{environment: development}", "{}", "2026-11-23T12:00:00Z", CHANGE_RELEASE, false, "NotEnforced", ""},
    {"{change: {enforcement: 'Off', requireApproval: true}}", "{}", "2026-11-23T12:00:00Z", CHANGE_RELEASE, false, "NotEnforced", ""},
    {"{}", "{}", "2026-11-23T12:00:00Z", 0, false, "NothingWaits", ""},
    {"{}", "{}", "2026-11-23T12:00:00Z", CHANGE_RELEASE, true, "OutsideWindow", "2026-11-24T10:00:00Z"},
    {"{}", "{}", "2026-11-23T12:00:00Z", CHANGE_SECRET, true, "OutsideWindow", "2026-11-24T10:00:00Z"},
    {"{}", "{}", "2026-11-23T12:00:00Z", CHANGE_RESTART, true, "OutsideWindow", "2026-11-24T10:00:00Z"},
    {"{}", "{}", "2026-11-23T12:00:00Z", CHANGE_SETTINGS, true, "OutsideWindow", "2026-11-24T10:00:00Z"},
    {"{}", "{}", "2026-11-24T10:00:00Z", CHANGE_RELEASE, false, "Open", ""},
    {"{}", "{}", "2026-11-24T14:00:00Z", CHANGE_RELEASE, true, "OutsideWindow", "2026-11-25T10:00:00Z"},
    {"{change: {enforcement: Warn}}", "{}", "2026-11-23T12:00:00Z", CHANGE_RELEASE, false, "Warned", ""},
    {"{environment: staging, change: {enforcement: Enforce}}", "{}", "2026-11-23T12:00:00Z", CHANGE_RELEASE, false, "Open", ""},
    {"{}", "{" OVERRIDE "}", "2026-11-23T12:00:00Z", CHANGE_RELEASE, false, "Overridden", ""},
    {"{}", "{" OVERRIDE "}", "2026-11-23T12:59:59Z", CHANGE_RESTART, false, "Overridden", ""},
    {"{}", "{" OVERRIDE "}", "2026-11-23T13:00:00Z", CHANGE_RELEASE, true, "OutsideWindow", "2026-11-24T10:00:00Z"},
    {"{}", "{platform.supernova.com/overridden: nonsense}", "2026-11-23T12:00:00Z", CHANGE_RELEASE, true, "OutsideWindow",
     "2026-11-24T10:00:00Z"},
    {"{change: {freezes: [{from: '2026-11-23T00:00:00Z', to: '2026-11-25T12:00:00Z', reason: sale}]}}", "{}", "2026-11-24T11:00:00Z",
     CHANGE_RELEASE, true, "Frozen", "2026-11-25T12:00:00Z"},
    {"{change: {freezes: [{from: '2026-11-23T00:00:00Z', to: '2026-11-25T12:00:00Z'}]}}", "{" OVERRIDE "}", "2026-11-23T12:00:00Z",
     CHANGE_RELEASE, false, "Overridden", ""},
    {"{change: {freezes: [{from: '2026-11-23T00:00:00Z', to: '2036-11-25T12:00:00Z'}]}}", "{}", "2026-11-24T11:00:00Z", CHANGE_RELEASE,
     true, "Frozen", ""},
    {"{change: {requireApproval: true}}", "{}", "2026-11-24T11:00:00Z", CHANGE_RELEASE, true, "ApprovalMissing", ""},
    {"{change: {requireApproval: true}}", "{platform.supernova.com/approved: 'aaaaaaaaaa;by=bob'}", "2026-11-24T11:00:00Z", CHANGE_RELEASE,
     true, "ApprovalMissing", ""},
    {"{change: {requireApproval: true}}", "{" APPROVED "}", "2026-11-24T11:00:00Z", CHANGE_RELEASE, false, "Open", ""},
    {"{change: {requireApproval: true}}", "{" APPROVED "}", "2026-11-23T11:00:00Z", CHANGE_RELEASE, true, "OutsideWindow",
     "2026-11-24T10:00:00Z"},
    {"{change: {requireApproval: true}}", "{}", "2026-11-23T11:00:00Z", CHANGE_RELEASE, true, "OutsideWindow", ""},
    {"{change: {requireApproval: true}}", "{" OVERRIDE "}", "2026-11-23T11:00:00Z", CHANGE_RELEASE, true, "ApprovalMissing", ""},
    {"{change: {requireApproval: true, requireTicket: true}}", "{}", "2026-11-24T11:00:00Z", CHANGE_RESTART | CHANGE_SECRET, false, "Open",
     ""},
    {"{change: {requireTicket: true}}", "{}", "2026-11-24T11:00:00Z", CHANGE_RELEASE, true, "TicketMissing", ""},
    {"{change: {requireTicket: true}}", "{platform.supernova.com/change-ticket: ''}", "2026-11-24T11:00:00Z", CHANGE_RELEASE, true,
     "TicketMissing", ""},
    {"{change: {requireTicket: true}}", "{" TICKET "}", "2026-11-24T11:00:00Z", CHANGE_RELEASE, false, "Open", ""},
    {"{change: {enforcement: Warn, requireTicket: true}}", "{}", "2026-11-24T11:00:00Z", CHANGE_RELEASE, false, "Warned", ""},
};

static struct stack *stack_with(const char *spec, const char *annotations) {
  char text[2048];
  cJSON *object = NULL;
  struct error error = {0};
  (void)snprintf(text, sizeof text, "metadata: {name: shop, namespace: demo, annotations: %s}\nspec: %s\n", annotations, spec);
  cr_assert_eq(yaml_parse(text, strlen(text), &object, &error), 0, "%s: %s", text, error.message);
  struct stack *stack = stack_decode(object, &error);
  cr_assert(stack && stack_validate(stack, &error) == 0, "%s: %s", text, error.message);
  return stack;
}

Test(gate, every_rule_has_its_verdict) {
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    const struct row *row = &table[i];
    _cleanup_(stack_freep) struct stack *stack = stack_with(row->spec, row->annotations);
    _cleanup_(arena_freep) struct arena *arena = arena_new(1 << 20);
    const struct change_question question = {stack, ms(row->now), row->asks, HASH};
    struct change change = change_decide(&question, arena);
    char at[RFC3339_SIZE] = "";
    if (change.at_ms) format_rfc3339(change.at_ms, at);
    cr_expect_str_eq(change.reason, row->reason, "row %zu: %s: %s", i, change.reason, change.message);
    cr_expect_eq(change.held, row->held, "row %zu: %s", i, change.message);
    cr_expect_eq(change.allowed, !row->held, "row %zu", i);
    cr_expect_str_eq(at, row->at, "row %zu: %s", i, change.message);
    cr_expect_eq(change.look_again_ms > 0, row->held, "row %zu", i);
    cr_expect_leq(change.look_again_ms, 3600000);
  }
}

Test(gate, what_is_held_says_until_when_why_and_how_to_get_through) {
  static const struct {
    const char *spec;
    unsigned asks;
    const char *words[5];
  } rows[] = {
      {"{}",
       CHANGE_RELEASE | CHANGE_RESTART,
       {"waiting: a release and a restart", "changes begin Tue, Wed, Thu 10:00-14:00 UTC, so until 2026-11-24T10:00:00Z",
        "kubectl -n demo annotate supernovastack shop 'platform.supernova.com/change-override=until=<RFC 3339>;by=<who>;reason=<why>'"}},
      {"{change: {windows: [{days: [Sat, Sun], start: '00:00', end: '24:00'}, {days: [Fri], start: '22:00', end: '02:00'}]}}",
       CHANGE_SECRET,
       {"a changed Secret", "Sat, Sun 00:00-24:00; Fri 22:00-02:00 UTC"}},
      {"{change: {windows: [], freezes: [{from: '2026-11-23T00:00:00Z', to: '2026-11-30T00:00:00Z', reason: big sale}]}}",
       CHANGE_SETTINGS,
       {"changed settings of the pods", "a freeze holds until 2026-11-30T00:00:00Z: big sale", "change-override="}},
      {"{change: {freezes: [{from: '2026-11-23T00:00:00Z', to: '2036-11-30T00:00:00Z'}]}}", CHANGE_RELEASE, {"never within 366 days"}},
      {"{change: {requireApproval: true, requireTicket: true}}",
       CHANGE_RELEASE,
       {"release " HASH " is not approved", "annotate supernovastack shop 'platform.supernova.com/approve=" HASH ";by=<who>'",
        "no change ticket is named", "'platform.supernova.com/change-ticket=<ticket>'", "change-override"}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    _cleanup_(stack_freep) struct stack *stack = stack_with(rows[i].spec, "{}");
    _cleanup_(arena_freep) struct arena *arena = arena_new(1 << 20);
    const struct change_question question = {stack, ms("2026-11-23T12:00:00Z"), rows[i].asks, HASH};
    struct change change = change_decide(&question, arena);
    for (size_t n = 0; n < sizeof rows[i].words / sizeof *rows[i].words && rows[i].words[n]; n++)
      cr_expect(strstr(change.message, rows[i].words[n]), "%s is not in: %s", rows[i].words[n], change.message);
  }
}

/* ---- in the plan ---- */

#define V1       "image: {repository: r, tag: v1}\nreplicas: 2\n"
#define V2       "image: {repository: r, tag: v2}\nreplicas: 2\n"
#define V3       "image: {repository: r, tag: v3}\nreplicas: 2\n"
#define ENFORCED "change: {enforcement: Enforce}\nmigrations: {enabled: false}\n"
#define FRIDAY   "2026-11-27T11:00:00Z"
#define TUESDAY  "2026-12-01T10:00:00Z"

static struct world w;

static void end(void) { world_done(&w); }

TestSuite(gate_plan, .fini = end);

static bool says(const char *what) { return strstr(world_says(&w), what) != NULL; }

static void settle(void) {
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
}

static void install(const char *spec) {
  world_init(&w, spec);
  w.o.now_ms = ms(FRIDAY);
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  settle();
  cr_assert_str_eq(world_phase(&w), "Ready");
}

static void annotate(const char *name, const char *value) {
  char whole[80];
  (void)snprintf(whole, sizeof whole, STACK_GROUP "/%s", name);
  world_annotate(&w, whole, value, NULL);
}

static void change_secret(void) { world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", "SESSION_SECRET", NULL); }

static const char *image(void) {
  return json_string(cJSON_GetArrayItem(json_get(world_object(&w, RESOURCE_DEPLOYMENT, "shop"), "spec.template.spec.containers"), 0),
                     "image", "");
}

static const char *template_annotation(const char *name) {
  return json_string(json_member(json_get(world_object(&w, RESOURCE_DEPLOYMENT, "shop"), "spec.template.metadata.annotations"), name), "",
                     "");
}

/* Held: told once, and then nothing is written however often it is looked at. */
static void expect_held(const char *reason) {
  char expected[64];
  world_settle(&w);
  (void)snprintf(expected, sizeof expected, "False %s", reason);
  cr_assert_str_eq(world_phase(&w), "Blocked");
  cr_assert_str_eq(world_condition(&w, "Ready"), "False ChangeHeld");
  cr_assert_str_eq(world_condition(&w, "Reconciling"), "True ChangeHeld");
  cr_assert_str_eq(world_condition(&w, "Stalled"), "");
  cr_assert_str_eq(world_condition(&w, "ChangeAllowed"), expected);
  cr_assert_gt(w.plan.look_again_ms, 0);
  w.o.now_ms += 60000;
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "");
}

Test(gate_plan, the_first_install_never_waits) {
  install(V1 ENFORCED);
  cr_assert_str_eq(world_condition(&w, "ChangeAllowed"), "True NothingWaits");
  cr_assert_null(json_get(w.plan.status, "nextDisruption"));
  cr_assert_eq(w.plan.look_again_ms, 0, "an idle stack is not looked at again");
}

Test(gate_plan, a_release_waits_for_the_window_and_begins_in_it) {
  install(V1 ENFORCED);
  world_spec(&w, V2 ENFORCED);
  expect_held("OutsideWindow");
  cr_assert_str_eq(json_string(w.plan.status, "nextDisruption.at", ""), TUESDAY);
  cr_assert_str_eq(json_string(cJSON_GetArrayItem(json_get(w.plan.status, "nextDisruption.reasons"), 0), "", ""), "a release");
  cr_assert(strstr(json_string(w.plan.status, "nextDisruption.blockedBy", ""), "Tue, Wed, Thu"));
  cr_assert_str_eq(image(), "r:v1");
  w.o.now_ms = ms(TUESDAY);
  world_plan(&w);
  cr_assert(says("create ControllerRevision shop-") && says("apply Deployment shop"), "%s", world_says(&w));
  cr_assert_str_eq(world_phase(&w), "RollingOut");
  cr_assert_null(json_get(w.plan.status, "nextDisruption"));
  settle();
  cr_assert_str_eq(world_phase(&w), "Ready");
  cr_assert_eq(json_int(w.plan.status, "revision.current", 0), 2);
}

Test(gate_plan, what_began_goes_on_past_the_end_of_its_window) {
  install(V1 "change: {enforcement: Enforce}\nmigrations: {when: [pre-upgrade]}\n");
  w.o.now_ms = ms(TUESDAY);
  world_spec(&w, V2 "change: {enforcement: Enforce}\nmigrations: {when: [pre-upgrade]}\n");
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Migrating");
  cr_assert_str_eq(image(), "r:v1");
  w.o.now_ms = ms(FRIDAY) + INT64_C(7) * 86400000;
  world_job_ends(&w, "shop-migrate-2", true, 0, "{\"schemaVersion\": 12}");
  settle();
  cr_assert_str_eq(world_phase(&w), "Ready");
  cr_assert_str_eq(image(), "r:v2");
  cJSON *revision;
  cJSON_ArrayForEach(revision, w.objects[RESOURCE_REVISION]) {
    cr_assert_null(json_member(json_get(revision, "metadata.annotations"), ANNOTATION_BEGAN_AT), "it is over");
  }
}

Test(gate_plan, going_back_never_waits) {
  install(V1 ENFORCED);
  w.o.now_ms = ms(TUESDAY);
  world_spec(&w, V2 ENFORCED);
  settle();
  w.o.now_ms = ms(TUESDAY) + INT64_C(3) * 86400000;
  world_spec(&w, V1 ENFORCED);
  world_plan(&w);
  cr_assert(says("apply Deployment shop"), "%s", world_says(&w));
  settle();
  cr_assert_str_eq(image(), "r:v1");
  cr_assert_str_eq(world_phase(&w), "Ready");
}

Test(gate_plan, scaling_and_what_restarts_nothing_never_wait) {
  install(V1 ENFORCED);
  world_spec(&w, "image: {repository: r, tag: v2}\nreplicas: 4\nservice: {port: 81}\n" ENFORCED);
  world_plan(&w);
  cr_assert(says("apply Service shop") && says("apply Deployment shop"), "%s", world_says(&w));
  expect_held("OutsideWindow");
  cr_assert_eq(json_int(world_object(&w, RESOURCE_DEPLOYMENT, "shop"), "spec.replicas", 0), 4);
  cr_assert_str_eq(image(), "r:v1");
}

Test(gate_plan, a_deployment_that_was_deleted_comes_back_as_it_was) {
  install(V1 ENFORCED);
  world_spec(&w, V2 "change: {enforcement: Enforce, requireTicket: true}\nmigrations: {enabled: false}\n");
  expect_held("OutsideWindow");
  cJSON_DeleteItemFromObjectCaseSensitive(
      cJSON_GetObjectItem(cJSON_GetObjectItem(world_object(&w, RESOURCE_DEPLOYMENT, "shop"), "spec"), "template"), "spec");
  world_plan(&w);
  cr_assert(says("apply Deployment shop"), "drift is set back: %s", world_says(&w));
  world_settle(&w);
  cr_assert_str_eq(image(), "r:v1");
}

Test(gate_plan, a_changed_secret_and_a_restart_wait_too) {
  install(V1 ENFORCED);
  change_secret();
  expect_held("OutsideWindow");
  annotate("restart", "now");
  world_settle(&w);
  expect_held("OutsideWindow");
  cr_assert_eq(cJSON_GetArraySize(json_get(w.plan.status, "nextDisruption.reasons")), 2);
  cr_assert_str_eq(template_annotation(ANNOTATION_RESTARTED_AT), "");
  w.o.now_ms = ms(TUESDAY);
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "own Deployment shop; apply Deployment shop; status RollingOut");
  settle();
  cr_assert_str_neq(template_annotation(ANNOTATION_RESTARTED_AT), "");
  cr_assert_str_eq(template_annotation(ANNOTATION_SECRET_HASH), w.secret.hash);
  cr_assert_str_eq(world_phase(&w), "Ready");
}

Test(gate_plan, where_no_pod_is_available_nothing_is_disturbed) {
  install(V1 ENFORCED);
  cJSON *deployment = world_object(&w, RESOURCE_DEPLOYMENT, "shop");
  cJSON_SetNumberValue(cJSON_GetObjectItem(cJSON_GetObjectItem(deployment, "status"), "availableReplicas"), 0);
  change_secret();
  world_plan(&w);
  cr_assert(says("apply Deployment shop"), "%s", world_says(&w));
}

Test(gate_plan, settings_of_the_pods_wait_too) {
  install(V1 ENFORCED);
  world_spec(&w, "image: {repository: r, tag: v1, pullPolicy: Always}\nreplicas: 2\n" ENFORCED);
  expect_held("OutsideWindow");
  w.o.now_ms = ms(TUESDAY);
  world_plan(&w);
  cr_assert(says("apply Deployment shop"), "%s", world_says(&w));
}

Test(gate_plan, a_release_a_secret_and_a_restart_are_one_roll) {
  install(V1 "change: {enforcement: Enforce}\nmigrations: {when: [pre-upgrade]}\n");
  annotate("restart", "now");
  world_settle(&w);
  change_secret();
  world_spec(&w, V2 "config: {logLevel: debug}\nchange: {enforcement: Enforce}\nmigrations: {when: [pre-upgrade]}\n");
  expect_held("OutsideWindow");
  cr_assert_eq(cJSON_GetArraySize(json_get(w.plan.status, "nextDisruption.reasons")), 3);
  w.o.now_ms = ms(TUESDAY);
  int applied = 0;
  for (int round = 0; round < 20; round++) {
    world_plan(&w);
    for (size_t i = 0; i < w.plan.action_count; i++)
      applied += w.plan.actions[i].type == ACTION_APPLY && w.plan.actions[i].resource == RESOURCE_DEPLOYMENT;
    if (!w.plan.action_count && !w.plan.status_changed) {
      cJSON *job = world_object(&w, RESOURCE_JOB, "shop-migrate-2");
      if (json_get(job, "status")) break;
      world_job_ends(&w, "shop-migrate-2", true, 0, "{\"schemaVersion\": 12}");
      continue;
    }
    world_carry_out(&w);
  }
  cr_assert_eq(applied, 1, "%d applies", applied);
  cr_assert_str_eq(image(), "r:v2");
  cr_assert_str_eq(template_annotation(ANNOTATION_SECRET_HASH), w.secret.hash);
  cr_assert_str_neq(template_annotation(ANNOTATION_RESTARTED_AT), "");
}

static cJSON *revision_annotations(const char *tag) {
  cJSON *revision;
  cJSON_ArrayForEach(revision, w.objects[RESOURCE_REVISION]) {
    if (!strcmp(json_string(revision, "data.spec.image.tag", ""), tag))
      return cJSON_GetObjectItem(cJSON_GetObjectItem(revision, "metadata"), "annotations");
  }
  cr_assert_fail("no revision of %s", tag);
  return NULL;
}

static const char *noted(const char *tag, const char *name) { return json_string(json_member(revision_annotations(tag), name), "", ""); }

Test(gate_plan, an_override_lets_through_is_remembered_and_expires) {
  install(V1 ENFORCED);
  world_spec(&w, V2 ENFORCED);
  expect_held("OutsideWindow");
  annotate("change-override", "until=2026-11-27T12:00:00Z;by=carol;reason=fire");
  settle();
  cr_assert_str_eq(world_phase(&w), "Ready");
  cr_assert_str_eq(image(), "r:v2");
  cr_assert_str_eq(noted("v2", ANNOTATION_OVERRIDDEN_BY), "carol: fire");
  w.o.now_ms = ms("2026-11-27T12:00:00Z");
  world_spec(&w, V3 ENFORCED);
  expect_held("OutsideWindow");
}

Test(gate_plan, an_approval_lets_one_release_through) {
#define APPROVALS "change: {enforcement: Enforce, windows: [], requireApproval: true}\nmigrations: {enabled: false}\n"
  install(V1 APPROVALS);
  world_spec(&w, V2 APPROVALS);
  expect_held("ApprovalMissing");
  const char *hash = strstr(json_string(condition_find(json_get(w.plan.status, "conditions"), "Ready"), "message", ""), "approve=");
  cr_assert_not_null(hash);
  char command[80];
  (void)snprintf(command, sizeof command, "%.10s;by=bob;id=1", hash + strlen("approve="));
  annotate("approve", command);
  settle();
  cr_assert_str_eq(world_phase(&w), "Ready");
  cr_assert_str_eq(noted("v2", ANNOTATION_APPROVED_BY), "bob");
  cr_assert_null(stack_annotation(w.stack, ANNOTATION_APPROVED), "it is used up");
  world_spec(&w, V3 APPROVALS);
  expect_held("ApprovalMissing");
}

Test(gate_plan, a_ticket_is_kept_with_the_release) {
#define TICKETS "change: {enforcement: Enforce, windows: [], requireTicket: true}\nmigrations: {enabled: false}\n"
  install(V1 TICKETS);
  world_spec(&w, V2 TICKETS);
  expect_held("TicketMissing");
  annotate("change-ticket", "CHG-7");
  settle();
  cr_assert_str_eq(image(), "r:v2");
  cr_assert_str_eq(noted("v2", ANNOTATION_TICKET), "CHG-7");
}

Test(gate_plan, warn_goes_on_and_says_so_once) {
#define WARNED "change: {enforcement: Warn}\nmigrations: {enabled: false}\n"
  install(V1 WARNED);
  world_spec(&w, V2 WARNED);
  world_plan(&w);
  cr_assert(says("apply Deployment shop"), "%s", world_says(&w));
  cr_assert_str_eq(world_condition(&w, "ChangeAllowed"), "True Warned");
  cr_assert_str_eq(w.plan.notice.reason, "ChangeWarned");
  world_carry_out(&w);
  world_plan(&w);
  cr_assert_null(w.plan.notice.reason);
  settle();
  cr_assert_str_eq(world_phase(&w), "Ready");
}

Test(gate_plan, a_release_in_flight_goes_on_while_the_next_one_waits) {
#define MIGRATED "change: {enforcement: Enforce}\nmigrations: {when: [pre-upgrade]}\n"
  install(V1 MIGRATED);
  w.o.now_ms = ms(TUESDAY);
  world_spec(&w, V2 MIGRATED);
  world_settle(&w);
  w.o.now_ms = ms(TUESDAY) + INT64_C(5) * 3600000;
  world_spec(&w, V3 MIGRATED);
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Migrating");
  cr_assert_str_eq(world_condition(&w, "ChangeAllowed"), "False OutsideWindow");
  world_job_ends(&w, "shop-migrate-2", true, 0, "{\"schemaVersion\": 12}");
  settle();
  cr_assert_str_eq(image(), "r:v2");
  cr_assert_eq(json_int(w.plan.status, "revision.current", 0), 2);
  expect_held("OutsideWindow");
}

Test(gate_plan, a_release_that_was_called_off_has_to_ask_again) {
  install(V1 MIGRATED);
  w.o.now_ms = ms(TUESDAY);
  world_spec(&w, V2 MIGRATED);
  world_settle(&w);
  cr_assert_str_neq(noted("v2", ANNOTATION_BEGAN_AT), "");
  world_spec(&w, V1 MIGRATED);
  settle();
  cr_assert_str_eq(noted("v2", ANNOTATION_BEGAN_AT), "");
  w.o.now_ms = ms(TUESDAY) + INT64_C(5) * 3600000;
  world_spec(&w, V2 MIGRATED);
  expect_held("OutsideWindow");
  w.o.now_ms = ms(TUESDAY) + INT64_C(24) * 3600000;
  world_settle(&w);
  cr_assert_str_neq(noted("v2", ANNOTATION_BEGAN_AT), "", "its revision was there already");
  cr_assert_str_eq(world_phase(&w), "Migrating");
}

Test(gate_plan, the_next_release_takes_the_place_of_the_one_in_flight) {
  install(V1 MIGRATED);
  w.o.now_ms = ms(TUESDAY);
  world_spec(&w, V2 MIGRATED);
  world_settle(&w);
  world_spec(&w, V3 MIGRATED);
  world_settle(&w);
  cr_assert_str_eq(noted("v2", ANNOTATION_BEGAN_AT), "");
  cr_assert_str_neq(noted("v3", ANNOTATION_BEGAN_AT), "");
}
