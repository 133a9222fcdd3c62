#include "message/owed.h"

#include "change/commands.h"
#include "message/words.h"
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define TEAM      "notifications: [{name: team, type: slack, secretRef: {name: mail, key: url}}]\n"
#define SPEC(tag) "environment: staging\nimage: {repository: r, tag: " tag "}\nreplicas: 2\nchange: {onCall: '@ada'}\n"
#define SILENT    "environment: staging\nimage: {repository: r, tag: v1}\nreplicas: 2\n"
#define HELD(tag)                                                                            \
  "image: {repository: r, tag: " tag                                                         \
  "}\nreplicas: 2\nchange: {enforcement: Enforce, freezes: [{from: '2025-12-01T00:00:00Z', " \
  "to: '2026-02-03T10:00:00Z', reason: sale}], windows: []}\n" TEAM

static struct world w;

static void begin(const char *spec) {
  world_init(&w, spec);
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_keys(&w, "1760908689588");
}

static void end(void) { world_done(&w); }

TestSuite(owed, .fini = end);

static const cJSON *outbox(void) { return json_get(w.stack->status, "outbox"); }

static const cJSON *last(void) { return cJSON_GetArrayItem(outbox(), cJSON_GetArraySize(outbox()) - 1); }

/* "ReleaseStarted ReleaseDeployed": events of the outbox, which nobody empties here. */
static const char *told(void) {
  static char list[1024];
  const cJSON *entry;
  size_t n = 0;
  *list = 0;
  cJSON_ArrayForEach(entry, outbox()) n +=
      (size_t)snprintf(list + n, sizeof list - n, "%s%s", n ? " " : "", json_string(entry, "event", "?"));
  return list;
}

static void finish_migration(const char *job) {
  if (world_object(&w, RESOURCE_JOB, job)) world_job_ends(&w, job, true, 0, "{\"schemaVersion\": 12, \"servesFrom\": 11}");
}

/* Through to Ready; JOB: the migration's, where it comes to one. */
static void roll(const char *job) {
  world_settle(&w);
  w.o.now_ms += 240 * 1000;
  world_pods_ready(&w);
  world_settle(&w);
  finish_migration(job);
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Ready", "%s", told());
}

Test(owed, a_release_is_told_before_and_after_once_each) {
  begin(SPEC("v1") TEAM);
  roll("shop-migrate-1");
  cr_assert_str_eq(told(), "ReleaseStarted ReleaseDeployed");
  world_spec(&w, SPEC("v2") TEAM);
  roll("shop-migrate-2");
  cr_assert_str_eq(told(), "ReleaseStarted ReleaseDeployed ReleaseStarted ReleaseDeployed");
  world_settle(&w);
  cr_assert_str_eq(told(), "ReleaseStarted ReleaseDeployed ReleaseStarted ReleaseDeployed");
}

Test(owed, who_is_told_first_of_a_stack_that_runs_hears_nothing) {
  begin(SILENT);
  roll("shop-migrate-1");
  cr_assert_null(outbox());
  cr_assert_null(json_get(w.stack->status, "told"));
  world_spec(&w, SILENT TEAM);
  world_settle(&w);
  cr_assert_str_eq(told(), "");
  cr_assert_not_null(json_get(w.stack->status, "told.release"));
  world_spec(&w, SPEC("v2") TEAM);
  roll("shop-migrate-2");
  cr_assert_str_eq(told(), "ReleaseStarted ReleaseDeployed");
}

Test(owed, an_idle_stack_owes_nothing) {
  begin(SPEC("v1") TEAM);
  roll("shop-migrate-1");
  cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(w.stack->object, "status"), "outbox");
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "");
  cr_assert_null(w.plan.deliver);
  cr_assert_eq(w.plan.look_again_ms, 0);
}

Test(owed, a_status_that_was_lost_brings_no_message_back) {
  begin(SPEC("v1") TEAM);
  roll("shop-migrate-1");
  cJSON_ReplaceItemInObjectCaseSensitive(w.stack->object, "status", cJSON_CreateObject());
  w.stack->status = json_get(w.stack->object, "status");
  world_settle(&w);
  cr_assert_str_eq(told(), "");
}

