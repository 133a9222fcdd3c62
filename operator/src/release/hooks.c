#include "release/hooks.h"

#include "crypto/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERIES_MAX = 3 + STACK_MAX_HOOKS };

static const struct stack_job preflight_settings = {
    .enabled = true,
    .active_deadline_s = 300,
    .retry = {.enabled = true, .initial_s = 2, .max_s = 60, .max_attempts = 6},
};

/* A release's series, and what they were made from. */
struct schedule {
  const struct observation *o;
  const struct history *history;
  const struct content *content;
  const char *event; /* install, upgrade */
  struct job_series list[SERIES_MAX];
  size_t count;
  cJSON *commands; /* the images' own */
};

void migration_identity(const struct content *content, const char *database, char to[32]) {
  char hash[CONTENT_HASH_SIZE] = "";
  cJSON *parts = cJSON_CreateArray();
  cJSON_AddItemToArray(parts, cJSON_CreateString(content->image));
  if (content->spec.migrations.command) cJSON_AddItemToArray(parts, cJSON_Duplicate(content->spec.migrations.command, true));
  if (content_hash(parts, hash) < 0) *hash = 0;
  (void)snprintf(to, 32, "%s@%s", hash, database);
  cJSON_Delete(parts);
}

static bool is_of_database(const char *identity, const char *database) {
  const char *at = identity ? strchr(identity, '@') : NULL;
  return at && !strcmp(at + 1, database);
}

/* ---- which there are ---- */

static bool when_has(const struct stack_job *job, const struct series_kind *kind, const char *stage, const char *event) {
  char wanted[24];
  (void)snprintf(wanted, sizeof wanted, "%s-%s", stage, event);
  if (!job->when) return !strcmp(stage, "post") && (kind != &series_seed || !strcmp(event, "install"));
  const cJSON *item;
  cJSON_ArrayForEach(item, job->when) {
    if (cJSON_IsString(item) && !strcmp(item->valuestring, wanted)) return true;
  }
  return false;
}

/* COMMAND: the release's; FALLBACK: the text of the image's own. */
static struct job_series *add(struct schedule *s, const struct series_kind *kind, const char *name, const struct stack_job *settings,
                              const cJSON *command, const char *fallback) {
  struct job_series *series = &s->list[s->count++];
  *series = (struct job_series){.kind = kind, .name = name, .command = command, .settings = *settings};
  if (!command && fallback) {
    cJSON *own = cJSON_Parse(fallback);
    if (cJSON_AddItemToArray(s->commands, own))
      series->command = own;
    else
      cJSON_Delete(own);
  }
  (void)snprintf(series->identity, sizeof series->identity, "%s", s->content->hash);
  return series;
}

/* Adds what has its turn before (or after) the Deployment is changed; NULL where it has not. */
static struct job_series *add_if(struct schedule *s, const struct series_kind *kind, const char *name, const struct stack_job *settings,
                                 const cJSON *command, const char *fallback) {
  bool pre = when_has(settings, kind, "pre", s->event), post = when_has(settings, kind, "post", s->event);
  if (!settings->enabled || !(pre || post)) return NULL;
  struct job_series *series = add(s, kind, name, settings, command, fallback);
  series->before_rollout = pre;
  return series;
}

static void add_migration(struct schedule *s, const char *identity) {
  const struct stack_job *settings = &s->o->stack->spec.migrations;
  const cJSON *command = s->content->spec.migrations.command;
  const struct job_memory own = job_memory_of(s->history->target, "migrate"), last = job_memory_of(s->history->migrated, "migrate");
  struct job_series *series = add_if(s, &series_migrate, "migrate", settings, command, stack_default_migration_command);
  bool asked = own.asked > own.settled;
  if (!series && asked) series = add(s, &series_migrate, "migrate", settings, command, stack_default_migration_command);
  if (!series) return;
  (void)snprintf(series->identity, sizeof series->identity, "%s", identity);
  series->done = last.done && !strcmp(last.done, identity);
  series->after_ms = last.done_ms;
}

static void add_seeds(struct schedule *s) {
  const struct stack_spec *spec = &s->o->stack->spec;
  struct job_series *series = add_if(s, &series_seed, "seed", &spec->seeds, s->content->spec.seeds.command, stack_default_seed_command);
  if (!series || strcmp(s->event, "install") != 0) return;
  (void)snprintf(series->identity, sizeof series->identity, "install@%s", s->o->secret->database);
  series->done = history_has_done(s->o, "seed", series->identity);
}

static void add_hooks(struct schedule *s) {
  struct stack_job hook, released;
  for (int place = 0; place < STACK_MAX_HOOKS && stack_hook_at(&s->o->stack->spec, place, &hook); place++)
    if (stack_hook_find(&s->content->spec, hook.name, &released)) (void)add_if(s, &series_hook, hook.name, &hook, released.command, NULL);
}

static int rank(const struct job_series *series) { return series->kind == &series_migrate ? 0 : series->kind == &series_seed ? 1 : 2; }

