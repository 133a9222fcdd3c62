/* What pods said when they were last looked at, kept in memory between rounds: what is lost is asked anew.
 *
 *     looks_start(&looks, prober, "demo", plan.looks, plan.look_count, now_ms);      // where a decision waits on it; none while one is under way
 *     const struct probe *said = looks_of(&looks, pod->uid, ready_since_ms);         // NULL: not looked at since then
 *
 * Lives on the prober's loop. A pod whose counters went back, though it is the same pod, is not believed.
 */
#pragma once

#include "verify/prober.h"

enum { LOOKS_MAX = 32 /* pods a look */, LOOKS_KEPT_MS = 60 * 1000 };

struct pod_look {
  char *uid; /* of the pod */
  int64_t at_ms;
  struct probe said;
};

struct looks {
  struct pod_look *items;
  size_t count;
  struct probing *probing; /* what is under way, and for whom */
  char *asked[LOOKS_MAX];
  size_t asked_count;
  int64_t asked_ms;
};

struct look_target {
  const char *uid, *pod, *address;
};

/* At most LOOKS_MAX, and no sooner than a second after the last: of more pods, ask for those that have not said enough. What was heard is kept for
 * LOOKS_KEPT_MS while there are questions, and forgotten with the last one. */
void looks_start(struct looks *looks, struct prober *prober, const char *namespace, const struct look_target *targets, size_t n,
                 int64_t now_ms);

/* What this pod said at or after SINCE_MS, or NULL. LOOKS may be NULL. */
const struct probe *looks_of(const struct looks *looks, const char *uid, int64_t since_ms);

void looks_done(struct looks *looks); /* ends what is under way */
