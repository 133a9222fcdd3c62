#include "rotation/jwks_plan.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

enum {
  POLL_MS = 2000,
  LOOK_AT_LEAST_MS = 6 * 3600 * 1000, /* a clock that was set is noticed by then */
  HEAR_MS = 10 * 60 * 1000,           /* by then a kubelet has looked by itself */
  HEAR_AT_ONCE = 24,                  /* pods a round: there are other things to write */
};

/* ---- evidence ---- */

static bool serves(const struct child *pod) {
  const struct pod_facts *p = &pod->pod;
  return p->component && !strcmp(p->component, "server") && !p->failed && !p->succeeded && (p->ready || p->running_since_ms);
}

/* Not yet ready, and begun after the key was there: it will have loaded it when it is. */
static bool counts(const struct child *pod, const struct jwks_key *key) {
  return serves(pod) && (pod->pod.ready || pod->pod.running_since_ms <= key->since_ms);
}

/* What POD lacks, or NULL. */
static const char *lack(const struct observation *o, const struct child *pod, const struct jwks_key *key, struct arena *arena) {
  bool signs = key->state == JWKS_SIGNING;
  int64_t fresh_ms = o->now_ms - LOOKS_KEPT_MS;
  const struct probe *said = looks_of(o->looks, pod->uid, key->since_ms > fresh_ms ? key->since_ms : fresh_ms);
  if (!said) return arena_printf(arena, "pod %s has yet to tell its keys", pod->name);
  if (!said->read) return arena_printf(arena, "pod %s can't be asked for its keys: %s", pod->name, said->unread);
  if (said->reading.key_count)
    return reading_has_key(&said->reading, key->kid, signs)
               ? NULL
               : arena_printf(arena, "pod %s %s", pod->name, signs ? "does not sign with it yet" : "has not loaded it yet");
  if (pod->pod.running_since_ms > key->since_ms) return NULL;
  return arena_printf(
      arena,
      "pod %s tells nothing of its keys (supernova_jwks_key) and began before: kubectl -n %s annotate supernovastack %s " STACK_GROUP
      "/restart=now",
      pod->name, o->stack->namespace, o->stack->name);
}

/* What keeps KEY from being everywhere, in words; NULL: it is. */
static const char *lacking(const struct observation *o, const struct jwks_key *key, struct arena *arena) {
  const struct child_list *pods = &o->children[RESOURCE_POD];
  const char *lacks = NULL;
  size_t ready = 0;
  for (size_t i = 0; key && i < pods->count && !lacks; i++) {
    if (!counts(pods->items[i], key)) continue;
    ready += pods->items[i]->pod.ready;
    lacks = lack(o, pods->items[i], key, arena);
  }
  return lacks ? lacks : ready ? NULL : "no pod is ready";
}

/* Those that have not said enough of KEY; of more than one look takes, the others come as these have. */
static void ask_pods(const struct observation *o, const struct jwks_key *key, struct plan *plan) {
  const struct child_list *pods = &o->children[RESOURCE_POD];
  for (size_t i = 0; key && i < pods->count; i++) {
    const struct child *pod = pods->items[i];
    if (counts(pod, key) && lack(o, pod, key, plan->arena)) plan_look_at(plan, pod->uid, pod->name, pod->pod.address);
  }
}

/* ---- the step ---- */

static const struct {
  const char *name, *type, *before, *between, *after; /* of the event: around the key it is about, and the one that takes its place */
} words[] = {
    {"revoke", "Warning", "key ", " is revoked: no token of it is accepted any more; a new one signs: ", ""},
    {"adopt", "Normal", "the keys in the Secret are taken as they are: ", " signs, the others verify until their tokens have expired", ""},
    {"clock", "Warning", "a clock was set: the times at which keys are due move with it; ", " signs", ""},
    {"settle", "Normal", "no pod signs with key ", " any more, which verifies until its tokens have expired; all sign with ", ""},
    {"remove", "Normal", "key ", " is taken out: its last token has expired", ""},
    {"public", "Normal", "every pod shows key ", ", which signs when others had the time to fetch it", ""},
    {"promote", "Normal", "key ", " signs no more, its private half is gone; from now on signs ", ""},
    {"publish", "Normal", "key ", " is to be replaced: published is ", ""},
};

static struct plan_event event_of(const struct jwks_step *step, struct arena *arena) {
  for (size_t i = 0; i < ELEMENTS(words); i++) {
    if (strcmp(words[i].name, step->name) != 0) continue;
    const char *note = arena_printf(arena, "%s%s%s%s%s", words[i].before, step->from, words[i].between, step->to, words[i].after);
    return (struct plan_event){words[i].type, step->reason, note};
  }
  return (struct plan_event){0};
}

static void plan_step(const struct observation *o, const struct jwks_step *step, struct plan *plan) {
  char name[64];
  const struct jwks_key *made = step->makes ? &step->after.keys[step->after.count - 1] : NULL;
  plan_add(plan, (struct action){.type = made ? ACTION_ADD_KEY : ACTION_MERGE,
                                 .resource = RESOURCE_SECRET,
                                 .name = stack_jwks_secret_name(o->stack, name),
                                 .body = jwks_memory_patch(o->keys, step),
                                 .kid = made ? made->kid : NULL,
                                 .event = event_of(step, plan->arena)});
}

