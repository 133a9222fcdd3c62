#include "stack/stand.h"

#include "release/release_standing.h"
#include "stack/conditions.h"

#include <string.h>

/* ---- what is in the way ---- */

static bool stands_by_conflict(const struct round *r, struct standing *ret) {
  *ret = (struct standing){.phase = "Failed", .stalled = true, .reason = "NameConflict", .message = r->obstacles->foreign};
  return r->obstacles->foreign;
}

static bool stands_by_leaving(const struct round *r, struct standing *ret) {
  *ret = (struct standing){.phase = "Pending", .reconciling = true, .reason = "EarlierStackLeaves", .message = r->obstacles->leaving};
  return r->obstacles->leaving;
}

/* The same but for digits: addresses, ports and times differ each time that a write fails, and are no news. */
static bool is_same_failure(const char *a, const char *b) {
  for (;; a++, b++) {
    a += strspn(a, "0123456789");
    b += strspn(b, "0123456789");
    if (*a != *b || !*a) return *a == *b;
  }
}

/* What was told of a failure stands as it was told for as long as it is the same one. */
static const char *failure_message(const struct observation *o) {
  const cJSON *ready = condition_find(json_get(o->stack->status, "conditions"), "Ready");
  const char *told = json_string(ready, "message", "");
  return is_same_failure(told, o->last_error->message) ? told : o->last_error->message;
}

/* The last round's error stands there as long as writes are still owed: one that somebody else has made needless is over. */
static bool stands_by_error(const struct round *r, struct standing *ret) {
  if (!r->o->last_error || !r->plan->action_count) return false;
  *ret = (struct standing){.phase = "RollingOut", .reconciling = true, .reason = "WriteFailed", .message = failure_message(r->o)};
  return true;
}

/* ---- the release ---- */

static bool stands_by_target(const struct round *r, struct standing *ret) {
  return release_standing(r->o, r->target, r->j->rolls_back, &r->trial->rollout, r->plan->arena, ret);
}

/* A Job that is due once the pods are there says nothing before it begins. */
static bool stands_by_jobs(const struct round *r, struct standing *ret) {
  const struct hooks *hooks = &r->j->hooks;
  const struct series_report *job = &hooks->current;
  bool speaks = job->state == SERIES_FAILED || !r->trial->failure.reason;
  if (hooks->settled || !speaks || (job->state == SERIES_DUE && !job->before_rollout)) return false;
  *ret = hooks_standing(hooks, r->plan->arena);
  return true;
}

static bool stands_by_trial(const struct round *r, struct standing *ret) {
  *ret = trial_standing(r->trial, r->plan->arena);
  return ret->reason;
}

static bool is_deployed(const struct round *r) {
  const struct history *history = &r->j->history;
  return r->trial->rollout.state == ROLLOUT_COMPLETE && history->target && history->target == history->current;
}

static bool stands_by_rollout(const struct round *r, struct standing *ret) {
  const struct rollout *rollout = &r->trial->rollout;
  const char *why = rollout->state == ROLLOUT_PROGRESSING ? r->j->diagnosis.reason : NULL;
  *ret = (struct standing){.phase = "RollingOut",
                           .reconciling = true,
                           .reason = why ? why : "RollingOut",
                           .message = *rollout->message ? rollout->message : "all pods are there"};
  return !is_deployed(r);
}

/* ---- all is there ---- */

static bool stands_by_resumption(const struct round *r, struct standing *ret) {
  *ret = (struct standing){.phase = "RollingOut", .reconciling = true, .reason = "RollingOut", .message = "what waited has begun"};
  return r->plan->action_count && !strcmp(json_string(r->o->stack->status, "phase", ""), "Blocked");
}

static bool stands_by_contest(const struct round *r, struct standing *ret) {
  int64_t left_ms = 0;
  const struct mend *mend = mends_contested(r->o->mends, r->o->now_ms, &left_ms);
  if (!mend) return false;
  plan_look_again(r->plan, left_ms);
  const char *message = arena_printf(
      r->plan->arena, "%s %s is changed again each time that it is set back (%s); it is set back less and less often: end what changes it",
      resources[mend->resource].api.kind, mend->name, mend->what);
  *ret = (struct standing){.phase = "RollingOut", .reconciling = true, .reason = "DriftReturns", .message = message};
  return true;
}

static bool stands(const struct round *r, struct standing *ret) {
  (void)r;
  *ret = (struct standing){.phase = "Ready", .ready = true, .reason = "Deployed", .message = "everything is as the spec says"};
  return true;
}

struct standing stand(const struct round *round) {
  static bool (*const rows[])(const struct round *r, struct standing *ret) = {
      stands_by_conflict, stands_by_leaving, stands_by_error,      stands_by_target,  stands_by_jobs,
      stands_by_trial,    stands_by_rollout, stands_by_resumption, stands_by_contest, stands};
  struct standing standing;
  for (size_t i = 0; !rows[i](round, &standing);) i++;
  return standing;
}