Test(owed, a_failure_is_told_with_its_reason_and_what_mends_it) {
  begin(SPEC("v1") TEAM);
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  world_job_ends(&w, "shop-migrate-1", false, 65, "{\"error\": \"column is there, password=hunter2\"}");
  world_settle(&w);
  cr_assert_str_eq(told(), "ReleaseStarted ReleaseFailed");
  const char *text = json_string(last(), "text", "");
  cr_assert(strstr(text, "Status: ❌ Failed\n") && strstr(text, "Why: MigrationFailed: "), "%s", text);
  cr_assert(strstr(text, "Retry: kubectl -n demo annotate supernovastack shop platform.supernova.com/retry=now\n"), "%s", text);
  cr_assert(!strstr(text, "hunter2"), "%s", text);
}

Test(owed, going_back_is_a_rollback) {
  begin(SPEC("v1") TEAM);
  roll("shop-migrate-1");
  world_spec(&w, SPEC("v2") TEAM);
  roll("shop-migrate-2");
  world_spec(&w, SPEC("v1") TEAM);
  roll("");
  cr_assert_str_eq(told(), "ReleaseStarted ReleaseDeployed ReleaseStarted ReleaseDeployed RollbackStarted RollbackDeployed");
  cr_assert_str_eq(json_string(last(), "subject", ""), "[Supernova] Rollback Complete - v1");
}

Test(owed, an_abort_is_a_rollback) {
  begin(SPEC("v1") TEAM);
  roll("shop-migrate-1");
  world_spec(&w, SPEC("v2") TEAM);
  world_settle(&w);
  world_spec(&w, SPEC("v1") TEAM);
  roll("");
  cr_assert_str_eq(told(), "ReleaseStarted ReleaseDeployed ReleaseStarted RollbackStarted RollbackDeployed");
}

Test(owed, what_waits_is_announced_once_with_when_and_what) {
  begin(HELD("v1"));
  roll("shop-migrate-1");
  cr_assert_str_eq(told(), "ReleaseStarted ReleaseDeployed");
  world_annotate(&w, ANNOTATION_DESCRIPTION, "- Feature: new API\n- Fix: limits", NULL);
  world_annotate(&w, ANNOTATION_TICKET, "CHG-7", NULL);
  world_spec(&w, HELD("v2"));
  world_settle(&w);
  cr_assert_str_eq(told(), "ReleaseStarted ReleaseDeployed ReleasePlanned");
  cr_assert_str_eq(json_string(last(), "subject", ""), "[Supernova] Production Deployment Planned - v2");
  cr_assert_str_eq(
      json_string(last(), "text", ""),
      "Stack: demo/shop\nWhen: 2026-02-03 10:00 UTC\nWaits for: a freeze holds until 2026-02-03T10:00:00Z: sale (changes begin "
      "again at 2026-02-03T10:00:00Z)\nDuration: ~4 minutes (the last took 4 minutes)\nImpact: None expected (rolling "
      "update)\nChanges:\n  - Feature: new API\n  - Fix: limits\n  - Image: r:v1 -> r:v2\nRollback: kubectl -n demo annotate "
      "supernovastack shop platform.supernova.com/rollback-to=previous (< 2 minutes)\nTicket: CHG-7\n");
  w.o.now_ms += 60 * 1000;
  world_settle(&w);
  cr_assert_str_eq(told(), "ReleaseStarted ReleaseDeployed ReleasePlanned");
  world_annotate(&w, ANNOTATION_OVERRIDE, "until=2026-01-01T01:00:00Z;by=carol;reason=fire", NULL);
  world_settle(&w);
  cr_assert_str_eq(told(), "ReleaseStarted ReleaseDeployed ReleasePlanned ChangeOverridden ReleaseStarted");
  cr_assert_str_eq(json_string(cJSON_GetArrayItem(outbox(), 3), "text", ""),
                   "Stack: demo/shop\nWhen: 2026-01-01 00:05 UTC\nUntil: 2026-01-01 01:00 UTC\nBy: carol\nReason: fire\nTicket: CHG-7\n");
}

