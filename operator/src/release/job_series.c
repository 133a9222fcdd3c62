#include "release/job_series.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "release/annotations.h"
#include "release/failure.h"
#include "release/job_words.h"
#include "render/render.h"

#include <stdio.h>
#include <string.h>

const struct series_kind series_preflight = {"hook",
                                             "preflight check",
                                             "Pending",
                                             "Preflight",
                                             "PreflightRetrying",
                                             "PreflightFailed",
                                             "PreflightStarted",
                                             "PreflightSucceeded",
                                             NULL,
                                             "image, settings or Secret change"};
const struct series_kind series_migrate = {
    "migrate",         "migration",        "Migrating",          "Migrating",  "MigrationRetrying",
    "MigrationFailed", "MigrationStarted", "MigrationSucceeded", "migrations", "image, command, Secret or migrations block changes"};
const struct series_kind series_seed = {
    "seed",       "seeding",     "Migrating",     "Seeding", "SeedRetrying",
    "SeedFailed", "SeedStarted", "SeedSucceeded", "seeds",   "image, settings, Secret or seeds block change"};
const struct series_kind series_hook = {
    "hook",       "hook",        "Migrating",     "HookRunning", "HookRetrying",
    "HookFailed", "HookStarted", "HookSucceeded", "hooks",       "image, settings, Secret or its block change"};

/* The parts of one decision that stay the same while it is made. */
struct decision {
  const struct series_context *c;
  const struct job_series *series;
  const struct child *revision;
  struct job_memory memory;
  char failure_key[16];
  struct series_report report;
};

static const char *noun(const struct series_kind *kind, const char *name, struct arena *arena) {
  return kind == &series_hook ? arena_printf(arena, "hook %s", name) : kind->noun;
}

static void job_name(const struct decision *d, int64_t attempt, char to[64]) {
  render_job_name(d->c->o->stack, d->series->name, d->revision->revision.number, attempt, to);
}

/* ---- writes ---- */

/* FAILURE: of the release, or NULL. */
static uint64_t record(const struct decision *d, const struct job_memory *memory, const struct release_failure *failure, uint64_t needs,
                       struct plan_event event) {
  cJSON *annotations, *body = annotations_patch(d->revision->resource_version, &annotations);
  job_memory_write(memory, d->series->name, annotations);
  if (failure) failure_annotate(failure, memory->failed, d->c->o->now_ms, annotations);
  return plan_add(
      d->c->plan,
      (struct action){
          .type = ACTION_MERGE, .resource = RESOURCE_REVISION, .name = d->revision->name, .body = body, .needs = needs, .event = event});
}

/* The Job of an attempt whose number is recorded (or is about to be, by the actions in NEEDS). */
static void post_job(const struct decision *d, int64_t attempt, uint64_t needs) {
  const struct content *content = d->c->content;
  const struct render_input in = {.stack = d->c->o->stack,
                                  .release = &content->spec,
                                  .image = content->image,
                                  .content_hash = content->hash,
                                  .env_hash = content->env_hash,
                                  .env = content->env,
                                  .secret_hash = d->c->o->secret->hash};
  const struct series_kind *kind = d->series->kind;
  const struct render_job job = {d->series->name, kind->component, d->series->command, &d->series->settings, kind == &series_preflight};
  struct arena *arena = d->c->plan->arena;
  char name[64];
  job_name(d, attempt, name);
  plan_add(d->c->plan,
           (struct action){.type = ACTION_CREATE,
                           .resource = RESOURCE_JOB,
                           .name = arena_strdup(arena, name),
                           .body = render_job(&in, &job, d->revision->revision.number, attempt),
                           .needs = needs,
                           .event = {"Normal", kind->started,
                                     arena_printf(arena, "Job %s runs the %s of revision %lld", name, noun(kind, d->series->name, arena),
                                                  (long long)d->revision->revision.number)}});
}

/* PASSED: whether the number before was nobody's attempt. A Job of ours that works under the new number without a record is waited for. */
static void start(struct decision *d, bool passed) {
  struct job_memory next = d->memory;
  char name[64];
  if (next.attempt == next.settled) next.ran = false;
  next.attempt++;
  next.settled += passed;
  for (const struct child *job; job_name(d, next.attempt, name), job = observation_find(d->c->o, RESOURCE_JOB, name);) {
    d->report.state = SERIES_RUNNING;
    if (observation_owns(d->c->o, job) && job->job.state == JOB_RUNNING) return;
    next.attempt++;
    next.settled++;
  }
  if (next.asked > d->memory.settled) next.asked = next.attempt;
  next.purpose = d->series->identity;
  next.purpose_key = d->failure_key;
  d->report.state = SERIES_STARTING;
  d->report.attempt = next.attempt;
  post_job(d, next.attempt, record(d, &next, NULL, d->c->needs, (struct plan_event){0}) | d->c->needs);
}

