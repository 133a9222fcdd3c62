/* Whether new pods are good: from how they stand, what they say of their requests, and whether they answer the smoke questions. Pure.
 *
 *     struct verdict v = verdict_of(&rules, &evidence, now_ms, arena);
 *     VERDICT_WAIT          look again after v.look_again_ms
 *     VERDICT_GOOD          goes on
 *     VERDICT_INCONCLUSIVE  goes on too, and says what nobody knows
 *     VERDICT_BAD           v.reason and v.message say what is put back, and why
 *
 * A restart, or more failures than allowed among enough requests, is told at once: each further second harms users. How long answers take is judged at
 * the window's end, since a process warms up. Too few requests, or pods whose metrics can't be read, are waited for once more as long; then how they
 * stand and the smoke questions decide. The window begins with the moment at which the last of the pods became ready, which is the pods' own record: so
 * nothing is remembered here.
 */
#pragma once

#include "base/arena.h"
#include "verify/reading.h"

#include <stdint.h>

struct verdict_rules {
  bool smoke; /* the smoke questions count */
  int64_t window_ms, max_p95_ms, min_requests;
  double max_error_rate; /* a share: 0.05 */
  const char *silent;    /* why requests are not judged ("its image tells no metrics"); NULL: they are */
};

struct verdict_evidence {
  int64_t ready_since_ms;    /* when the last of them became ready; 0: not all are */
  size_t pods, read;         /* how many; of them, whose metrics were read */
  bool unseen;               /* one of them has not been looked at since it became ready */
  struct reading served;     /* what they say together */
  const char *unread;        /* why one of them could not be read, or NULL */
  const char *restarted;     /* a pod whose container has restarted, or NULL */
  bool smoke_answered;       /* every smoke question was put, since they became ready */
  const char *smoke_failure; /* what was wrong with the last answer; NULL: nothing */
};

enum verdict_state { VERDICT_WAIT, VERDICT_GOOD, VERDICT_INCONCLUSIVE, VERDICT_BAD };

struct verdict {
  enum verdict_state state;
  const char *reason;    /* of BAD and INCONCLUSIVE: CamelCase; else "" */
  const char *message;   /* a sentence; in the arena or constant, never NULL */
  int64_t look_again_ms; /* of WAIT, else 0 */
};

struct verdict verdict_of(const struct verdict_rules *rules, const struct verdict_evidence *evidence, int64_t now_ms, struct arena *arena);
