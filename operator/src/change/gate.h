/* Change control: whether what would replace pods may begin now. One scheduler for releases, restarts, changed Secrets and changed settings of the pods:
 * what waits begins together at the next opening, in one roll. Pure.
 *
 *   a freeze beats a window; an override (commands.h) beats both until it ends; approval and ticket are asked of releases beside that
 *   never held: the first install, going back to what was once Deployed, a put-back, scaling, drift that is set back, pods of which none is available
 *   a release that began (annotation began-at of its revision) goes on past the end of its window
 *
 * The memory of a release is on its revision, in the write that makes it: began-at, and who approved or overrode. An approval is used up when that has been
 * written. While something waits, nothing is written.
 */
#pragma once

#include "release/history.h"

enum change_kind {
  CHANGE_RELEASE = 1 << 0,  /* another revision */
  CHANGE_SETTINGS = 1 << 1, /* of the pods, which are no part of a revision: names of Secrets, the pull policy … */
  CHANGE_SECRET = 1 << 2,   /* what it holds */
  CHANGE_RESTART = 1 << 3,  /* the command */
};

struct change_question {
  const struct stack *stack;
  int64_t now_ms;
  unsigned asks;            /* bits of change_kind: what is not as the pods have it */
  const char *release_hash; /* of the revision that is asked for */
};

struct change {
  unsigned asks;
  bool held;   /* it has to wait */
  bool begins; /* a release may begin, and that is to be recorded */
  bool warned; /* it goes on although it should wait (enforcement Warn) */
  bool allowed;
  const char *reason, *message;            /* of the condition ChangeAllowed, with the command that lets it through; NULL: not judged */
  const char *blocked_by;                  /* what it waits for; NULL where it does not */
  int64_t at_ms;                           /* when it may begin; 0: nobody can tell */
  int64_t look_again_ms;                   /* when time alone may change the answer; 0: never */
  const char *approved_by, *overridden_by; /* that let it through; NULL: nobody had to */
};

/* The answer to one question; its texts are in ARENA. */
struct change change_decide(const struct change_question *question, struct arena *arena);

/* Asks it for what is observed. DEPLOYMENT: the stack's own, NULL where there is none. */
struct change change_judge(const struct observation *o, const struct history *history, const struct content *target,
                           const struct child *deployment, struct plan *plan);

/* What the revision that begins remembers, as members of ANNOTATIONS. */
void change_annotate_begin(const struct change *change, const struct observation *o, cJSON *annotations);

/* Removes what has been used up: the approval of a release that began, and the beginnings of releases that gave way to the target. NEEDS: the actions that
 * record that the target has begun. */
void change_clean(const struct observation *o, const struct history *history, const struct content *target, const struct change *change,
                  uint64_t needs, struct plan *plan);

/* The revision whose release began and is neither done nor the target; NULL: none. */
const struct child *change_in_flight(const struct observation *o, const struct history *history);

/* status.nextDisruption; NULL where nothing waits. The caller owns it. */
cJSON *change_next_disruption(const struct change *change);
