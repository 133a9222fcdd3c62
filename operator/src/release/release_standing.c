#include "release/release_standing.h"

#include <string.h>

struct telling {
  const struct observation *o;
  const struct target *t;
  const struct rollout *rollout;
  struct arena *arena;
};

static long long number(const struct child *revision) { return revision ? (long long)revision->revision.number : 0; }

static const char *annotate(const struct telling *x, const char *command) {
  return arena_printf(x->arena, "kubectl -n %s annotate supernovastack %s '" STACK_GROUP "/%s'", x->o->stack->namespace, x->o->stack->name,
                      command);
}

static const char *force_command(const struct telling *x, long long revision) {
  return annotate(x, arena_printf(x->arena, "rollback-to=%lld;force;by=<who>;reason=<why>", revision));
}

static struct standing held(const char *reason, const char *message) {
  return (struct standing){.phase = "Held", .stalled = true, .reason = reason, .message = message};
}

/* "revision 5 failed: 1 of 3 pods …". */
static const char *failed_text(const struct telling *x) {
  return arena_printf(x->arena, "revision %lld failed: %s", number(x->t->failed), x->t->failure.message);
}

/* Why it goes back, as a clause. */
static const char *cause(const struct telling *x) {
  const struct target *t = x->t;
  if (t->mode == TARGET_PUT_BACK) return failed_text(x);
  if (t->mode == TARGET_PINNED || t->mode == TARGET_IMAGE)
    return arena_printf(x->arena, "%s asked for it", t->pin.by ? t->pin.by : "somebody");
  return "the spec asks for it";
}

static struct standing on_its_way(const struct telling *x) {
  return (struct standing){.phase = "RollingBack",
                           .reconciling = true,
                           .reason = "RollingBack",
                           .message = arena_printf(x->arena, "going back to revision %lld, since %s; %s", number(x->t->history.target),
                                                   cause(x), *x->rollout->message ? x->rollout->message : "all pods are there")};
}

static struct standing stuck(const struct telling *x) {
  return held(
      "RollbackFailed",
      arena_printf(
          x->arena, "going back to revision %lld, since %s, has failed: %s; nothing else is tried by itself. To another revision: %s",
          number(x->t->history.target), cause(x), x->rollout->message, annotate(x, "rollback-to=<revision>;by=<who>;reason=<why>")));
}

static struct standing pinned(const struct telling *x) {
  const struct pin *pin = &x->t->pin;
  bool image = x->t->mode == TARGET_IMAGE;
  const char *what = image ? arena_printf(x->arena, "the image of revision %lld serves in place of %s", number(pin->revision), pin->image)
                           : arena_printf(x->arena, "revision %lld serves in place of what the spec says", number(pin->revision));
  return held(
      image ? "ImagePinned" : "Pinned",
      arena_printf(x->arena, "%s, as %s asked (%s), until the spec %s; or to take it up again: %s", what, pin->by ? pin->by : "somebody",
                   pin->reason ? pin->reason : "no reason given", image ? "asks for another image" : "changes",
                   annotate(x, arena_printf(x->arena, "rollback-to=%lld;by=<who>", number(x->t->history.asked)))));
}

static const char *retry_text(const struct telling *x) {
  return arena_printf(x->arena, "It is tried again when the spec%s changes, or: %s", x->t->failure.by_secret ? " or the Secret" : "",
                      annotate(x, "retry=now;by=<who>"));
}

static struct standing put_back(const struct telling *x) {
  return (struct standing){
      .phase = "Failed",
      .stalled = true,
      .reason = x->t->failure.reason,
      .message = arena_printf(x->arena, "%s; revision %lld serves. %s", failed_text(x), number(x->t->history.target), retry_text(x))};
}

static struct standing failed_and_held(const struct telling *x) {
  long long current = number(x->t->history.current);
  bool refused = stack_rolls_back(x->o->stack);
  const char *why = refused ? rollback_explain(&x->t->evidence, x->arena) : "rollout.onFailure is Hold";
  return held(refused ? "RollbackRefused" : x->t->failure.reason,
              arena_printf(x->arena, "%s; it is not put back, since %s. To go back to revision %lld all the same: %s. %s", failed_text(x),
                           why, current, force_command(x, current), retry_text(x)));
}

static struct standing refused(const struct telling *x) {
  long long asked = number(x->t->history.asked);
  return held("RollbackRefused",
              arena_printf(x->arena,
                           "the spec goes back to revision %lld, which can't serve: %s; revision %lld stays. To go there all the "
                           "same: %s",
                           asked, rollback_explain(&x->t->evidence, x->arena), number(x->t->history.current), force_command(x, asked)));
}

bool release_standing(const struct observation *o, const struct target *t, bool rolls_back, const struct rollout *rollout,
                      struct arena *arena, struct standing *ret) {
  const struct telling x = {o, t, rollout, arena};
  bool back = rolls_back || (t->mode == TARGET_PUT_BACK || t->mode == TARGET_PINNED);
  if (back && rollout->state == ROLLOUT_STUCK) return *ret = stuck(&x), true;
  if (rolls_back) return *ret = on_its_way(&x), true;
  switch (t->mode) {
    case TARGET_PINNED: return *ret = pinned(&x), true;
    case TARGET_PUT_BACK: return *ret = put_back(&x), true;
    case TARGET_REFUSED: return *ret = refused(&x), true;
    case TARGET_IMAGE:
      if (t->history.target != t->history.current) return false;
      return *ret = pinned(&x), true;
    case TARGET_HELD:
      if (!t->history.current && t->failure.by_secret) return false;
      return *ret = failed_and_held(&x), true;
    case TARGET_SPEC: break;
  }
  return false;
}
