#include "release/migration.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "crypto/digest.h"
#include "release/annotations.h"
#include "release/last_words.h"
#include "render/render.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_NEVER = 65 /* of the contract: trying again will not help */, MESSAGE_MAX_BYTES = 800 };

/* The parts of one decision that stay the same while it is made. */
struct decision {
  const struct observation *o;
  const struct content *content;
  const struct child *revision, *success; /* of the history: target and migrated */
  uint64_t needs;
  struct plan *plan;
  char identity[16], failure_key[16];
};

void migration_identity(const struct content *content, const char *database, char to[16]) {
  cJSON *parts = cJSON_CreateArray();
  cJSON_AddItemToArray(parts, cJSON_CreateString(content->image));
  if (content->spec.migrations.command) cJSON_AddItemToArray(parts, cJSON_Duplicate(content->spec.migrations.command, true));
  cJSON_AddItemToArray(parts, cJSON_CreateString(database));
  if (content_hash(parts, to) < 0) *to = 0;
  cJSON_Delete(parts);
}

/* A failure is remembered under all that could mend it: so a longer deadline or a mended DATABASE_URL frees it, and nothing loops. */
static void failure_key(const struct decision *d, char to[16]) {
  const struct stack_migrations *m = &d->o->stack->spec.migrations;
  cJSON *parts = cJSON_CreateArray();
  cJSON_AddItemToArray(parts, cJSON_CreateString(d->content->hash));
  cJSON_AddItemToArray(parts, cJSON_CreateString(d->identity));
  cJSON_AddItemToArray(parts, cJSON_CreateString(d->o->secret->hash));
  const int64_t numbers[] = {m->backoff_limit,   m->active_deadline_s, m->retry.enabled,
                             m->retry.initial_s, m->retry.max_s,       m->retry.max_attempts};
  for (size_t i = 0; i < ELEMENTS(numbers); i++) cJSON_AddItemToArray(parts, cJSON_CreateNumber((double)numbers[i]));
  if (content_hash(parts, to) < 0) *to = 0;
  cJSON_Delete(parts);
}

static bool when_has(const struct stack_migrations *m, const char *stage, const char *event) {
  char wanted[24];
  (void)snprintf(wanted, sizeof wanted, "%s-%s", stage, event);
  if (!m->when) return !strcmp(stage, "post");
  const cJSON *item;
  cJSON_ArrayForEach(item, m->when) {
    if (cJSON_IsString(item) && !strcmp(item->valuestring, wanted)) return true;
  }
  return false;
}

/* What a pod of the Job has to say; NULL when none of them is left or ended. */
static const struct pod_facts *last_words(const struct observation *o, const char *job) {
  const struct pod_facts *found = NULL;
  for (size_t i = 0; i < o->children[RESOURCE_POD].count; i++) {
    const struct pod_facts *pod = &o->children[RESOURCE_POD].items[i]->pod;
    if (pod->job && !strcmp(pod->job, job) && (pod->terminated || pod->failed || !found)) found = pod;
  }
  return found;
}

/* {"error": …, "file": …, "line": …} of the contract, else the last lines as they are. */
static const char *explain(const struct decision *d, const struct child *job, const struct pod_facts *pod) {
  struct arena *arena = d->plan->arena;
  if (pod && pod->deadline_exceeded)
    return arena_printf(arena, "it did not end within %lld s (migrations.activeDeadlineSeconds)",
                        (long long)d->o->stack->spec.migrations.active_deadline_s);
  if (pod && pod->waiting) return arena_printf(arena, "%s: %s", pod->waiting, pod->waiting_message ? pod->waiting_message : "");
  if (!pod || !pod->termination_message || !*pod->termination_message)
    return job ? arena_printf(arena, "Job %s failed: %s", job->name, job->job.reason ? job->job.reason : "no reason given")
               : "its Job is gone";
  _cleanup_(json_freep) cJSON *said = NULL;
  const char *text = pod->termination_message;
  if (json_parse(text, strlen(text), &json_limits_request, &said, NULL) < 0 || !json_get(said, "error"))
    return last_words_clean(arena, text, MESSAGE_MAX_BYTES);
  const char *why = last_words_clean(arena, json_string(said, "error", ""), MESSAGE_MAX_BYTES);
  return json_get(said, "file")
             ? arena_printf(arena, "%s line %lld: %s", json_string(said, "file", ""), (long long)json_int(said, "line", 0), why)
             : why;
}

