#include "stack/plan_make.h"

#include "base/clock.h"
#include "change/commands.h"
#include "change/gate.h"
#include "message/owed.h"
#include "release/annotations.h"
#include "release/failure.h"
#include "release/target.h"
#include "render/render.h"
#include "stack/children_plan.h"
#include "stack/conditions.h"
#include "stack/finalize.h"
#include "stack/stand.h"

#include <stdio.h>
#include <string.h>

/* What keeps a release from being touched at all: NULL when nothing does. */
static const struct standing *gate(const struct observation *o, const struct judgement *j, struct plan *plan, struct standing *to) {
  *to = (struct standing){.phase = "Blocked", .reconciling = true};
  if (!j->secrets.ok) {
    to->reason = j->secrets.reason;
    to->message = j->secrets.message;
    return to;
  }
  if (!j->keys.ok && !j->keys.make) {
    to->reason = j->keys.reason;
    to->message = j->keys.message;
    return to;
  }
  const char *tokens = o->stack->spec.design_tokens.config_map_ref;
  if (tokens && !o->design_tokens_found) {
    to->reason = "DesignTokensMissing";
    to->message = arena_printf(
        plan->arena,
        "ConfigMap %s/%s does not exist; create it with the key tokens.json: kubectl -n %s create configmap %s --from-file=tokens.json",
        o->stack->namespace, tokens, o->stack->namespace, tokens);
    return to;
  }
  return NULL;
}

/* What begins with the revision: a release that may, or going back. */
static void annotate_begin(const struct observation *o, const struct judgement *j, cJSON *annotations) {
  if (j->change.begins)
    change_annotate_begin(&j->change, o, annotations);
  else
    annotations_add_time(annotations, ANNOTATION_BEGAN_AT, o->now_ms);
}

/* The target's revision, and with it that its release, or the way back to it, begins. */
static uint64_t plan_revision(const struct observation *o, const struct judgement *j, const struct content *target, struct plan *plan) {
  const struct history *history = &j->history;
  cJSON *annotations;
  bool begins = j->change.begins || (history_goes_back(history) && !(history->target && history->target->revision.began_ms));
  if (history->target && !begins) return 0;
  if (history->target) {
    cJSON *body = annotations_patch(history->target->resource_version, &annotations);
    annotate_begin(o, j, annotations);
    return plan_add(plan,
                    (struct action){.type = ACTION_MERGE, .resource = RESOURCE_REVISION, .name = history->target->name, .body = body});
  }
  cJSON *manifest = render_revision(o->stack, target->json, target->hash, history->next_number);
  if (manifest && begins)
    annotate_begin(o, j, cJSON_AddObjectToObject(cJSON_GetObjectItemCaseSensitive(manifest, "metadata"), "annotations"));
  const char *name = arena_printf(plan->arena, "%s-%s", o->stack->name, target->hash);
  const char *note = arena_printf(plan->arena, "revision %lld: %s", (long long)history->next_number, target->image);
  return plan_add(plan, (struct action){.type = ACTION_CREATE,
                                        .resource = RESOURCE_REVISION,
                                        .name = name,
                                        .body = manifest,
                                        .event = {"Normal", "RevisionCreated", note}});
}

static uint64_t plan_keys(const struct observation *o, const struct judgement *j, struct plan *plan) {
  char name[64];
  if (!j->keys.make) return 0;
  const char *type = strcmp(j->keys.reason, "KeysLost") ? "Normal" : "Warning";
  return plan_add(plan, (struct action){.type = ACTION_MAKE_KEYS,
                                        .resource = RESOURCE_SECRET,
                                        .name = arena_strdup(plan->arena, stack_jwks_secret_name(o->stack, name)),
                                        .event = {type, "KeysMade", j->keys.message}});
}

/* Deployed: its pods are complete, its Jobs done. Going back to an older revision moves its time, which makes it current again; the time has whole
 * seconds, so two releases within one are told apart by force. */