/* Times have whole seconds: two successes within one are told apart by force. */
static int64_t later_than(int64_t now_ms, int64_t after_ms) { return now_ms > after_ms + 1000 || !after_ms ? now_ms : after_ms + 1000; }

static void record_success(const struct decision *d, const struct pod_facts *pod) {
  struct arena *arena = d->c->plan->arena;
  struct job_memory done = d->memory;
  const char *note = arena_printf(arena, "%s of revision %lld succeeded at attempt %lld", noun(d->series->kind, d->series->name, arena),
                                  (long long)d->revision->revision.number, (long long)d->memory.attempt);
  done.settled = done.attempt;
  done.done = done.purpose ? done.purpose : d->series->identity;
  done.done_ms = later_than(d->c->o->now_ms, d->series->after_ms);
  done.failed = done.message = NULL;
  done.failed_ms = 0;
  done.ran = false;
  done.schema_version = done.serves_from = done.accepts_min = done.accepts_max = -1;
  job_learn(pod, done.done_ms, &done);
  record(d, &done, NULL, 0, (struct plan_event){"Normal", d->series->kind->succeeded, note});
}

/* With it has failed what it belongs to: the release, unless that was Deployed before. */
static void record_failure(const struct decision *d, const struct pod_facts *pod, const char *message) {
  struct arena *arena = d->c->plan->arena;
  struct job_memory failed = d->memory;
  const char *what = noun(d->series->kind, d->series->name, arena);
  const char *note = arena_printf(arena, "%s of revision %lld failed for good: %s", what, (long long)d->revision->revision.number, message);
  const struct release_failure failure = {
      .reason = d->series->kind->lost, .message = arena_printf(arena, "the %s failed for good: %s", what, message), .by_secret = true};
  failed.settled = failed.attempt;
  failed.failed = failed.purpose_key ? failed.purpose_key : d->failure_key;
  failed.failed_ms = d->c->o->now_ms;
  failed.message = message;
  job_learn(pod, failed.failed_ms, &failed);
  record(d, &failed, d->revision->revision.deployed_ms ? NULL : &failure, 0, (struct plan_event){"Warning", d->series->kind->lost, note});
}

void job_series_ask(const struct child *revision, const char *series, cJSON *annotations) {
  struct job_memory memory = job_memory_of(revision, series);
  memory.asked = memory.attempt + 1;
  job_memory_write(&memory, series, annotations);
}

bool job_series_forget_failures(const struct child *revision, cJSON *annotations) {
  bool forgotten = false;
  const cJSON *series;
  cJSON_ArrayForEach(series, revision->revision.jobs) {
    struct job_memory memory = job_memory_of(revision, series->string);
    if (!memory.failed) continue;
    memory.failed = memory.message = NULL;
    memory.failed_ms = 0;
    job_memory_write(&memory, series->string, annotations);
    forgotten = true;
  }
  return forgotten;
}

/* ---- decisions ---- */

/* Status says Running only once the Job was seen: then a Job that is not there has vanished, and was not merely never made. */
static bool was_seen(const struct decision *d) {
  const cJSON *before = json_get(d->c->o->stack->status, "migration");
  return json_int(before, "revision", -1) == d->revision->revision.number && json_int(before, "attempt", -1) == d->memory.attempt &&
         !strcmp(json_string(before, "kind", ""), d->series->name) && !strcmp(json_string(before, "state", ""), "Running");
}

static bool is_final(const struct decision *d, const struct child *job, const struct pod_facts *pod) {
  bool never = (pod && pod->terminated && pod->exit_code == JOB_EXIT_NEVER) ||
               (job && job->job.reason && !strcmp(job->job.reason, "PodFailurePolicy"));
  return never || d->memory.attempt - d->memory.settled >= d->report.max_attempts;
}

