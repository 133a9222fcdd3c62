#include "release/trial.h"

#include "release/annotations.h"
#include "release/new_pods.h"
#include "render/render.h"
#include "stack/rollout.h"

#include <string.h>

/* What the trial is of. */
struct court {
  const struct observation *o;
  const struct history *history;
  const struct content *target;
  const struct child *deployment;
  const struct hooks *hooks;
  struct plan *plan;
};

static bool was_deployed(const struct court *c) { return c->history->target && c->history->target->revision.deployed_ms; }

/* Pods that there will be: what an autoscaler or a person has set, unless the spec's number is about to be. */
static int64_t pods_wanted(const struct court *c) {
  const struct deployment_facts *d = &c->deployment->deployment;
  const struct stack_spec *spec = &c->o->stack->spec;
  return spec->autoscaling.enabled || d->applied_replicas == spec->replicas ? d->replicas : spec->replicas;
}

/* At most all pods but one, and none of one or none. */
static int64_t canary_size(const struct court *c) {
  int64_t asked = stack_canary_replicas(c->o->stack), most = pods_wanted(c) - 1;
  return asked < most ? asked : most > 0 ? most : 0;
}

/* One that holds already goes on holding where fewer pods are wanted meanwhile, as long as there are any. */
static int64_t canary_held(const struct court *c) {
  int64_t size = canary_size(c);
  return size || !stack_canary_replicas(c->o->stack) || !pods_wanted(c) ? size : 1;
}

/* A canary is judged beside pods that serve. */
static int64_t canary_begun(const struct court *c) {
  return c->history->current && c->deployment && c->deployment->deployment.available > 0 ? canary_size(c) : 0;
}

/* ---- the release's Jobs ---- */

static int64_t last_job_ended_ms(const struct court *c) {
  const struct child_list *jobs = &c->o->children[RESOURCE_JOB];
  int64_t last_ms = 0;
  for (size_t i = 0; c->history->target && i < jobs->count; i++) {
    const struct child *job = jobs->items[i];
    bool is_ours = render_job_revision(c->o->stack, job->name) == c->history->target->revision.number;
    if (is_ours && job->job.finished_ms > last_ms) last_ms = job->job.finished_ms;
  }
  return last_ms;
}

/* ---- evidence ---- */

/* Before the Jobs were done a pod may have had to begin anew. */
static void note_restart(const struct court *c, const struct child *pod, int64_t jobs_ended_ms, struct verdict_evidence *e) {
  bool counts = c->history->current && pod->pod.restarts > 0 && pod->pod.ended_ms >= jobs_ended_ms;
  if (counts && !e->restarted) e->restarted = pod->name;
}

static void note_words(const struct probe *said, struct verdict_evidence *e) {
  e->read += said->read;
  e->smoke_answered &= said->answered;
  if (said->read) reading_add(&e->served, &said->reading);
  if (!said->read && !e->unread) e->unread = said->unread;
  if (*said->failure && !e->smoke_failure) e->smoke_failure = said->failure;
}

/* When the last of the new pods became ready; 0: not all are, or the Deployment has counted one that we have yet to hear of. */
static int64_t all_ready_since_ms(const struct new_pods *pods, const struct deployment_facts *d) {
  bool all = pods->count && pods->ready == pods->count && (int64_t)pods->count >= d->updated;
  return all ? pods->last_ready_ms : 0;
}

static struct verdict_evidence gather(const struct court *c) {
  const struct deployment_facts *d = &c->deployment->deployment;
  const struct new_pods pods = new_pods_of(c->o, d);
  struct verdict_evidence e = {.smoke_answered = true, .ready_since_ms = all_ready_since_ms(&pods, d)};
  int64_t jobs_ended_ms = last_job_ended_ms(c);
  const struct child *pod;
  for (size_t i = 0; e.pods < LOOKS_MAX && (pod = new_pods_next(c->o, d, &i)); e.pods++) {
    const struct probe *said = looks_of(c->o->looks, pod->uid, pod->pod.ready_since_ms);
    note_restart(c, pod, jobs_ended_ms, &e);
    if (said) note_words(said, &e);
    e.unseen |= !said;
    if (e.ready_since_ms) plan_look_at(c->plan, pod->uid, pod->name, pod->pod.address);
  }
  return e;
}

static struct verdict_rules rules_of(const struct court *c) {
  const struct stack_rollout *rollout = &c->o->stack->spec.rollout;
  bool companion = content_is_companion(c->target, c->o->companion_image), install = !c->history->current;
  return (struct verdict_rules){.smoke = rollout->verification.smoke && companion,
                                .window_ms = install ? 0 : 1000 * rollout->verification.window_s,
                                .max_p95_ms = rollout->verification.max_p95_ms,
                                .min_requests = rollout->verification.min_requests,
                                .max_error_rate = stack_max_error_rate(c->o->stack),
                                .silent = !companion ? "the image is not the companion's, and may tell nothing of them"
                                          : install  ? "nobody is served before the first install"
                                                     : NULL};
}