static void plan_deployed(const struct observation *o, const struct history *history, const struct hooks *hooks, const struct trial *trial,
                          struct plan *plan) {
  if (history->target == history->current) return;
  int64_t after_ms = history->current ? history->current->revision.deployed_ms + 1000 : 0;
  int64_t now_ms = o->now_ms > after_ms ? o->now_ms : after_ms;
  cJSON *annotations, *body = annotations_patch(history->target->resource_version, &annotations);
  annotations_add_time(annotations, ANNOTATION_DEPLOYED_AT, now_ms);
  if (history->target->revision.began_ms) cJSON_AddNullToObject(annotations, ANNOTATION_BEGAN_AT);
  (void)failure_forget(history->target, annotations);
  if (trial->words) cJSON_AddStringToObject(annotations, ANNOTATION_VERIFIED, trial->words);
  hooks_annotate_deployed(hooks, history->target, annotations);
  const char *note = arena_printf(plan->arena, "revision %lld is deployed%s%s", (long long)history->target->revision.number,
                                  trial->words ? "; " : "", trial->words ? trial->words : "");
  plan_add(plan, (struct action){.type = ACTION_MERGE,
                                 .resource = RESOURCE_REVISION,
                                 .name = history->target->name,
                                 .body = body,
                                 .event = {"Normal", "Deployed", note}});
}

/* What was Deployed last, with the overlays that its pods have. Where its Deployment has gone it comes back. */
static void keep_pods(const struct observation *o, const struct judgement *j, struct plan *plan) {
  struct content kept = {0};
  struct obstacles ignored = {0};
  if (!j->history.current || content_parse(j->history.current->revision.content, &kept, NULL) < 0) return;
  if (j->deployment)
    children_keep_deployment(o, &kept, plan);
  else
    children_plan_deployment(o, &kept, (struct pace){0}, 0, plan, &ignored);
  content_done(&kept);
}

/* The round of a stack that something keeps from being released: what runs is kept as it was Deployed; a first install touches nothing. */
static void plan_blocked(const struct observation *o, struct judgement *j, struct plan *plan) {
  struct content kept = {0};
  if (!j->history.current || content_parse(j->history.current->revision.content, &kept, NULL) < 0) return;
  (void)children_plan(o, &kept, plan);
  children_keep_deployment(o, &kept, plan);
  content_done(&kept);
}

/* The Deployment says what the target says; while a Job has to come first it is left with what was Deployed last, so that all that is new comes in
 * one roll. */
static void plan_pods(const struct observation *o, const struct judgement *j, const struct content *target, int64_t canary, uint64_t needs,
                      struct plan *plan, struct obstacles *obstacles) {
  if (j->hooks.pods_wait && !j->rolls_back)
    keep_pods(o, j, plan);
  else
    children_plan_deployment(o, target, (struct pace){j->rolls_back, canary}, needs, plan, obstacles);
}

/* Recorded once, and the rest is left to the next round. A revision that was Deployed before has been released, and going back can't fail as a release. */
static void plan_failure(const struct observation *o, struct judgement *j, const struct target *t, const struct trial *trial,
                         struct plan *plan) {
  const struct child *revision = j->history.target;
  if (!revision || revision->revision.deployed_ms || j->history.back || t->failure.reason || !trial->failure.reason) return;
  struct release_failure failure = trial->failure;
  failure.because = j->diagnosis.reason;
  failure_plan(o, revision, t->content, &failure, plan);
  j->taken = j->history.current;
}

/* What was put back says little of the Jobs that are to blame. */
static void tell_failed_jobs(const struct observation *o, struct judgement *j, const struct target *t) {
  struct content failed = {0};
  struct hooks hooks;
  if (t->mode != TARGET_PUT_BACK || content_parse(t->failed->revision.content, &failed, NULL) < 0) return;
  const struct history history = history_read(o, &failed);
  hooks_plan(o, &history, &failed, false, 0, NULL, &hooks);
  if (hooks.current.state == SERIES_FAILED) {
    j->hooks = hooks;
    j->jobs_of = t->failed;
  }
  content_done(&failed);
}

