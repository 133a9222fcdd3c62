/* The status of a stack, from what was decided. Pure: conditions, numbers and words; patched only when it differs from what is there. */
#pragma once

#include "change/gate.h"
#include "diagnosis/diagnosis.h"
#include "release/failure.h"
#include "release/history.h"
#include "release/hooks.h"
#include "release/trial.h"
#include "rotation/jwks_plan.h"
#include "rotation/keys.h"
#include "rotation/secrets.h"
#include "stack/standing.h"

/* The revision that the spec asks for, which may have to wait. Strings in the plan's arena; NULL: not judged this time. */
struct asked {
  const char *hash, *image;
};

struct judgement {
  struct standing standing;
  struct secrets_verdict secrets;
  struct keys_verdict keys;
  struct jwks_standing rotation;
  struct asked asked;
  struct history history;
  struct hooks hooks;
  struct release_failure failure; /* of what is asked for, as it is remembered; without a reason: none */
  const struct child *failed;     /* its revision */
  const struct child *pinned;     /* what a rollback by hand holds on to, or NULL */
  const struct child *jobs_of;    /* the revision that the hooks above are of; NULL: the target */
  bool rolls_back;                /* the pods are on their way to what has served before */
  struct change change;           /* without a reason: not judged this time */
  const struct child *deployment; /* NULL: none yet */
  struct diagnosis diagnosis;     /* why its pods do not serve */
  const char *autoscaler;         /* that it is at its end, or NULL */
  bool taken;                     /* a command: the rest of the round is left to the next one */
  bool complete;                  /* false: decided too early for hooks and history to mean anything (a spec that is refused) */
};

/* The whole status. The caller owns it; NULL without memory. */
cJSON *status_build(const struct observation *o, const struct judgement *j);