static void after_failure(struct decision *d, const struct child *job) {
  const struct stack_job *s = &d->series->settings;
  const struct pod_facts *pod = job ? job_last_pod(d->c->o, job->name) : NULL;
  bool asked = d->memory.asked > d->memory.attempt;
  d->memory.ran |= !job || !job_did_nothing(d->c->o, job->name);
  d->report.message = job_explain(job, pod, s, d->series->kind->block, d->c->plan->arena);
  if (!asked && is_final(d, job, pod)) {
    record_failure(d, pod, d->report.message);
    d->report.state = SERIES_FAILED;
    return;
  }
  int64_t failed_at = job && job->job.finished_ms ? job->job.finished_ms : d->c->o->now_ms;
  unsigned in_round = (unsigned)(d->memory.attempt - d->memory.settled);
  d->report.state = SERIES_WAITING;
  d->report.next_attempt_ms = failed_at + backoff_delay(s->retry.initial_s * 1000, s->retry.max_s * 1000, in_round);
  if (job && job->job.pods_left) return; /* its last pod's end is an event of its own */
  if (!job || asked || d->c->o->now_ms >= d->report.next_attempt_ms)
    start(d, false);
  else
    plan_look_again(d->c->plan, d->report.next_attempt_ms - d->c->o->now_ms);
}

static void follow(struct decision *d) {
  char name[64];
  job_name(d, d->memory.attempt, name);
  const struct child *job = observation_find(d->c->o, RESOURCE_JOB, name);
  d->report.state = job ? SERIES_RUNNING : SERIES_STARTING;
  if (job && !observation_owns(d->c->o, job))
    start(d, true);
  else if (!job && !was_seen(d))
    post_job(d, d->memory.attempt, d->c->needs);
  else if (!job || job->job.state == JOB_FAILED)
    after_failure(d, job);
  else if (job->job.state == JOB_COMPLETE)
    record_success(d, job_last_pod(d->c->o, job->name));
  else
    d->report.message = job_hindrance(job_last_pod(d->c->o, job->name), d->c->plan->arena);
}

static bool is(const char *remembered, const char *now) { return remembered && !strcmp(remembered, now); }

/* The state as it is recorded, before anything is done about it. */
static enum series_state recorded(struct decision *d) {
  if (d->memory.asked > d->memory.settled) return SERIES_DUE;
  if (d->series->done || is(d->memory.done, d->series->identity)) return SERIES_DONE;
  if (!is(d->memory.failed, d->failure_key)) return SERIES_DUE;
  d->report.message = d->memory.message ? d->memory.message : "";
  return SERIES_FAILED;
}

struct series_report job_series_plan(const struct series_context *context, const struct job_series *series) {
  const struct stack_job *settings = &series->settings;
  struct decision d = {
      .c = context, .series = series, .revision = context->revision, .memory = job_memory_of(context->revision, series->name)};
  d.report = (struct series_report){.kind = series->kind,
                                    .name = series->name,
                                    .before_rollout = series->before_rollout,
                                    .attempt = d.memory.attempt,
                                    .max_attempts = settings->retry.enabled ? settings->retry.max_attempts : 1};
  failure_key(context->o, context->content, true, d.failure_key);
  d.report.state = recorded(&d);
  if (d.report.state != SERIES_DUE || !context->revision || !context->plan) return d.report;
  if (d.memory.attempt > d.memory.settled)
    follow(&d);
  else
    start(&d, false);
  return d.report;
}

static const char *words_at_work(const struct series_report *r, const char *what, struct arena *arena) {
  long long attempt = (long long)r->attempt, of = (long long)r->max_attempts;
  char at[RFC3339_SIZE];
  format_rfc3339(r->next_attempt_ms, at);
  if (r->state == SERIES_DUE) return arena_printf(arena, "the %s is next", what);
  if (r->state == SERIES_WAITING)
    return arena_printf(arena, "%s attempt %lld of %lld failed, the next is at %s: %s", what, attempt, of, at, r->message);
  return arena_printf(arena, "%s attempt %lld of %lld is at work%s%s", what, attempt, of, r->message ? "; " : "",
                      r->message ? r->message : "");
}

struct standing series_standing(const struct series_report *r, struct arena *arena) {
  const struct series_kind *kind = r->kind;
  const char *what = noun(kind, r->name, arena);
  if (r->state == SERIES_FAILED)
    return (struct standing){
        .phase = "Failed",
        .stalled = true,
        .reason = kind->lost,
        .message = arena_printf(arena, "the %s failed for good: %s; it is tried again when the %s", what, r->message, kind->remedies)};
  return (struct standing){.phase = kind->phase,
                           .reconciling = true,
                           .reason = r->state == SERIES_WAITING ? kind->retrying : kind->working,
                           .message = words_at_work(r, what, arena)};
}