/* From the revision to Deployed, in the order in which things need each other. */
static void plan_release(const struct observation *o, struct judgement *j, const struct target *t, struct plan *plan) {
  const struct content *target = t->content;
  uint64_t begun = plan_revision(o, j, target, plan), made = begun | plan_keys(o, j, plan);
  change_clean(o, &j->history, target, &j->change, begun, plan);
  struct children_verdict children = children_plan(o, target, plan);
  const struct deployment_facts *d = j->deployment ? &j->deployment->deployment : NULL;
  bool applied = d && d->content_hash && !strcmp(d->content_hash, target->hash);
  j->rolls_back = target_rolls_back(t, j->deployment);
  if (applied && t->mode == TARGET_SPEC) (void)pin_clean(o, NULL, 0, plan);
  hooks_plan(o, &j->history, target, applied, made | children.pods_need, plan, &j->hooks);
  struct trial trial = trial_judge(o, &j->history, target, j->deployment, &j->hooks, &t->failure, plan);
  plan_pods(o, j, target, trial.canary, made | children.pods_need, plan, &children.obstacles);
  plan_failure(o, j, t, &trial, plan);
  if (trial.passed && j->history.target) plan_deployed(o, &j->history, &j->hooks, &trial, plan);
  if (j->history.target && j->history.target == j->history.current) history_prune(o, &j->history, target, plan);
  j->standing = stand(&(struct round){o, j, t, &trial, &children.obstacles, plan});
  tell_failed_jobs(o, j, t);
}

/* What goes on while the spec has to wait: a release or a way back in flight, or what the pods were asked for and failed. */
static const struct child *running(const struct observation *o, const struct judgement *j) {
  const struct child *in_flight = change_in_flight(o, &j->history);
  const struct child_list *revisions = &o->children[RESOURCE_REVISION];
  const char *says = j->deployment ? j->deployment->deployment.content_hash : NULL;
  for (size_t i = 0; i < revisions->count && !in_flight && says; i++) {
    const struct child *revision = revisions->items[i];
    bool is_it = revision->revision.failed && observation_owns(o, revision) && !strcmp(child_release_hash(revision), says);
    if (is_it && revision != j->history.target) in_flight = revision;
  }
  return in_flight;
}

/* What may not begin yet leaves all as it is: a release in flight goes on, else what was Deployed last stays. */
static void plan_held(const struct observation *o, struct judgement *j, const struct target *t, struct plan *plan) {
  const struct child *goes_on = running(o, j);
  struct content content = {0};
  if (goes_on && (j->change.asks & CHANGE_RELEASE) && content_parse(goes_on->revision.content, &content, NULL) == 0) {
    struct target other;
    target_choose(&(struct target_question){o, &content, j->deployment, j->secrets.ok}, &other);
    j->history = other.history;
    plan_release(o, j, &other, plan);
    target_done(&other);
    content_done(&content);
    return;
  }
  plan_blocked(o, j, plan);
  if (!j->deployment) keep_pods(o, j, plan);
  hooks_plan(o, &j->history, t->content, false, 0, NULL, &j->hooks);
  j->standing = (struct standing){.phase = "Blocked", .reconciling = true, .reason = "ChangeHeld", .message = j->change.message};
}

static void plan_round(const struct observation *o, struct judgement *j, const struct target *t, struct plan *plan) {
  struct standing blocked;
  finalize_plan_guard(o, plan);
  if (gate(o, j, plan, &blocked)) {
    plan_blocked(o, j, plan);
    hooks_plan(o, &j->history, t->content, false, 0, NULL, &j->hooks);
    j->standing = blocked;
    return;
  }
  j->change = change_judge(o, &j->history, t->content, j->deployment, plan);
  if (j->change.held)
    plan_held(o, j, t, plan);
  else
    plan_release(o, j, t, plan);
}

static int plan_wanted(const struct observation *o, struct judgement *j, struct plan *plan, struct error *error) {
  struct content asked = {0};
  struct target target;
  if (content_of_stack(o->stack, o->companion_image, &asked, error) < 0) return -1;
  j->asked = (struct asked){arena_strdup(plan->arena, asked.hash), arena_strdup(plan->arena, asked.image)};
  j->secrets = secrets_judge(o, plan->arena);
  j->keys = keys_judge(o, plan->arena);
  target_choose(&(struct target_question){o, &asked, j->deployment, j->secrets.ok}, &target);
  j->history = target.history;
  j->failure = target.failure;
  j->failed = target.failed;
  j->pinned = target.mode == TARGET_PINNED || target.mode == TARGET_IMAGE ? target.pin.revision : NULL;
  j->complete = true;
  j->taken = commands_plan(&(struct commands_question){o, &target, &asked, j->secrets.ok}, plan);
  if (!j->taken) {
    jwks_plan(o, plan, &j->rotation);
    plan_round(o, j, &target, plan);
  }
  target_done(&target);
  content_done(&asked);
  return 0;
}

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), m = strlen(end);
  return n >= m && !strcmp(text + n - m, end);
}