static struct verdict judge(const struct court *c) {
  const struct verdict_rules rules = rules_of(c);
  size_t looks = c->plan->look_count;
  if (!c->deployment->deployment.replicas) return (struct verdict){.state = VERDICT_GOOD, .reason = "", .message = "no pod is asked for"};
  const struct verdict_evidence evidence = gather(c);
  struct verdict v = verdict_of(&rules, &evidence, c->o->now_ms, c->plan->arena);
  bool asks = v.state == VERDICT_WAIT && (rules.smoke || !rules.silent);
  if (!asks) c->plan->look_count = looks;
  if (v.look_again_ms) plan_look_again(c->plan, v.look_again_ms);
  return v;
}

/* ---- the trial ---- */

static void fail(struct trial *trial, const char *reason, const char *message, bool by_secret) {
  trial->failure = (struct release_failure){.reason = reason, .message = message ? message : "", .by_secret = by_secret};
}

static void take_verdict(const struct court *c, bool canary, struct trial *trial) {
  const char *who = canary ? "the canary" : "the new pods";
  trial->verdict = judge(c);
  trial->judges = trial->verdict.state == VERDICT_WAIT;
  if (trial->verdict.state == VERDICT_BAD)
    fail(trial, "VerificationFailed", arena_printf(c->plan->arena, "%s: %s", who, trial->verdict.message), false);
  else if (!trial->judges)
    trial->words = arena_printf(c->plan->arena, "%s%s%s", who, trial->verdict.state == VERDICT_GOOD ? ": " : VERIFIED_INCONCLUSIVE,
                                trial->verdict.message);
}

/* Told at once: each further second harms users. */
static void judge_beginning(const struct court *c, struct trial *trial) {
  size_t looks = c->plan->look_count;
  const struct verdict_evidence evidence = gather(c);
  c->plan->look_count = looks;
  if (evidence.restarted)
    fail(trial, "VerificationFailed", arena_printf(c->plan->arena, "the canary: pod %s has restarted", evidence.restarted), false);
}

/* Written so that the same pods go on, once the canary was judged; until then it holds. */
static void judge_canary(const struct court *c, struct trial *trial) {
  trial->canary = canary_held(c);
  if (!trial->canary || !c->hooks->settled) return;
  if (trial->rollout.state == ROLLOUT_PROGRESSING) judge_beginning(c, trial);
  if (trial->rollout.state == ROLLOUT_CANARY) take_verdict(c, true, trial);
  if (trial->words) trial->canary = 0;
}

static void judge_all(const struct court *c, struct trial *trial) {
  if (trial->rollout.state != ROLLOUT_COMPLETE || !c->hooks->settled) return;
  take_verdict(c, false, trial);
  trial->passed = trial->words;
}

static struct rollout judge_rollout(const struct court *c) {
  const struct rollout_question question = {.o = c->o,
                                            .deployment = c->deployment,
                                            .content_hash = c->target->hash,
                                            .is_release = !was_deployed(c) || c->history->target != c->history->current,
                                            .job_works = hooks_hold_pods_up(c->hooks, c->o->now_ms),
                                            .job_ended_ms = last_job_ended_ms(c),
                                            .canary = c->deployment ? canary_held(c) : 0};
  struct rollout rollout = rollout_judge(&question, c->plan->arena);
  bool rolls = rollout.state == ROLLOUT_PROGRESSING || rollout.state == ROLLOUT_CANARY;
  if (rollout.look_again_ms) plan_look_again(c->plan, rollout.look_again_ms);
  if (rolls && question.job_works) plan_look_again(c->plan, HOOKS_PATIENCE_MS);
  return rollout;
}

struct trial trial_judge(const struct observation *o, const struct history *history, const struct content *target,
                         const struct child *deployment, const struct hooks *hooks, const struct release_failure *remembered,
                         struct plan *plan) {
  const struct court c = {o, history, target, deployment, hooks, plan};
  struct trial trial = {.rollout = judge_rollout(&c)};
  if (was_deployed(&c)) {
    trial.passed = trial.rollout.state == ROLLOUT_COMPLETE && hooks->settled;
  } else if (trial.rollout.state == ROLLOUT_NONE) {
    trial.canary = canary_begun(&c);
  } else if (remembered->reason && !remembered->by_secret) {
    trial.canary = rollout_holds(deployment, target->hash) ? canary_held(&c) : 0;
    trial.failure = *remembered;
    return trial;
  } else if (rollout_holds(deployment, target->hash)) {
    judge_canary(&c, &trial);
  } else {
    judge_all(&c, &trial);
  }
  if (trial.rollout.state == ROLLOUT_STUCK && !trial.failure.reason) fail(&trial, "RolloutStuck", trial.rollout.message, true);
  return trial;
}

struct standing trial_standing(const struct trial *trial, struct arena *arena) {
  if (trial->failure.reason)
    return (struct standing){.phase = "Failed", .stalled = true, .reason = trial->failure.reason, .message = trial->failure.message};
  if (trial->judges) {
    const char *who = trial->rollout.state == ROLLOUT_CANARY ? "the canary" : "the new pods";
    const char *message = arena_printf(arena, "%s: %s", who, trial->verdict.message);
    return (struct standing){.phase = "Verifying", .reconciling = true, .reason = "Verifying", .message = message ? message : ""};
  }
  if (trial->words && trial->rollout.state == ROLLOUT_CANARY) {
    const char *message = arena_printf(arena, "%s; the others follow", trial->words);
    return (struct standing){.phase = "RollingOut", .reconciling = true, .reason = "RollingOut", .message = message ? message : ""};
  }
  return (struct standing){0};
}
