#include "release/rollout.h"

#include "base/clock.h"
#include "diagnosis/diagnosis.h"
#include "release/new_pods.h"

#include <string.h>

static bool is_complete(const struct deployment_facts *d) {
  return d->observed_generation >= d->generation && d->updated == d->replicas && d->current == d->replicas && d->available == d->replicas;
}

static bool says(const struct deployment_facts *d, const char *content_hash) {
  return d->content_hash && !strcmp(d->content_hash, content_hash);
}

bool rollout_holds(const struct child *deployment, const char *content_hash) {
  return deployment && says(&deployment->deployment, content_hash) && deployment->deployment.min_ready_s > 0;
}

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

/* When it has failed, if nothing moves until then; 0: never. A canary has its own end: what flaps is no progress. */
static int64_t deadline_ms(const struct rollout_question *q, const struct new_pods *pods, bool holds, bool ready) {
  const struct deployment_facts *d = &q->deployment->deployment;
  const struct stack_rollout *rollout = &q->o->stack->spec.rollout;
  bool rolls = q->is_release || d->current > d->updated;
  int64_t since_ms = 0;
  if (!rolls || q->job_works || !d->rolling_since || parse_rfc3339(d->rolling_since, &since_ms) < 0) return 0;
  since_ms = later(since_ms, q->job_ended_ms);
  if (!holds) since_ms = later(since_ms, pods->last_ready_ms);
  return since_ms + 1000 * (rollout->progress_deadline_s + (ready ? 2 * rollout->verification.window_s : 0));
}

static const char *words(const struct rollout_question *q, const struct new_pods *pods, bool holds, struct arena *arena) {
  const struct deployment_facts *d = &q->deployment->deployment;
  const char *why = diagnose(q->o, q->deployment, arena).message;
  const char *text = holds ? arena_printf(arena, "the canary: %zu of %lld new pods are ready%s%s", pods->ready, (long long)q->canary,
                                          why ? "; " : "", why ? why : "")
                           : arena_printf(arena, "%lld of %lld pods are updated, %lld available%s%s", (long long)d->updated,
                                          (long long)d->replicas, (long long)d->available, why ? "; " : "", why ? why : "");
  return text ? text : "";
}

struct rollout rollout_judge(const struct rollout_question *q, struct arena *arena) {
  if (!q->deployment) return (struct rollout){ROLLOUT_NONE, "the Deployment has yet to be made", 0};
  const struct deployment_facts *d = &q->deployment->deployment;
  if (!says(d, q->content_hash)) return (struct rollout){ROLLOUT_NONE, "the Deployment has yet to be changed", 0};
  if (is_complete(d)) return (struct rollout){ROLLOUT_COMPLETE, "", 0};
  const struct new_pods pods = new_pods_of(q->o, d);
  bool holds = d->min_ready_s > 0, seen = d->observed_generation >= d->generation;
  bool ready = holds && seen && pods.ready == pods.count && pods.count >= (size_t)q->canary;
  int64_t end_ms = deadline_ms(q, &pods, holds, ready), now_ms = q->o->now_ms;
  struct rollout rollout = {ready ? ROLLOUT_CANARY : ROLLOUT_PROGRESSING, words(q, &pods, holds, arena), 0};
  if (end_ms && seen && now_ms >= end_ms)
    rollout.state = ROLLOUT_STUCK;
  else if (end_ms)
    rollout.look_again_ms = later(end_ms - now_ms, 1000);
  return rollout;
}
