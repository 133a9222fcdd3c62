#include "stack/status.h"

#include "base/clock.h"
#include "release/history_told.h"
#include "stack/conditions.h"
#include "stack/monitored.h"

#include <stdio.h>
#include <string.h>

static void add_time(cJSON *object, const char *key, int64_t ms) {
  char text[RFC3339_SIZE];
  if (!ms) return;
  format_rfc3339(ms, text);
  cJSON_AddStringToObject(object, key, text);
}

static void add_revision(cJSON *to, const char *key, const struct child *revision) {
  if (revision) cJSON_AddNumberToObject(to, key, (double)revision->revision.number);
}

static const char *truth(bool value) { return value ? "True" : "False"; }

static void add_available(struct conditions *c, const struct judgement *j) {
  const struct deployment_facts *d = j->deployment ? &j->deployment->deployment : NULL;
  char message[1100];
  const char *why = j->diagnosis.message ? j->diagnosis.message : j->autoscaler;
  if (!d) return condition_set(c, "Available", "False", "NoDeployment", "no pods have been asked for yet");
  bool available = d->available > 0 || d->replicas == 0;
  (void)snprintf(message, sizeof message, "%lld of %lld pods are available%s%s", (long long)d->available, (long long)d->replicas,
                 why ? "; " : "", why ? why : "");
  const char *reason = available ? "PodsAvailable" : j->diagnosis.reason ? j->diagnosis.reason : "NoPodAvailable";
  condition_set(c, "Available", truth(available), reason, message);
}

static const struct {
  const char *state, *condition, *reason, *message; /* of the status; of MigrationsComplete */
} series_rows[] = {
    [SERIES_OFF] = {NULL, "True", "NotNeeded", "no migration is asked for at this stage"},
    [SERIES_DONE] = {"Succeeded", "True", "Succeeded", "the database was migrated for this image"},
    [SERIES_DUE] = {"Due", "False", "Due", "the migration runs once what comes before it is done"},
    [SERIES_STARTING] = {"Due", "False", "Starting", "its Job is being made"},
    [SERIES_RUNNING] = {"Running", "False", "Running", "a migration is at work"},
    [SERIES_WAITING] = {"Waiting", "False", "Retrying", NULL},
    [SERIES_FAILED] = {"Failed", "False", "Failed", NULL},
};

static void add_migrations_complete(struct conditions *c, const struct judgement *j) {
  const struct series_report *m = &j->hooks.migration;
  const char *message = series_rows[m->state].message ? series_rows[m->state].message : m->message ? m->message : "";
  condition_set(c, "MigrationsComplete", series_rows[m->state].condition, series_rows[m->state].reason, message);
}

/* A suspended stack stays as ready as it was. */
static void add_ready(struct conditions *c, const struct standing *s) {
  const cJSON *before = condition_find(c->before, "Ready");
  bool suspended = !strcmp(s->phase, "Suspended");
  if (suspended && before)
    condition_set(c, "Ready", json_string(before, "status", "False"), json_string(before, "reason", s->reason),
                  json_string(before, "message", s->message));
  else
    condition_set(c, "Ready", truth(s->ready), s->reason, s->message);
  if (suspended) condition_set(c, "Suspended", "True", s->reason, s->message);
}

static void keep_condition(struct conditions *c, const char *type) {
  const cJSON *before = condition_find(c->before, type);
  if (before) cJSON_AddItemToArray(c->list, cJSON_Duplicate(before, true));
}

/* What is not judged anew stays as it was. */
static void keep_conditions(struct conditions *c) {
  static const char *const kept[] = {"SecretsReady", "KeysReady", "MigrationsComplete", "ChangeAllowed", "Monitored"};
  for (size_t i = 0; i < ELEMENTS(kept); i++) keep_condition(c, kept[i]);
}

static void add_change_allowed(struct conditions *c, const struct change *change) {
  if (change->reason)
    condition_set(c, "ChangeAllowed", truth(change->allowed), change->reason, change->message);
  else
    keep_condition(c, "ChangeAllowed");
}

static void keep_facts(cJSON *status, const cJSON *before) {
  static const char *const kept[] = {"revision", "failed", "history", "migration", "keys", "nextDisruption"};
  for (size_t i = 0; i < ELEMENTS(kept); i++) {
    const cJSON *fact = json_member(before, kept[i]);
    if (fact) cJSON_AddItemToObject(status, kept[i], cJSON_Duplicate(fact, true));
  }
}