static int64_t schema_version(const struct pod_facts *pod) {
  _cleanup_(json_freep) cJSON *said = NULL;
  if (!pod || !pod->termination_message) return -1;
  if (json_parse(pod->termination_message, strlen(pod->termination_message), &json_limits_request, &said, NULL) < 0) return -1;
  return json_int(said, "schemaVersion", -1);
}

static uint64_t record(const struct decision *d, cJSON *body, uint64_t needs, const char *type, const char *reason, const char *note) {
  return plan_add(d->plan, (struct action){.type = ACTION_MERGE,
                                           .resource = RESOURCE_REVISION,
                                           .name = d->revision->name,
                                           .body = body,
                                           .needs = needs,
                                           .event = {type, reason, note}});
}

/* The Job of an attempt whose number is recorded (or is about to be, by the actions in NEEDS). */
static void post_job(const struct decision *d, int64_t attempt, uint64_t needs) {
  const struct render_input in = {.stack = d->o->stack,
                                  .release = &d->content->spec,
                                  .image = d->content->image,
                                  .content_hash = d->content->hash,
                                  .env_hash = d->content->env_hash,
                                  .env = d->content->env,
                                  .secret_hash = d->o->secret->hash};
  char name[64];
  render_migration_name(in.stack, d->revision->revision.number, attempt, name);
  plan_add(d->plan, (struct action){.type = ACTION_CREATE,
                                    .resource = RESOURCE_JOB,
                                    .name = arena_strdup(d->plan->arena, name),
                                    .body = render_migration_job(&in, d->revision->revision.number, attempt),
                                    .needs = needs,
                                    .event = {"Normal", "MigrationStarted",
                                              arena_printf(d->plan->arena, "Job %s runs the migration of revision %lld", name,
                                                           (long long)d->revision->revision.number)}});
}

/* SETTLED: the attempts that count no longer. */
static void start(const struct decision *d, int64_t attempt, int64_t settled) {
  cJSON *annotations, *body = annotations_patch(d->revision->resource_version, &annotations);
  annotations_add_number(annotations, ANNOTATION_ATTEMPTS, attempt);
  annotations_add_number(annotations, ANNOTATION_SETTLED, settled);
  cJSON_AddStringToObject(annotations, ANNOTATION_ATTEMPT_FOR, d->identity);
  cJSON_AddStringToObject(annotations, ANNOTATION_ATTEMPT_KEY, d->failure_key);
  post_job(d, attempt, record(d, body, d->needs, NULL, NULL, NULL) | d->needs);
}

static void record_success(const struct decision *d, const struct pod_facts *pod) {
  cJSON *annotations, *body = annotations_patch(d->revision->resource_version, &annotations);
  int64_t version = schema_version(pod);
  const char *migrated = d->revision->revision.attempt_for;
  cJSON_AddStringToObject(annotations, ANNOTATION_MIGRATED, migrated ? migrated : d->identity);
  int64_t after_ms =
      d->success ? d->success->revision.migrated_ms + 1000 : 0; /* the last one is told by its time, which has whole seconds */
  annotations_add_time(annotations, ANNOTATION_MIGRATED_AT, d->o->now_ms > after_ms ? d->o->now_ms : after_ms);
  annotations_add_number(annotations, ANNOTATION_SETTLED, d->revision->revision.attempts);
  if (version >= 0) annotations_add_number(annotations, ANNOTATION_SCHEMA_VERSION, version);
  record(d, body, 0, "Normal", "MigrationSucceeded",
         arena_printf(d->plan->arena, "migration of revision %lld succeeded at attempt %lld", (long long)d->revision->revision.number,
                      (long long)d->revision->revision.attempts));
}

static void record_failure(const struct decision *d, const char *message) {
  cJSON *annotations, *body = annotations_patch(d->revision->resource_version, &annotations);
  const char *key = d->revision->revision.attempt_key;
  cJSON_AddStringToObject(annotations, ANNOTATION_FAILED, key ? key : d->failure_key);
  annotations_add_time(annotations, ANNOTATION_FAILED_AT, d->o->now_ms);
  cJSON_AddStringToObject(annotations, ANNOTATION_FAILED_MESSAGE, message);
  annotations_add_number(annotations, ANNOTATION_SETTLED, d->revision->revision.attempts);
  record(d, body, 0, "Warning", "MigrationFailed",
         arena_printf(d->plan->arena, "migration of revision %lld failed for good: %s", (long long)d->revision->revision.number, message));
}

/* Status says Running only once the Job was seen: then a Job that is not there has vanished, and was not merely never made. */
static bool was_seen(const struct decision *d) {
  const cJSON *before = json_get(d->o->stack->status, "migration");
  return json_int(before, "revision", -1) == d->revision->revision.number &&
         json_int(before, "attempt", -1) == d->revision->revision.attempts && !strcmp(json_string(before, "state", ""), "Running");
}

