#include "message/outbox.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "stack/notification.h"

#include <string.h>

/* What one round does to the outbox. */
struct sorting {
  const struct observation *o;
  struct plan *plan;
  cJSON *kept;
};

static int64_t time_at(const cJSON *entry, const char *path, int64_t fallback) {
  int64_t ms;
  return parse_rfc3339(json_string(entry, path, NULL), &ms) < 0 ? fallback : ms;
}

static bool is_of(const cJSON *entry, const struct delivery *delivery) { return !strcmp(json_string(entry, "id", ""), delivery->id); }

bool outbox_knows(const cJSON *outbox, const struct delivery *delivery) {
  const cJSON *entry;
  cJSON_ArrayForEach(entry, outbox) {
    if (is_of(entry, delivery)) return json_int(entry, "attempts", 0) >= delivery->attempt;
  }
  return true;
}

static void tell(struct sorting *s, const char *reason, const cJSON *entry, const char *what, const char *why) {
  s->plan->mail = (struct plan_event){"Warning", reason,
                                      arena_printf(s->plan->arena, "%s to %s (%s) %s: %s", json_string(entry, "event", ""),
                                                   json_string(entry, "receiver", ""), json_string(entry, "id", ""), what, why)};
}

static void set_time(cJSON *entry, const char *key, int64_t ms) {
  char text[RFC3339_SIZE];
  format_rfc3339(ms, text);
  cJSON_DeleteItemFromObjectCaseSensitive(entry, key);
  cJSON_AddStringToObject(entry, key, text);
}

static void set_failure(struct sorting *s, cJSON *entry, const struct delivery *d) {
  int64_t wait_ms = backoff_delay(OUTBOX_FIRST_MS, OUTBOX_LONGEST_MS, (unsigned)d->attempt);
  if (d->retry_after_ms > wait_ms) wait_ms = d->retry_after_ms < OUTBOX_LONGEST_MS ? d->retry_after_ms : OUTBOX_LONGEST_MS;
  cJSON_DeleteItemFromObjectCaseSensitive(entry, "attempts");
  cJSON_AddNumberToObject(entry, "attempts", (double)d->attempt);
  set_time(entry, "nextAttemptAt", s->o->now_ms + wait_ms + 999); /* the text has whole seconds: never too early */
  cJSON_DeleteItemFromObjectCaseSensitive(entry, "failure");
  cJSON_AddStringToObject(entry, "failure", d->words);
  if (d->attempt == 1) tell(s, "MessageDelayed", entry, "could not be delivered and is sent again", d->words);
}

/* Applies how its delivery came out. False: it goes. */
static bool take_outcome(struct sorting *s, cJSON *entry) {
  const struct delivery *d = s->o->delivery;
  if (!d || !is_of(entry, d) || json_int(entry, "attempts", 0) >= d->attempt) return true;
  if (d->state == DELIVERY_REFUSED) tell(s, "MessageDropped", entry, "is given up", d->words);
  if (d->state == DELIVERY_FAILED) set_failure(s, entry, d);
  return d->state != DELIVERY_TAKEN && d->state != DELIVERY_REFUSED;
}

static bool is_kept(struct sorting *s, cJSON *entry) {
  struct stack_notification to;
  if (!stack_notification_find(&s->o->stack->spec, json_string(entry, "receiver", ""), &to)) return false;
  if (!take_outcome(s, entry)) return false;
  if (s->o->now_ms - time_at(entry, "at", s->o->now_ms) < OUTBOX_AGE_MS) return true;
  tell(s, "MessageDropped", entry, "is given up after a day", json_string(entry, "failure", "it was never sent"));
  return false;
}

/* The oldest give way. */
static void bound(struct sorting *s) {
  while (cJSON_GetArraySize(s->kept) > OUTBOX_MAX) {
    cJSON *oldest = cJSON_DetachItemFromArray(s->kept, 0);
    tell(s, "MessageDropped", oldest, "gives way to newer ones: the outbox is full", json_string(oldest, "failure", "it was never sent"));
    cJSON_Delete(oldest);
  }
}

static bool comes_behind(const cJSON *list, const cJSON *entry) {
  for (const cJSON *before = list->child; before != entry; before = before->next)
    if (!strcmp(json_string(before, "receiver", ""), json_string(entry, "receiver", ""))) return true;
  return false;
}

static bool stands(const cJSON *outbox, const cJSON *entry) {
  const cJSON *item;
  cJSON_ArrayForEach(item, outbox) {
    if (!strcmp(json_string(item, "id", ""), json_string(entry, "id", "-"))) return true;
  }
  return false;
}

/* What is sent now: the first that is due of those that the API server has; and when the next one is. */
static void choose(struct sorting *s, const cJSON *observed) {
  const cJSON *entry;
  if (s->o->delivery && s->o->delivery->state != DELIVERY_NONE) return; /* its end brings the next round */
  cJSON_ArrayForEach(entry, s->kept) {
    int64_t wait_ms = time_at(entry, "nextAttemptAt", 0) - s->o->now_ms;
    if (comes_behind(s->kept, entry) || !stands(observed, entry)) continue;
    if (wait_ms > 0)
      plan_look_again(s->plan, wait_ms);
    else if (!s->plan->deliver)
      s->plan->deliver = arena_strdup(s->plan->arena, json_string(entry, "id", ""));
  }
}

cJSON *outbox_plan(const struct observation *o, cJSON *fresh, struct plan *plan) {
  const cJSON *observed = json_get(o->stack->status, "outbox"), *item;
  struct sorting s = {.o = o, .plan = plan, .kept = cJSON_CreateArray()};
  cJSON_ArrayForEach(item, observed) {
    cJSON *entry = cJSON_Duplicate(item, true);
    if (!entry) continue;
    if (is_kept(&s, entry))
      cJSON_AddItemToArray(s.kept, entry);
    else
      cJSON_Delete(entry);
  }
  while (fresh && fresh->child) cJSON_AddItemToArray(s.kept, cJSON_DetachItemFromArray(fresh, 0));
  cJSON_Delete(fresh);
  bound(&s);
  choose(&s, observed);
  if (cJSON_GetArraySize(s.kept)) return s.kept;
  cJSON_Delete(s.kept);
  return NULL;
}