static cJSON *conditions_of(const struct observation *o, const struct judgement *j) {
  struct conditions c = {.before = json_get(o->stack->status, "conditions"),
                         .now_ms = o->now_ms,
                         .generation = o->stack->generation,
                         .list = cJSON_CreateArray()};
  const struct standing *s = &j->standing;
  add_ready(&c, s);
  if (s->reconciling) condition_set(&c, "Reconciling", "True", s->reason, s->message);
  if (s->stalled) condition_set(&c, "Stalled", "True", s->reason, s->message);
  add_available(&c, j);
  if (!j->complete) return keep_conditions(&c), c.list;
  condition_set(&c, "SecretsReady", truth(j->secrets.ok), j->secrets.reason, j->secrets.message);
  condition_set(&c, "KeysReady", truth(j->keys.ok), j->keys.reason, j->rotation.words ? j->rotation.words : j->keys.message);
  add_migrations_complete(&c, j);
  add_change_allowed(&c, &j->change);
  monitored_set_condition(o, &c);
  return c.list;
}

static void add_migration(cJSON *status, const struct judgement *j) {
  const struct series_report *r = &j->hooks.current;
  if (!series_rows[r->state].state) return;
  cJSON *to = cJSON_AddObjectToObject(status, "migration");
  add_revision(to, "revision", j->jobs_of ? j->jobs_of : j->history.target);
  cJSON_AddStringToObject(to, "kind", r->name);
  cJSON_AddNumberToObject(to, "attempt", (double)r->attempt);
  cJSON_AddStringToObject(to, "state", series_rows[r->state].state);
  add_time(to, "nextAttemptAt", r->state == SERIES_WAITING ? r->next_attempt_ms : 0);
  if (j->hooks.schema_version >= 0) cJSON_AddNumberToObject(to, "schemaVersion", (double)j->hooks.schema_version);
  if (r->message) cJSON_AddStringToObject(to, "message", r->message);
}

static void add_failed(cJSON *status, const struct judgement *j) {
  if (!j->failure.reason) return;
  cJSON *to = cJSON_AddObjectToObject(status, "failed");
  cJSON_AddStringToObject(to, "specHash", child_release_hash(j->failed));
  add_revision(to, "revision", j->failed);
  cJSON_AddStringToObject(to, "reason", j->failure.reason);
  add_time(to, "at", j->failure.at_ms);
}

/* The newest first; as many as the status has room for. While the Secret can't be read the pods go on with what it held, and so does the status. */
static void add_keys(cJSON *status, const struct observation *o, const struct jwks_keys *keys) {
  const struct jwks_key *signing = jwks_signing(keys);
  const cJSON *before = json_get(o->stack->status, "keys");
  if (!signing && o->keys->problem && before) cJSON_AddItemToObject(status, "keys", cJSON_Duplicate(before, true));
  if (!signing) return;
  cJSON *to = cJSON_AddObjectToObject(status, "keys");
  cJSON_AddStringToObject(to, "signing", signing->kid);
  cJSON *items = cJSON_AddArrayToObject(to, "items");
  for (size_t i = keys->count; i-- > 0 && cJSON_GetArraySize(items) < JWKS_KEYS_MOST;) {
    const struct jwks_key *key = &keys->keys[i];
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "kid", key->kid);
    cJSON_AddStringToObject(item, "state", jwks_state_names[key->state]);
    add_time(item, "since", key->since_ms);
    add_time(item, "until", key->until_ms);
    cJSON_AddItemToArray(items, item);
  }
}