static void after_failure(const struct decision *d, const struct child *job, struct migration *m) {
  const struct stack_migrations *spec = &d->o->stack->spec.migrations;
  const struct pod_facts *pod = job ? last_words(d->o, job->name) : NULL;
  int64_t in_round = d->revision->revision.attempts - d->revision->revision.settled;
  bool never =
      (pod && pod->terminated && pod->exit_code == EXIT_NEVER) || (job && job->job.reason && !strcmp(job->job.reason, "PodFailurePolicy"));
  m->message = explain(d, job, pod);
  if (never || in_round >= m->max_attempts) {
    record_failure(d, m->message);
    m->state = MIGRATION_FAILED;
    return;
  }
  int64_t failed_at = job && job->job.finished_ms ? job->job.finished_ms : d->o->now_ms;
  m->state = MIGRATION_WAITING;
  m->next_attempt_ms = failed_at + backoff_delay(spec->retry.initial_s * 1000, spec->retry.max_s * 1000, (unsigned)in_round);
  if (job && job->job.pods_left) return; /* its last pod's end is an event of its own */
  if (!job || d->o->now_ms >= m->next_attempt_ms) {
    start(d, ++m->attempt, d->revision->revision.settled);
    m->state = MIGRATION_STARTING;
  } else {
    plan_look_again(d->plan, m->next_attempt_ms - d->o->now_ms);
  }
}

static void follow(const struct decision *d, struct migration *m) {
  char name[64];
  render_migration_name(d->o->stack, d->revision->revision.number, m->attempt, name);
  const struct child *job = observation_find(d->o, RESOURCE_JOB, name);
  m->state = job ? MIGRATION_RUNNING : MIGRATION_STARTING;
  if (job && !observation_owns(d->o, job)) {
    start(d, m->attempt + 1, m->attempt);
    m->attempt++;
  } else if (!job && !was_seen(d))
    post_job(d, m->attempt, d->needs);
  else if (!job || job->job.state == JOB_FAILED)
    after_failure(d, job, m);
  else if (job->job.state == JOB_COMPLETE)
    record_success(d, last_words(d->o, job->name));
}

/* The state as it is recorded, before anything is done about it. */
static enum migration_state recorded(const struct decision *d, struct migration *m) {
  const struct child *revision = d->revision;
  if (d->success && !strcmp(d->success->revision.migrated, d->identity)) return MIGRATION_DONE;
  if (!revision || !revision->revision.failed || strcmp(revision->revision.failed, d->failure_key)) return MIGRATION_DUE;
  m->message = revision->revision.failed_message ? revision->revision.failed_message : "";
  return MIGRATION_FAILED;
}

struct migration migration_plan(const struct observation *o, const struct history *history, const struct content *content, bool applied,
                                uint64_t needs, struct plan *plan) {
  const struct stack_migrations *spec = &o->stack->spec.migrations;
  const char *event = history->current ? "upgrade" : "install";
  const struct child *success = history->migrated, *revision = history->target;
  struct decision d = {.o = o, .content = content, .revision = revision, .success = success, .needs = needs, .plan = plan};
  struct migration m = {.before_rollout = when_has(spec, "pre", event),
                        .schema_version = success ? success->revision.schema_version : -1,
                        .attempt = revision ? revision->revision.attempts : 0,
                        .max_attempts = spec->retry.enabled ? spec->retry.max_attempts : 1};
  if (!spec->enabled) return m;
  migration_identity(content, o->secret->database, d.identity);
  if (!m.before_rollout && !when_has(spec, "post", event)) return memcpy(m.baseline, d.identity, sizeof m.baseline), m;
  failure_key(&d, d.failure_key);
  m.state = recorded(&d, &m);
  if (m.state != MIGRATION_DUE || !revision || !plan || !(applied || m.before_rollout)) return m;
  m.state = MIGRATION_STARTING;
  if (revision->revision.attempts > revision->revision.settled)
    follow(&d, &m);
  else
    start(&d, ++m.attempt, revision->revision.settled);
  return m;
}

void migration_annotate_baseline(const struct migration *migration, int64_t now_ms, cJSON *annotations) {
  if (migration->state != MIGRATION_OFF || !*migration->baseline) return;
  cJSON_AddStringToObject(annotations, ANNOTATION_MIGRATED, migration->baseline);
  annotations_add_time(annotations, ANNOTATION_MIGRATED_AT, now_ms);
}
