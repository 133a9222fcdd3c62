#include "rotation/jwks_phases.h"

#include "base/number.h"

#include <stdio.h>
#include <string.h>

const char *const jwks_state_names[] = {[JWKS_PUBLISHED] = "published", [JWKS_SIGNING] = "signing", [JWKS_RETIRING] = "retiring"};

static struct jwks_key *find_state(const struct jwks_keys *keys, enum jwks_state state) {
  for (size_t i = 0; i < keys->count; i++)
    if (keys->keys[i].state == state) return (struct jwks_key *)&keys->keys[i];
  return NULL;
}

const struct jwks_key *jwks_signing(const struct jwks_keys *keys) { return find_state(keys, JWKS_SIGNING); }
const struct jwks_key *jwks_published(const struct jwks_keys *keys) { return find_state(keys, JWKS_PUBLISHED); }

const struct jwks_key *jwks_find(const struct jwks_keys *keys, const char *kid) {
  for (size_t i = 0; i < keys->count; i++)
    if (!strcmp(keys->keys[i].kid, kid)) return &keys->keys[i];
  return NULL;
}

bool jwks_is_listed(const char *list, const char *kid) {
  size_t n = strlen(kid);
  for (const char *at = list; at && *at;) {
    size_t word = strcspn(at, " ");
    if (word == n && !strncmp(at, kid, n)) return true;
    at += word + strspn(at + word, " ");
  }
  return false;
}

static void note(struct jwks_step *step, const char *from, const char *to) {
  (void)snprintf(step->from, KID_SIZE, "%s", from);
  (void)snprintf(step->to, KID_SIZE, "%s", to);
}

/* The time in milliseconds, and later than any that is there or was given up: a clock that went back makes no kid twice. */
static void new_kid(const struct jwks_question *q, char to[KID_SIZE]) {
  int64_t ms = q->now_ms, known;
  for (size_t i = 0; i < q->keys->count; i++)
    if (parse_int64(q->keys->keys[i].kid, 0, INT64_MAX / 2, &known) == 0 && known >= ms) ms = known + 1;
  do key_new_kid(ms++, to);
  while (jwks_is_listed(q->revoked, to));
}

static void add_key(const struct jwks_question *q, struct jwks_step *step, enum jwks_state state) {
  struct jwks_key *key = &step->after.keys[step->after.count++];
  *key = (struct jwks_key){.state = state, .since_ms = q->now_ms};
  new_kid(q, key->kid);
  (void)snprintf(step->to, KID_SIZE, "%s", key->kid);
  step->makes = true;
}

static void drop(struct jwks_keys *keys, struct jwks_key *key) {
  struct jwks_key *last = &keys->keys[--keys->count];
  memmove(key, key + 1, (size_t)(last - key) * sizeof *key);
}

static void change(const struct jwks_question *q, struct jwks_key *key, enum jwks_state state) {
  key->state = state;
  key->since_ms = q->now_ms;
  key->public_ms = key->until_ms = 0;
}

static bool has_passed(const struct jwks_question *q, struct jwks_step *step, int64_t at_ms) {
  if (q->now_ms >= at_ms) return true;
  if (!step->at_ms || at_ms < step->at_ms) step->at_ms = at_ms;
  return false;
}

/* ---- the steps: true when it is the one ---- */

/* A compromised key is out at once, and what has to sign in its place signs at once: no token of the old one is worth waiting for. */
static bool revoke(const struct jwks_question *q, struct jwks_step *step) {
  struct jwks_keys *after = &step->after;
  bool any = false;
  for (size_t i = after->count; i-- > 0;) {
    if (!jwks_is_listed(q->revoked, after->keys[i].kid)) continue;
    note(step, after->keys[i].kid, "");
    drop(after, &after->keys[i]);
    any = true;
  }
  if (!any) return false;
  struct jwks_key *next = find_state(after, JWKS_PUBLISHED);
  after->urgent_ms = q->now_ms;
  if (jwks_signing(after)) return true;
  if (next)
    change(q, next, JWKS_SIGNING), (void)snprintf(step->to, KID_SIZE, "%s", next->kid);
  else
    add_key(q, step, JWKS_SIGNING);
  return true;
}

static bool move(int64_t *time_ms, int64_t by_ms) {
  if (!*time_ms || !by_ms) return false;
  *time_ms += by_ms;
  return true;
}

/* A time that was written by a clock which has gone back since. */
static bool bound(const struct jwks_question *q, int64_t *time_ms) {
  if (*time_ms <= q->now_ms + JWKS_CLOCK_MS) return false;
  *time_ms = q->now_ms;
  return true;
}

