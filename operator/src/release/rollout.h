/* Whether the pods run what they should, and if not, why not: read from the Deployment's status and its pods. Pure. */
#pragma once

#include "stack/plan.h"

enum rollout_state {
  ROLLOUT_NONE,        /* there is no Deployment yet, or it says something else */
  ROLLOUT_PROGRESSING, /* pods are being replaced, started or scaled */
  ROLLOUT_COMPLETE,    /* every wanted pod is of this revision and available, and no other is left */
  ROLLOUT_STUCK,       /* it has missed its progress deadline */
};

struct rollout {
  enum rollout_state state;
  const char *message; /* how far it is, and the first evidence of what holds it up; in ARENA */
};

struct rollout rollout_judge(const struct observation *o, const struct child *deployment, const char *content_hash, struct arena *arena);
