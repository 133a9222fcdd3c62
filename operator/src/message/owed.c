#include "message/owed.h"

#include "base/clock.h"
#include "change/command.h"
#include "change/commands.h"
#include "crypto/digest.h"
#include "message/outbox.h"
#include "message/words.h"
#include "stack/notification.h"

#include <stdio.h>
#include <string.h>

enum { TOOK_MAX = 3, KEY_SIZE = 64 };

/* One round's telling. */
struct telling {
  const struct observation *o;
  const struct judgement *j;
  struct plan *plan;
  const cJSON *before; /* status.told; NULL: nothing was ever told */
  struct owed owed;
};

static bool is(const char *a, const char *b) { return !strcmp(a, b); }

/* ---- the memory ---- */

static const char *told_event(const struct telling *t) {
  const char *key = json_string(t->before, "release", "");
  const char *space = strchr(key, ' ');
  return space ? arena_strndup(t->plan->arena, key, (size_t)(space - key)) : "";
}

static const char *told_hash(const struct telling *t) {
  const char *space = strchr(json_string(t->before, "release", ""), ' ');
  return space ? space + 1 : "";
}

static void remember(struct telling *t, const char *key, const char *text) {
  cJSON_DeleteItemFromObjectCaseSensitive(t->owed.told, key);
  cJSON_AddStringToObject(t->owed.told, key, text);
}

static void remember_release(struct telling *t, const char *event, const char *hash) {
  char key[KEY_SIZE];
  (void)snprintf(key, sizeof key, "%s %s", event, hash);
  remember(t, "release", key);
}

static void remember_start(struct telling *t) {
  char since[RFC3339_SIZE];
  format_rfc3339(t->o->now_ms, since);
  remember(t, "since", since);
}

/* How long it took, and that it is over. */
static void remember_end(struct telling *t, bool counts) {
  int64_t since_ms;
  if (parse_rfc3339(json_string(t->before, "since", NULL), &since_ms) == 0 && counts) {
    cJSON *took = cJSON_GetObjectItemCaseSensitive(t->owed.told, "tookSeconds");
    if (!took) took = cJSON_AddArrayToObject(t->owed.told, "tookSeconds");
    int64_t took_s = (t->o->now_ms - since_ms) / 1000;
    cJSON *seconds = cJSON_CreateNumber((double)took_s);
    if (seconds && !cJSON_InsertItemInArray(took, 0, seconds)) cJSON_Delete(seconds);
    while (cJSON_GetArraySize(took) > TOOK_MAX) cJSON_DeleteItemFromArray(took, TOOK_MAX);
  }
  cJSON_DeleteItemFromObjectCaseSensitive(t->owed.told, "since");
}

/* ---- messages ---- */

/* The same for as long as the status has not taken it, another one for each telling after that. */
static void set_id(const struct telling *t, cJSON *entry) {
  char hash[CONTENT_HASH_SIZE], id[24];
  cJSON *of = cJSON_CreateObject();
  cJSON_AddStringToObject(of, "uid", t->o->stack->uid);
  cJSON_AddItemToObject(of, "entry", cJSON_Duplicate(entry, true));
  (void)snprintf(id, sizeof id, "msg-%s", of && content_hash(of, hash) == 0 ? hash : "0");
  cJSON_Delete(of);
  cJSON_AddStringToObject(entry, "id", id);
}

static cJSON *entry_for(const struct telling *t, const char *event, const char *receiver, const struct words *words) {
  char at[RFC3339_SIZE];
  cJSON *entry = cJSON_CreateObject();
  format_rfc3339(t->o->now_ms, at);
  cJSON_AddStringToObject(entry, "receiver", receiver);
  cJSON_AddStringToObject(entry, "event", event);
  cJSON_AddStringToObject(entry, "at", at);
  if (words->revision) cJSON_AddNumberToObject(entry, "revision", (double)words->revision);
  cJSON_AddStringToObject(entry, "subject", words->subject);
  cJSON_AddStringToObject(entry, "text", words->text);
  set_id(t, entry);
  return entry;
}