Test(owed, the_words_are_the_runbooks) {
  begin(SPEC("v1") TEAM);
  roll("shop-migrate-1");
  const cJSON *started = cJSON_GetArrayItem(outbox(), 0), *deployed = cJSON_GetArrayItem(outbox(), 1);
  cr_assert_str_eq(json_string(started, "subject", ""), "[Supernova] Staging Deployment - v1");
  cr_assert_str_eq(
      json_string(started, "text", ""),
      "Stack: demo/shop\nWhen: 2026-01-01 00:00 UTC\nDuration: not known yet: none was measured\nImpact: None: nothing was there "
      "before\nChanges:\n  - First install: r:v1\nOn-call: @ada\n");
  cr_assert_str_eq(json_string(deployed, "subject", ""), "[Supernova] Deployment Complete - v1");
  cr_assert_str_eq(
      json_string(deployed, "text", ""),
      "Stack: demo/shop\nStatus: ✅ Successful\nDeployed: 2026-01-01 00:04 UTC\nDuration: 4 minutes\nVerification:\n  ✅ All "
      "pods healthy (2 of 2)\n  ✅ Migrations completed\n  ✅ the new pods: 2 pods stayed ready and did not restart; requests are not "
      "judged: the image is not the companion's, and may tell nothing of them\nOn-call: @ada\n");
  cr_assert_eq(json_int(deployed, "revision", 0), 1);
}

Test(owed, each_receiver_hears_what_it_wants) {
  begin(SPEC(
      "v1") "notifications:\n"
            "  - {name: all, type: slack, secretRef: {name: mail, key: url}}\n"
            "  - {name: ends, type: webhook, secretRef: {name: mail, key: url}, events: [ReleaseDeployed]}\n"
            "  - {name: bad, type: pagerduty, secretRef: {name: mail, key: url}, events: [ReleaseFailed]}\n");
  roll("shop-migrate-1");
  cr_assert_str_eq(told(), "ReleaseStarted ReleaseDeployed ReleaseDeployed");
  cr_assert_str_eq(json_string(last(), "receiver", ""), "ends");
  cr_assert_str_neq(json_string(last(), "id", "a"), json_string(cJSON_GetArrayItem(outbox(), 1), "id", "b"));
}

Test(owed, nobody_is_told_where_nobody_asks_and_nothing_is_kept) {
  begin(SPEC("v1") TEAM);
  roll("shop-migrate-1");
  world_spec(&w, SPEC("v1"));
  world_settle(&w);
  cr_assert_null(outbox());
  cr_assert_null(json_get(w.stack->status, "told"));
}

Test(owed, while_it_is_suspended_nothing_new_is_told_and_what_waits_is_sent) {
  begin(SPEC("v1") TEAM);
  roll("shop-migrate-1");
  world_spec(&w, SPEC("v1") TEAM "suspend: true\n");
  world_settle(&w);
  cr_assert_str_eq(told(), "ReleaseStarted ReleaseDeployed");
  cr_assert_str_eq(w.plan.deliver ? w.plan.deliver : "", json_string(cJSON_GetArrayItem(outbox(), 0), "id", "-"));
}

/* What people write can't make the message anything else, or larger than it may be. */
Test(owed, a_description_is_bounded_and_cleaned) {
  char description[9000];
  memset(description, 'x', sizeof description - 1);
  description[sizeof description - 1] = 0;
  memcpy(description, "postgres://u:hunter2@db/x ", 26);
  begin(SPEC("v1") TEAM);
  world_annotate(&w, ANNOTATION_DESCRIPTION, description, NULL);
  world_settle(&w);
  const char *text = json_string(last(), "text", "");
  cr_assert_leq(strlen(text), WORDS_MAX_BYTES);
  cr_assert(strstr(text, "postgres://u:*******@db/x xxx") && strstr(text, "On-call: @ada"), "%s", text);
}
