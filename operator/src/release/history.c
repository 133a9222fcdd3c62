#include "release/history.h"

#include "release/job_memory.h"
#include "render/render.h"

#include <stdio.h>
#include <string.h>

static void consider_deployed(struct history *history, const struct child *revision) {
  int64_t at = revision->revision.deployed_ms;
  if (!at) return;
  if (!history->current || at > history->current->revision.deployed_ms) {
    history->previous = history->current;
    history->current = revision;
  } else if (!history->previous || at > history->previous->revision.deployed_ms) {
    history->previous = revision;
  }
}

/* Of two with the same success the one that took it over counts: the other may go. */
static bool is_newer(const struct child *revision, const struct job_memory *memory, const struct child *last) {
  int64_t before_ms = job_memory_of(last, "migrate").done_ms;
  return !last || memory->done_ms > before_ms || (memory->done_ms == before_ms && revision->revision.number > last->revision.number);
}

static void consider_migrated(struct history *history, const struct child *revision) {
  const struct job_memory memory = job_memory_of(revision, "migrate");
  if (!memory.done) return;
  if (is_newer(revision, &memory, history->migrated)) history->migrated = revision;
  if (memory.schema_version >= 0 && is_newer(revision, &memory, history->schema)) history->schema = revision;
}

bool history_has_done(const struct observation *o, const char *series, const char *identity) {
  const struct child_list *revisions = &o->children[RESOURCE_REVISION];
  for (size_t i = 0; i < revisions->count; i++) {
    const struct job_memory memory = job_memory_of(revisions->items[i], series);
    if (observation_owns(o, revisions->items[i]) && memory.done && !strcmp(memory.done, identity)) return true;
  }
  return false;
}

bool history_goes_back(const struct history *history) {
  const struct child *target = history->target;
  return target != history->current && (history->back || (target && target->revision.deployed_ms));
}

struct history history_read(const struct observation *o, const struct content *target) {
  const struct child_list *revisions = &o->children[RESOURCE_REVISION];
  struct history history = {.next_number = 1};
  char name[80];
  (void)snprintf(name, sizeof name, "%s-%s", o->stack->name, target->hash);
  for (size_t i = 0; i < revisions->count; i++) {
    const struct child *revision = revisions->items[i];
    if (!observation_owns(o, revision) || revision->deleting) continue;
    if (revision->revision.number >= history.next_number) history.next_number = revision->revision.number + 1;
    if (!strcmp(revision->name, name)) history.target = history.asked = revision;
    consider_deployed(&history, revision);
    consider_migrated(&history, revision);
  }
  return history;
}

static bool is_needed(const struct history *history, const struct child *revision) {
  const struct child *const named[] = {history->target,   history->asked,    history->current,
                                       history->previous, history->migrated, history->schema};
  for (size_t i = 0; i < ELEMENTS(named); i++)
    if (revision == named[i]) return true;
  return revision->revision.began_ms || revision->revision.pinned;
}

/* How many revisions that were Deployed (or never were) are newer than this one. */
static int64_t newer(const struct child_list *revisions, const struct child *revision, bool deployed) {
  int64_t count = 0;
  for (size_t i = 0; i < revisions->count; i++) {
    const struct revision_facts *r = &revisions->items[i]->revision;
    count += !r->deployed_ms == !deployed && r->number > revision->revision.number;
  }
  return count;
}

static void delete (struct plan *plan, enum resource resource, const struct child *child) {
  plan_add(plan, (struct action){.type = ACTION_DELETE, .resource = resource, .name = child->name, .uid = child->uid});
}

static bool revision_is_kept(const struct observation *o, const struct history *history, const struct child *revision) {
  const struct child_list *all = &o->children[RESOURCE_REVISION];
  int64_t limit = o->stack->spec.revision_history_limit;
  bool never = !revision->revision.deployed_ms;
  return is_needed(history, revision) || (newer(all, revision, true) < limit && (!never || newer(all, revision, false) < limit));
}

static void prune_revisions(const struct observation *o, const struct history *history, struct plan *plan) {
  const struct child_list *revisions = &o->children[RESOURCE_REVISION];
  for (size_t i = 0; i < revisions->count; i++) {
    const struct child *revision = revisions->items[i];
    if (observation_owns(o, revision) && !revision->deleting && !revision_is_kept(o, history, revision))
      delete (plan, RESOURCE_REVISION, revision);
  }
}

static bool job_is_of(const struct stack *stack, const struct child *job, const struct child *revision) {
  return revision && render_job_revision(stack, job->name) == revision->revision.number;
}

static void prune_jobs(const struct observation *o, const struct history *history, struct plan *plan) {
  const struct child_list *jobs = &o->children[RESOURCE_JOB];
  for (size_t i = 0; i < jobs->count; i++) {
    const struct child *job = jobs->items[i];
    bool needed = job_is_of(o->stack, job, history->target) || job_is_of(o->stack, job, history->current) ||
                  job_is_of(o->stack, job, history->previous) || job_is_of(o->stack, job, history->asked);
    if (!needed && !job->deleting && job->job.state != JOB_RUNNING && observation_owns(o, job)) delete (plan, RESOURCE_JOB, job);
  }
}

static bool runs_with(const struct observation *o, const struct child *revision) {
  const char *hash = revision->name + strlen(o->stack->name) + 1;
  const struct child_list *pods = &o->children[RESOURCE_POD];
  for (size_t i = 0; i < pods->count; i++)
    if (pods->items[i]->pod.content_hash && !strcmp(pods->items[i]->pod.content_hash, hash)) return true;
  return false;
}

static bool env_is_needed(const struct observation *o, const struct history *history, const char *hash) {
  const struct child_list *revisions = &o->children[RESOURCE_REVISION];
  for (size_t i = 0; i < revisions->count; i++) {
    const struct child *revision = revisions->items[i];
    const char *env = revision->revision.env_name_hash;
    if (env && !strcmp(env, hash) && (revision_is_kept(o, history, revision) || runs_with(o, revision))) return true;
  }
  return false;
}

static void prune_settings(const struct observation *o, const struct history *history, const struct content *target, struct plan *plan) {
  const struct child_list *maps = &o->children[RESOURCE_CONFIG_MAP];
  char prefix[64];
  int n = snprintf(prefix, sizeof prefix, "%s-env-", o->stack->name);
  for (size_t i = 0; i < maps->count; i++) {
    const struct child *map = maps->items[i];
    if (strncmp(map->name, prefix, (size_t)n) || map->deleting || !observation_owns(o, map)) continue;
    const char *hash = map->name + n;
    if (strcmp(hash, target->env_hash) && !env_is_needed(o, history, hash)) delete (plan, RESOURCE_CONFIG_MAP, map);
  }
}

void history_prune(const struct observation *o, const struct history *history, const struct content *target, struct plan *plan) {
  if (!history->current) return; /* nothing was ever Deployed: nothing is old */
  prune_revisions(o, history, plan);
  prune_jobs(o, history, plan);
  prune_settings(o, history, target, plan);
}