/* A phase or reason that is new is told once. */
static void plan_standing_event(const struct observation *o, const struct standing *s, const struct diagnosis *d, struct plan *plan) {
  const cJSON *ready = condition_find(json_get(o->stack->status, "conditions"), "Ready");
  bool same = !strcmp(json_string(o->stack->status, "phase", ""), s->phase) && !strcmp(json_string(ready, "reason", ""), s->reason);
  if (same || !strcmp(s->reason, "Deployed")) return; /* Deployed has an event of its own */
  bool diagnosed = d->reason && !strcmp(s->reason, d->reason);
  bool bad = s->stalled || diagnosed || !strcmp(s->phase, "Blocked") || !strcmp(s->reason, "WriteFailed") ||
             !strcmp(s->reason, "DriftReturns") || ends_with(s->reason, "Retrying");
  plan->event = (struct plan_event){bad ? "Warning" : "Normal", s->reason, arena_strdup(plan->arena, s->message)};
}

/* What goes on although it should wait is told when it begins. */
static void plan_notice(const struct observation *o, const struct change *change, struct plan *plan) {
  const cJSON *before = condition_find(json_get(o->stack->status, "conditions"), "ChangeAllowed");
  if (!change->warned || !strcmp(json_string(before, "message", ""), change->message)) return;
  plan->notice = (struct plan_event){"Warning", "ChangeWarned", arena_strdup(plan->arena, change->message)};
}

/* While writes are owed, the status waits for the round that finds them done, unless they fail, the phase has changed or there is a message to be sent;
 * that all is done can only be told by a round that had nothing left to do. */
static void plan_status(const struct observation *o, const struct judgement *j, struct plan *plan) {
  plan->phase = j->standing.phase;
  plan->status = status_build(o, j);
  bool owes = messages_plan(o, j, plan);
  bool phase_changed = strcmp(json_string(o->stack->status, "phase", ""), j->standing.phase) != 0;
  bool waits = plan->action_count && !o->last_error && ((!phase_changed && !owes) || j->standing.ready);
  plan->status_changed = !waits && plan->status && !json_equal(plan->status, o->stack->status);
  if (!plan->status_changed) return;
  plan_standing_event(o, &j->standing, &j->diagnosis, plan);
  plan_notice(o, &j->change, plan);
}

static const struct child *find_deployment(const struct observation *o) {
  const struct child *deployment = observation_find(o, RESOURCE_DEPLOYMENT, o->stack->name);
  return deployment && observation_owns(o, deployment) ? deployment : NULL;
}

/* Of pods that are all available nothing is asked. */
static void plan_diagnosis(const struct observation *o, struct judgement *j, struct plan *plan) {
  const struct deployment_facts *d = j->deployment ? &j->deployment->deployment : NULL;
  j->autoscaler = diagnose_autoscaler(o, plan->arena);
  if (!d || (d->available >= d->replicas && d->updated >= d->replicas)) return;
  j->diagnosis = diagnose(o, j->deployment, plan->arena);
  if (j->diagnosis.look_again_ms) plan_look_again(plan, j->diagnosis.look_again_ms);
}

int plan_make(const struct observation *o, struct plan *plan, struct error *error) {
  struct judgement j = {.deployment = find_deployment(o)};
  struct error refusal = {0};
  if (o->stack->deleting) return finalize_plan(o, plan), 0;
  plan_diagnosis(o, &j, plan);
  if (stack_validate(o->stack, &refusal) < 0)
    j.standing = (struct standing){.phase = "Blocked", .stalled = true, .reason = "InvalidSpec", .message = refusal.message};
  else if (o->stack->spec.suspend)
    j.standing = (struct standing){.phase = "Suspended", .reason = "Suspended", .message = "spec.suspend is true: nothing is changed"};
  else if (plan_wanted(o, &j, plan, error) < 0)
    return -1;
  if (j.taken)
    plan->phase = json_string(o->stack->status, "phase", "Pending");
  else
    plan_status(o, &j, plan);
  return 0;
}