/* The kid that a command has left, without who and why. */
static const char *kid_to_replace(const struct observation *o, struct arena *arena) {
  const char *text = stack_annotation(o->stack, ANNOTATION_REPLACE_KEY);
  return text ? arena_strndup(arena, text, strcspn(text, ";")) : NULL;
}

/* After a revocation each pod is touched, which makes its kubelet look at the Secret at once. */
static void plan_hearing(const struct observation *o, const struct jwks_keys *keys, struct plan *plan) {
  const struct child_list *pods = &o->children[RESOURCE_POD];
  char at[RFC3339_SIZE];
  size_t told = 0;
  if (!keys->urgent_ms || o->now_ms - keys->urgent_ms > HEAR_MS) return;
  format_rfc3339(keys->urgent_ms, at);
  for (size_t i = 0; i < pods->count && told < HEAR_AT_ONCE; i++) {
    const struct child *pod = pods->items[i];
    bool heard = pod->pod.keys_heard && !strcmp(pod->pod.keys_heard, at);
    if (heard || !serves(pod) || pod->pod.running_since_ms > keys->urgent_ms) continue;
    cJSON *body = cJSON_CreateObject(), *metadata = cJSON_AddObjectToObject(body, "metadata");
    cJSON_AddStringToObject(cJSON_AddObjectToObject(metadata, "annotations"), ANNOTATION_KEYS_HEARD, at);
    plan_add(plan, (struct action){.type = ACTION_MERGE, .resource = RESOURCE_POD, .name = pod->name, .body = body});
    told++;
  }
}

/* ---- what people are told ---- */

static const char *until(struct arena *arena, const char *what, int64_t at_ms) {
  char at[RFC3339_SIZE];
  format_rfc3339(at_ms, at);
  return arena_printf(arena, "%s %s", what, at);
}

static const char *tell_key(const struct jwks_question *q, const struct jwks_key *key, const char *lacks, struct arena *arena) {
  if (key->state == JWKS_RETIRING && key->until_ms) return until(arena, "verifies until", key->until_ms);
  if (key->state == JWKS_RETIRING) return arena_printf(arena, "verifies until every pod signs with its successor: %s", lacks);
  if (key->public_ms && q->now_ms < key->public_ms + q->ahead_ms)
    return until(arena, "is published and signs from", key->public_ms + q->ahead_ms);
  return arena_printf(arena, "is published and waits: %s", lacks);
}

static const char *tell(const struct jwks_question *q, const char *unloaded, const char *unsigned_, struct arena *arena) {
  const char *text = arena_printf(arena, "key %s signs", jwks_signing(q->keys)->kid);
  for (size_t i = 0; i < q->keys->count; i++) {
    const struct jwks_key *key = &q->keys->keys[i];
    const char *lacks = key->state == JWKS_PUBLISHED ? unloaded : unsigned_;
    if (key->state == JWKS_SIGNING) continue;
    text = arena_printf(arena, "%s; key %s %s", text, key->kid, tell_key(q, key, lacks ? lacks : "it is about to be", arena));
  }
  return text;
}

void jwks_plan(const struct observation *o, struct plan *plan, struct jwks_standing *ret) {
  const struct stack_key_times times = stack_key_times(o->stack);
  *ret = (struct jwks_standing){0};
  if (o->keys->state != KEYS_READ || o->keys->problem) return;
  bool remembered = jwks_memory_read(o->keys, o->now_ms, &ret->keys);
  if (!jwks_signing(&ret->keys)) return;
  if (o->keys->kept_by) {
    plan->minds_clock = true;
    ret->words = arena_printf(plan->arena, "key %s signs; it is not rotated here, since others write its Secret (%s)", o->keys->signing,
                              o->keys->kept_by);
    return;
  }
  const char *unloaded = lacking(o, jwks_published(&ret->keys), plan->arena),
             *unsigned_ = lacking(o, jwks_signing(&ret->keys), plan->arena);
  const struct jwks_question question = {.now_ms = o->now_ms,
                                         .stepped_ms = o->stepped_ms,
                                         .interval_ms = times.interval_ms,
                                         .overlap_ms = times.overlap_ms,
                                         .ahead_ms = times.ahead_ms,
                                         .keys = &ret->keys,
                                         .remembered = remembered,
                                         .replace = kid_to_replace(o, plan->arena),
                                         .revoked = stack_annotation(o->stack, ANNOTATION_REVOKED_KEYS),
                                         .loaded = !unloaded,
                                         .signs = !unsigned_};
  struct jwks_step step;
  jwks_step_next(&question, &step);
  plan->minds_clock = step.minded_clock;
  plan_hearing(o, &ret->keys, plan);
  if (step.name) plan_step(o, &step, plan);
  if (step.asks) {
    ask_pods(o, jwks_published(&ret->keys), plan);
    ask_pods(o, jwks_signing(&ret->keys), plan);
    plan_look_again(plan, POLL_MS);
  }
  if (step.at_ms) plan_look_again(plan, step.at_ms - o->now_ms < LOOK_AT_LEAST_MS ? step.at_ms - o->now_ms : LOOK_AT_LEAST_MS);
  ret->words = tell(&question, unloaded, unsigned_, plan->arena);
}
