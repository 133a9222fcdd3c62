/* Whether the pods run what they should, and if not, why not: read from the Deployment, its status and its pods. Pure.
 *
 *     struct rollout r = rollout_judge(&(struct rollout_question){o, deployment, target->hash, .is_release = true, .canary = 1}, arena);
 *
 * The deadline is the operator's own, from durable times: when the Deployment was last asked for other pods, or let go on (its annotation rolling-since),
 * the last pod that became ready, the last Job that ended. Kubernetes' own can't be used: a canary holds for as long as it takes.
 */
#pragma once

#include "stack/plan.h"

enum rollout_state {
  ROLLOUT_NONE,        /* there is no Deployment yet, or it says something else */
  ROLLOUT_PROGRESSING, /* pods are being replaced, started or scaled */
  ROLLOUT_CANARY,      /* it holds, and every pod of the canary is ready */
  ROLLOUT_COMPLETE,    /* every wanted pod is of this revision and available, and no other is left */
  ROLLOUT_STUCK,       /* it has missed its progress deadline */
};

struct rollout_question {
  const struct observation *o;
  const struct child *deployment; /* NULL: none yet */
  const char *content_hash;
  bool is_release;      /* of a revision that was never Deployed: what is Deployed may lose pods without having failed */
  bool job_works;       /* one of its Jobs is at work, for which pods may have to wait */
  int64_t job_ended_ms; /* when the last of its Jobs ended; 0: none did */
  int64_t canary;       /* pods at which a Deployment that holds is complete as a canary */
};

struct rollout {
  enum rollout_state state;
  const char *message;   /* how far it is, and the first evidence of what holds it up; in ARENA */
  int64_t look_again_ms; /* when the deadline may have passed; 0: time changes nothing */
};

struct rollout rollout_judge(const struct rollout_question *q, struct arena *arena);

/* It says this content, and Kubernetes holds it at its canary. */
bool rollout_holds(const struct child *deployment, const char *content_hash);
