#include "release/migration.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "crypto/digest.h"
#include "release/annotations.h"
#include "render/render.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_NEVER = 65 /* of the contract: trying again will not help */, MESSAGE_MAX_BYTES = 800 };

/* The parts of one decision that stay the same while it is made. */
struct decision {
  const struct observation *o;
  const struct content *content;
  const struct child *revision;
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

/* The newest success that is recorded, of any revision. */
static const struct child *last_success(const struct observation *o) {
  const struct child *last = NULL;
  for (size_t i = 0; i < o->children[RESOURCE_REVISION].count; i++) {
    const struct child *revision = o->children[RESOURCE_REVISION].items[i];
    if (revision->revision.migrated && (!last || revision->revision.migrated_ms > last->revision.migrated_ms)) last = revision;
  }
  return last;
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

static void mask(char *from, const char *stop) {
  for (; *from && !strchr(stop, *from); from++) *from = '*';
}

const char *migration_clean(struct arena *arena, const char *text) {
  char *clean = arena_strndup(arena, text, strnlen(text, MESSAGE_MAX_BYTES));
  if (!clean) return "";
  for (char *p = clean; (p = strstr(p, "://")); p += 3) { /* scheme://user:password@host */
    char *end = p + 3 + strcspn(p + 3, " \n\"'"), *at = NULL, *colon = NULL;
    for (char *q = p + 3; q < end; q++) {
      if (*q == '@') at = q;
      if (*q == ':' && !colon) colon = q;
    }
    for (char *q = colon; at && q && ++q < at;) *q = '*';
  }
  for (char *p = clean; (p = strcasestr(p, "password=")); p += 9) mask(p + 9, " \n&'\"");
  return clean;
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
    return migration_clean(arena, text);
  const char *why = migration_clean(arena, json_string(said, "error", ""));
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

/* A merge patch of the revision's annotations that carries the observed resourceVersion. */
static cJSON *annotate(const struct child *revision, cJSON **ret_annotations) {
  cJSON *body = cJSON_CreateObject(), *metadata = cJSON_AddObjectToObject(body, "metadata");
  cJSON_AddStringToObject(metadata, "resourceVersion", revision->resource_version);
  *ret_annotations = cJSON_AddObjectToObject(metadata, "annotations");
  return body;
}

static void add_number(cJSON *annotations, const char *name, int64_t value) {
  char text[24];
  (void)snprintf(text, sizeof text, "%lld", (long long)value);
  cJSON_AddStringToObject(annotations, name, text);
}

static void add_time(cJSON *annotations, const char *name, int64_t ms) {
  char text[RFC3339_SIZE];
  format_rfc3339(ms, text);
  cJSON_AddStringToObject(annotations, name, text);
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

static void start(const struct decision *d, int64_t attempt) {
  cJSON *annotations, *body = annotate(d->revision, &annotations);
  add_number(annotations, ANNOTATION_ATTEMPTS, attempt);
  post_job(d, attempt, record(d, body, d->needs, NULL, NULL, NULL) | d->needs);
}

static void record_success(const struct decision *d, const struct pod_facts *pod) {
  cJSON *annotations, *body = annotate(d->revision, &annotations);
  int64_t version = schema_version(pod);
  cJSON_AddStringToObject(annotations, ANNOTATION_MIGRATED, d->identity);
  const struct child *last = last_success(d->o);
  int64_t after_ms = last ? last->revision.migrated_ms + 1000 : 0; /* the last one is told by its time, which has whole seconds */
  add_time(annotations, ANNOTATION_MIGRATED_AT, d->o->now_ms > after_ms ? d->o->now_ms : after_ms);
  add_number(annotations, ANNOTATION_SETTLED, d->revision->revision.attempts);
  if (version >= 0) add_number(annotations, ANNOTATION_SCHEMA_VERSION, version);
  record(d, body, 0, "Normal", "MigrationSucceeded",
         arena_printf(d->plan->arena, "migration of revision %lld succeeded at attempt %lld", (long long)d->revision->revision.number,
                      (long long)d->revision->revision.attempts));
}

static void record_failure(const struct decision *d, const char *message) {
  cJSON *annotations, *body = annotate(d->revision, &annotations);
  cJSON_AddStringToObject(annotations, ANNOTATION_FAILED, d->failure_key);
  add_time(annotations, ANNOTATION_FAILED_AT, d->o->now_ms);
  cJSON_AddStringToObject(annotations, ANNOTATION_FAILED_MESSAGE, message);
  add_number(annotations, ANNOTATION_SETTLED, d->revision->revision.attempts);
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
    start(d, ++m->attempt);
    m->state = MIGRATION_RUNNING;
  } else {
    plan_look_again(d->plan, m->next_attempt_ms - d->o->now_ms);
  }
}

static void follow(const struct decision *d, struct migration *m) {
  char name[64];
  render_migration_name(d->o->stack, d->revision->revision.number, m->attempt, name);
  const struct child *job = observation_find(d->o, RESOURCE_JOB, name);
  m->state = MIGRATION_RUNNING;
  if (!job && !was_seen(d))
    post_job(d, m->attempt, d->needs);
  else if (!job || job->job.state == JOB_FAILED)
    after_failure(d, job, m);
  else if (job->job.state == JOB_COMPLETE)
    record_success(d, last_words(d->o, job->name));
}

/* The state as it is recorded, before anything is done about it. */
static enum migration_state recorded(const struct decision *d, const struct child *success, struct migration *m) {
  const struct child *revision = d->revision;
  if (success && !strcmp(success->revision.migrated, d->identity)) return MIGRATION_DONE;
  if (!revision || !revision->revision.failed || strcmp(revision->revision.failed, d->failure_key)) return MIGRATION_DUE;
  m->message = revision->revision.failed_message ? revision->revision.failed_message : "";
  return MIGRATION_FAILED;
}

struct migration migration_plan(const struct observation *o, const struct history *history, const struct content *content, bool applied,
                                uint64_t needs, struct plan *plan) {
  const struct stack_migrations *spec = &o->stack->spec.migrations;
  const char *event = history->current ? "upgrade" : "install";
  const struct child *success = last_success(o), *revision = history->target;
  struct decision d = {.o = o, .content = content, .revision = revision, .needs = needs, .plan = plan};
  struct migration m = {.before_rollout = when_has(spec, "pre", event),
                        .schema_version = success ? success->revision.schema_version : -1,
                        .attempt = revision ? revision->revision.attempts : 0,
                        .max_attempts = spec->retry.enabled ? spec->retry.max_attempts : 1};
  if (!spec->enabled) return m;
  migration_identity(content, o->secret->database, d.identity);
  if (!m.before_rollout && !when_has(spec, "post", event)) return memcpy(m.baseline, d.identity, sizeof m.baseline), m;
  failure_key(&d, d.failure_key);
  m.state = recorded(&d, success, &m);
  if (m.state != MIGRATION_DUE || !revision || !plan || !(applied || m.before_rollout)) return m;
  m.state = MIGRATION_RUNNING;
  if (revision->revision.attempts == revision->revision.settled)
    start(&d, ++m.attempt);
  else
    follow(&d, &m);
  return m;
}

void migration_annotate_baseline(const struct migration *migration, const char *now, cJSON *annotations) {
  if (migration->state != MIGRATION_OFF || !*migration->baseline) return;
  cJSON_AddStringToObject(annotations, ANNOTATION_MIGRATED, migration->baseline);
  cJSON_AddStringToObject(annotations, ANNOTATION_MIGRATED_AT, now);
}