/* What is said in place of a message that tells how far things are. */
static const struct {
  const char *reason, *before, *after; /* the revision stands between them */
} decisions[] = {
    {"Deployed", "", " is deployed and everything is as the spec says"},
    {"RollingOut", "", " is rolled out: its pods take the place of the ones before"},
    {"RolloutStuck", "", " is held: its pods did not become ready"},
    {"Verifying", "", " is watched: its new pods have to show how they serve"},
    {"VerificationFailed", "", " is held: its new pods were judged bad"},
    {"Migrating", "the database is migrated for ", ""},
    {"MigrationRetrying", "the migration for ", " failed and is tried again"},
    {"MigrationFailed", "", " is given up: its migration failed for good"},
    {"Preflight", "", " is looked at before anything is touched: its image checks settings, database and Redis"},
    {"PreflightRetrying", "", " waits: its preflight check failed and is tried again"},
    {"PreflightFailed", "", " is given up before anything was touched: its preflight check failed"},
    {"Seeding", "the database is seeded for ", ""},
    {"SeedRetrying", "the seeding for ", " failed and is tried again"},
    {"SeedFailed", "", " is given up: its seeding failed for good"},
    {"HookRunning", "a hook runs for ", ""},
    {"HookRetrying", "a hook for ", " failed and is tried again"},
    {"HookFailed", "", " is given up: one of its hooks failed for good"},
    {"WriteFailed", "", " waits: a write failed and is tried again"},
};

static void summarize(const struct judgement *j, char *to, size_t size) {
  char revision[40] = "the new revision";
  if (j->history.target) (void)snprintf(revision, sizeof revision, "revision %lld", (long long)j->history.target->revision.number);
  if (j->diagnosis.reason && !strcmp(j->diagnosis.reason, j->standing.reason)) {
    (void)snprintf(to, size, "%s waits for its pods: %s", revision, j->diagnosis.message);
    return;
  }
  bool put_back = j->failure.reason && j->failed != j->history.target; /* its words are of another revision */
  for (size_t i = 0; i < ELEMENTS(decisions) && !put_back; i++) {
    if (strcmp(decisions[i].reason, j->standing.reason)) continue;
    (void)snprintf(to, size, "%s%s%s", decisions[i].before, revision, decisions[i].after);
    return;
  }
  (void)snprintf(to, size, "%s", j->standing.message);
}

/* The time moves only with the words. */
static void add_last_decision(cJSON *status, const struct observation *o, const struct judgement *j) {
  const cJSON *before = json_get(o->stack->status, "lastDecision");
  char summary[2048];
  summarize(j, summary, sizeof summary);
  bool same = !strcmp(json_string(before, "summary", ""), summary);
  cJSON *to = cJSON_AddObjectToObject(status, "lastDecision");
  if (same)
    cJSON_AddStringToObject(to, "at", json_string(before, "at", ""));
  else
    add_time(to, "at", o->now_ms);
  cJSON_AddStringToObject(to, "summary", summary);
}

static void add_scale(cJSON *status, const struct observation *o, const struct child *deployment) {
  char selector[128];
  (void)snprintf(selector, sizeof selector, "app=%s,app.kubernetes.io/component=server", o->stack->name);
  cJSON_AddNumberToObject(status, "replicas", deployment ? (double)deployment->deployment.current : 0);
  cJSON_AddNumberToObject(status, "readyReplicas", deployment ? (double)deployment->deployment.ready : 0);
  cJSON_AddStringToObject(status, "selector", selector);
}

/* As it was, where it was not judged this time. */
static void add_next_disruption(cJSON *status, const cJSON *before, const struct change *change) {
  const cJSON *last = json_get(before, "nextDisruption");
  cJSON *next = change->reason ? change_next_disruption(change) : last ? cJSON_Duplicate(last, true) : NULL;
  if (next) cJSON_AddItemToObject(status, "nextDisruption", next);
}

cJSON *status_build(const struct observation *o, const struct judgement *j) {
  cJSON *status = cJSON_CreateObject();
  cJSON_AddNumberToObject(status, "observedGeneration", (double)o->stack->generation);
  cJSON_AddStringToObject(status, "phase", j->standing.phase);
  cJSON_AddItemToObject(status, "conditions", conditions_of(o, j));
  add_scale(status, o, j->deployment);
  add_last_decision(status, o, j);
  if (!j->complete) return keep_facts(status, o->stack->status), status;
  cJSON *revision = cJSON_AddObjectToObject(status, "revision");
  add_revision(revision, "current", j->history.current);
  add_revision(revision, "target", j->history.target);
  add_revision(revision, "previous", j->history.previous);
  add_revision(revision, "pinned", j->pinned);
  add_failed(status, j);
  cJSON_AddItemToObject(status, "history", history_tell(o, &j->history, j->secrets.ok));
  add_migration(status, j);
  add_keys(status, o, &j->rotation.keys);
  add_next_disruption(status, o->stack->status, &j->change);
  return status;
}