/* One key alone waits for nothing but its age, which may be wrong by a step. */
static bool follow_clock(const struct jwks_question *q, struct jwks_step *step) {
  int64_t by_ms = step->after.count > 1 ? q->stepped_ms : 0;
  bool moved = false;
  step->minded_clock = true;
  for (size_t i = 0; i < step->after.count; i++) {
    struct jwks_key *key = &step->after.keys[i];
    moved |= move(&key->since_ms, by_ms);
    moved |= move(&key->public_ms, by_ms);
    moved |= move(&key->until_ms, by_ms);
    bool since = bound(q, &key->since_ms), ahead = bound(q, &key->public_ms) || since;
    if (ahead && key->until_ms) key->until_ms = q->now_ms + q->overlap_ms;
    moved |= ahead;
  }
  if (moved) note(step, jwks_signing(&step->after)->kid, "");
  return moved;
}

/* What the Secret holds is what is remembered from now on: keys that people made, or took away. */
static bool adopt(const struct jwks_question *q, struct jwks_step *step) {
  const struct jwks_key *signing = jwks_signing(&step->after);
  if (q->remembered || !signing) return false;
  note(step, signing->kid, "");
  return true;
}

static bool settle(const struct jwks_question *q, struct jwks_step *step) {
  struct jwks_key *old = NULL;
  for (size_t i = 0; i < step->after.count; i++)
    if (step->after.keys[i].state == JWKS_RETIRING && !step->after.keys[i].until_ms) old = &step->after.keys[i];
  if (!old) return false;
  step->asks = true;
  if (!q->signs) return false;
  note(step, old->kid, jwks_signing(&step->after)->kid);
  for (size_t i = 0; i < step->after.count; i++)
    if (step->after.keys[i].state == JWKS_RETIRING && !step->after.keys[i].until_ms)
      step->after.keys[i].until_ms = q->now_ms + q->overlap_ms;
  return true;
}

static bool take_out(const struct jwks_question *q, struct jwks_step *step) {
  for (size_t i = 0; i < step->after.count; i++) {
    struct jwks_key *key = &step->after.keys[i];
    if (key->state != JWKS_RETIRING || !key->until_ms || !has_passed(q, step, key->until_ms)) continue;
    note(step, key->kid, "");
    drop(&step->after, key);
    return true;
  }
  return false;
}

static bool note_public(const struct jwks_question *q, struct jwks_step *step) {
  struct jwks_key *next = find_state(&step->after, JWKS_PUBLISHED);
  if (!next || next->public_ms) return false;
  step->asks = true;
  if (!q->loaded) return false;
  note(step, next->kid, "");
  next->public_ms = q->now_ms;
  return true;
}

/* At no moment do two sign, and none without its private half. */
static bool promote(const struct jwks_question *q, struct jwks_step *step) {
  struct jwks_key *next = find_state(&step->after, JWKS_PUBLISHED), *old = find_state(&step->after, JWKS_SIGNING);
  if (!next || !next->public_ms || !has_passed(q, step, next->public_ms + q->ahead_ms)) return false;
  step->asks = true;
  if (!q->loaded) return false;
  note(step, old->kid, next->kid);
  change(q, old, JWKS_RETIRING);
  change(q, next, JWKS_SIGNING);
  return true;
}

/* One rotation at a time: the next begins when all pods sign with the key before it. */
static bool publish(const struct jwks_question *q, struct jwks_step *step) {
  const struct jwks_key *signing = jwks_signing(&step->after);
  bool asked = signing && q->replace && !strcmp(q->replace, signing->kid);
  if (!signing || jwks_published(&step->after) || step->asks || step->after.count >= JWKS_KEYS_MOST) return false;
  if (!asked && (!q->interval_ms || !has_passed(q, step, signing->since_ms + q->interval_ms))) return false;
  note(step, signing->kid, "");
  add_key(q, step, JWKS_PUBLISHED);
  return true;
}

static const struct {
  const char *name, *reason;
  bool (*take)(const struct jwks_question *q, struct jwks_step *step);
} steps[] = {
    {"revoke", "KeyRevoked", revoke},    {"adopt", "KeysAdopted", adopt},      {"clock", "KeyTimesMoved", follow_clock},
    {"settle", "KeyRetiring", settle},   {"remove", "KeyRemoved", take_out},   {"public", "KeyPublic", note_public},
    {"promote", "KeyPromoted", promote}, {"publish", "KeyPublished", publish},
};

void jwks_step_next(const struct jwks_question *q, struct jwks_step *ret) {
  *ret = (struct jwks_step){.after = *q->keys};
  for (size_t i = 0; i < sizeof steps / sizeof *steps && !ret->name; i++) {
    if (!steps[i].take(q, ret)) continue;
    ret->name = steps[i].name;
    ret->reason = steps[i].reason;
  }
}