/* Preflight, then what the pods wait for, then the rest; of these by weight, then migration, seeds, hooks by name. */
static int in_order(const void *left, const void *right) {
  const struct job_series *a = left, *b = right;
  bool a_first = a->kind == &series_preflight, b_first = b->kind == &series_preflight;
  if (a_first != b_first) return a_first ? -1 : 1;
  if (a->before_rollout != b->before_rollout) return a->before_rollout ? -1 : 1;
  if (a->settings.weight != b->settings.weight) return a->settings.weight < b->settings.weight ? -1 : 1;
  return rank(a) != rank(b) ? rank(a) - rank(b) : strcmp(a->name, b->name);
}

static void fill(struct schedule *s, const char *identity) {
  static const char check[] = "[\"supernova-server\",\"check\"]";
  const struct child *target = s->history->target;
  bool deployed = target && target->revision.deployed_ms;
  if (history_goes_back(s->history)) return;
  add_migration(s, identity);
  if (deployed) return;
  if (content_is_companion(s->content, s->o->companion_image)) /* others know no `check` */
    add(s, &series_preflight, "preflight", &preflight_settings, NULL, check)->before_rollout = true;
  add_seeds(s);
  add_hooks(s);
  qsort(s->list, s->count, sizeof *s->list, in_order);
}

/* ---- what they come to ---- */

/* The facts of the last success where that is this migration too; else, where the release leaves it out, a success without facts. */
static void remember_deployed(const struct schedule *s, struct hooks *hooks) {
  const struct child *target = s->history->target;
  const struct job_memory own = job_memory_of(target, "migrate"), last = job_memory_of(s->history->migrated, "migrate");
  bool back = history_goes_back(s->history);
  if (!s->o->stack->spec.migrations.enabled || (own.done && !strcmp(own.done, hooks->identity))) return;
  if (last.done && !strcmp(last.done, hooks->identity)) {
    hooks->deployed = last;
  } else if (hooks->migration.state == SERIES_OFF && (!back || is_of_database(last.done, s->o->secret->database))) {
    int64_t after_ms = last.done_ms ? last.done_ms + 1000 : 0;
    hooks->deployed = job_memory_of(NULL, "migrate");
    hooks->deployed.done = hooks->identity;
    hooks->deployed.done_ms = s->o->now_ms > after_ms ? s->o->now_ms : after_ms;
  }
}

/* One after the other: only the first that is not done may act, and only when its stage has come. */
static void run(const struct schedule *s, bool applied, uint64_t needs, struct plan *plan, struct hooks *hooks) {
  for (size_t i = 0; i < s->count; i++) {
    const struct job_series *series = &s->list[i];
    bool acts = hooks->settled && (applied || series->before_rollout);
    const struct series_context context = {s->o, s->content, s->history->target, needs, acts ? plan : NULL};
    struct series_report report = job_series_plan(&context, series);
    if (series->kind == &series_migrate) hooks->migration = report;
    if (report.state == SERIES_DONE || !hooks->settled) continue;
    hooks->settled = false;
    hooks->pods_wait = series->before_rollout;
    hooks->current = report;
  }
  if (hooks->settled) hooks->current = hooks->migration;
}

void hooks_plan(const struct observation *o, const struct history *history, const struct content *content, bool applied, uint64_t needs,
                struct plan *plan, struct hooks *ret) {
  struct schedule s = {
      .o = o, .history = history, .content = content, .event = history->current ? "upgrade" : "install", .commands = cJSON_CreateArray()};
  *ret = (struct hooks){.settled = true, .migration = {.kind = &series_migrate, .name = "migrate"}};
  ret->done_ms = job_memory_of(history->target, "migrate").done_ms;
  ret->schema_version = job_memory_of(history->schema, "migrate").schema_version;
  migration_identity(content, o->secret->database, ret->identity);
  fill(&s, ret->identity);
  run(&s, applied, needs, plan, ret);
  remember_deployed(&s, ret);
  cJSON_Delete(s.commands);
}

void hooks_annotate_deployed(const struct hooks *hooks, const struct child *revision, cJSON *annotations) {
  if (!hooks->deployed.done) return;
  const struct job_memory own = job_memory_of(revision, "migrate");
  struct job_memory memory = hooks->deployed;
  memory.attempt = own.attempt;
  memory.settled = own.settled;
  memory.asked = own.asked;
  memory.purpose = own.purpose;
  memory.purpose_key = own.purpose_key;
  memory.failed = own.failed;
  memory.failed_ms = own.failed_ms;
  memory.ran = own.ran;
  memory.message = own.message;
  job_memory_write(&memory, "migrate", annotations);
}

bool hooks_hold_pods_up(const struct hooks *hooks, int64_t now_ms) {
  const struct series_report *r = &hooks->current;
  bool waits = r->state == SERIES_STARTING || r->state == SERIES_WAITING || r->state == SERIES_DUE, works = r->state == SERIES_RUNNING;
  if (!hooks->settled) return waits || (works && !r->message);
  return hooks->done_ms && now_ms - hooks->done_ms < HOOKS_PATIENCE_MS;
}

struct standing hooks_standing(const struct hooks *hooks, struct arena *arena) {
  return series_standing(&hooks->current, arena);
}