static void owe(struct telling *t, const char *event) {
  struct stack_notification to;
  struct words words = words_for(t->o, t->j, event, t->before, t->plan->arena);
  for (int place = 0; stack_notification_at(&t->o->stack->spec, place, &to); place++) {
    if (!stack_notification_wants(&to, event)) continue;
    if (!t->owed.fresh) t->owed.fresh = cJSON_CreateArray();
    cJSON *entry = entry_for(t, event, to.name, &words);
    if (!cJSON_AddItemToArray(t->owed.fresh, entry)) cJSON_Delete(entry);
  }
}

/* ---- what there is to tell ---- */

static const char *event_at_end(const struct telling *t, const char *hash) {
  if (!t->before || !is(told_hash(t), hash)) return t->before && *told_hash(t) ? "RollbackDeployed" : "ReleaseDeployed";
  const char *last = told_event(t);
  if (is(last, "ReleaseDeployed") || is(last, "RollbackDeployed")) return NULL;
  return is(last, "RollbackStarted") ? "RollbackDeployed" : "ReleaseDeployed";
}

static const char *event_under_way(const struct telling *t, const char *hash) {
  const struct child *target = t->j->history.target;
  if (!target || !target->revision.deployed_ms) return "ReleaseStarted";
  return !t->before || is(told_hash(t), hash) ? NULL : "RollbackStarted";
}

/* Where the release stands, as what would be told of it; NULL: nothing. */
static const char *release_event(const struct telling *t, const char *hash) {
  const struct standing *s = &t->j->standing;
  if (is(s->phase, "Blocked") || is(s->phase, "Pending") || is(s->phase, "Suspended")) return NULL;
  if (s->stalled) return "ReleaseFailed";
  if (!s->ready) return event_under_way(t, hash);
  return t->plan->action_count ? NULL : event_at_end(t, hash);
}

static void tell_release(struct telling *t) {
  const char *hash = words_release_hash(t->j);
  const char *event = hash ? release_event(t, hash) : NULL;
  if (!event || (is(event, told_event(t)) && is(hash, told_hash(t)))) return;
  bool starts = is(event, "ReleaseStarted") || is(event, "RollbackStarted");
  bool silent = !t->before && is(event, "ReleaseDeployed");
  if (!silent) owe(t, event);
  remember_release(t, event, hash);
  if (starts) remember_start(t);
  if (is(event, "ReleaseDeployed") || is(event, "RollbackDeployed")) remember_end(t, is(event, "ReleaseDeployed"));
}

static void tell_planned(struct telling *t) {
  const struct change *change = &t->j->change;
  const char *hash = t->j->asked.hash;
  if (!change->held || !(change->asks & CHANGE_RELEASE) || !hash || is(json_string(t->before, "planned", ""), hash)) return;
  owe(t, "ReleasePlanned");
  remember(t, "planned", hash);
}

static void tell_override(struct telling *t) {
  const char *text = stack_annotation(t->o->stack, ANNOTATION_OVERRIDE);
  char key[CONTENT_HASH_SIZE];
  cJSON *whole = text ? cJSON_CreateString(text) : NULL;
  bool hashed = whole && content_hash(whole, key) == 0;
  cJSON_Delete(whole);
  if (!hashed || is(json_string(t->before, "override", ""), key)) return;
  if (words_override_rules(t->o, t->plan->arena)) owe(t, "ChangeOverridden");
  remember(t, "override", key);
}

struct owed messages_owed(const struct observation *o, const struct judgement *j, struct plan *plan) {
  struct telling t = {.o = o, .j = j, .plan = plan, .before = json_get(o->stack->status, "told")};
  if (!cJSON_GetArraySize(o->stack->spec.notifications)) return t.owed;
  t.owed.told = t.before ? cJSON_Duplicate(t.before, true) : cJSON_CreateObject();
  if (!t.owed.told || !j->complete) return t.owed;
  tell_override(&t);
  tell_planned(&t);
  tell_release(&t);
  return t.owed;
}

bool messages_plan(const struct observation *o, const struct judgement *j, struct plan *plan) {
  struct owed owed = messages_owed(o, j, plan);
  bool fresh = owed.fresh;
  cJSON *outbox = outbox_plan(o, owed.fresh, plan);
  if (owed.told) cJSON_AddItemToObject(plan->status, "told", owed.told);
  if (outbox) cJSON_AddItemToObject(plan->status, "outbox", outbox);
  return fresh;
}
