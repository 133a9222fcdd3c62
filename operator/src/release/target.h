/* Which content is wanted now: what the spec says, or what served before it. The one place that decides it. Pure.
 *
 *   the spec's revision                                              wanted
 *   ---------------------------------------------------------------  ------------------------------------------------------------------
 *   people went back from it, wholly (a pin holds)                   TARGET_PINNED    the pinned revision
 *   people went back from its image                                  TARGET_IMAGE     the spec with the pinned revision's image
 *   failed; its pods were never asked for, or what was Deployed      TARGET_PUT_BACK  what was Deployed last
 *     last can serve, and rollout.onFailure is Rollback
 *   failed, and the above is not so                                  TARGET_HELD      it stays as it is
 *   was Deployed before, but can't serve any more                    TARGET_REFUSED   what was Deployed last
 *   else                                                             TARGET_SPEC      it
 *
 * Nothing is decided twice: what has been asked of the pods goes on, whatever becomes of the verdict meanwhile; and what goes back and fails stays where
 * it is (release_standing), since from there no arrow leads on.
 */
#pragma once

#include "release/failure.h"
#include "release/history.h"
#include "release/pin.h"
#include "release/rollback_verdict.h"

enum target_mode { TARGET_SPEC, TARGET_PINNED, TARGET_IMAGE, TARGET_PUT_BACK, TARGET_HELD, TARGET_REFUSED };

struct target_question {
  const struct observation *o;
  const struct content *asked;    /* what the spec says */
  const struct child *deployment; /* the stack's own; NULL: none yet */
  bool secret_ok;
};

struct target {
  enum target_mode mode;
  const struct content *content;     /* what is wanted: the asked one, or OWN */
  struct content own;                /* filled where it is another; target_done frees it */
  struct history history;            /* of the wanted content; its `asked` is the revision of what the spec says */
  struct pin pin;                    /* of PINNED and IMAGE; of others the last that there was, which holds no more */
  struct release_failure failure;    /* of what was asked for, or with the pinned image; without a reason: none */
  const struct child *failed;        /* its revision */
  struct rollback_evidence evidence; /* of HELD: on what was Deployed last; of REFUSED: on the spec's revision */
};

/* In place: TO must not move, and borrows from the question. */
void target_choose(const struct target_question *question, struct target *to);
void target_done(struct target *target); /* accepts a zeroed one */

/* The pods are on their way back, or about to be: they are replaced all at once, and the Deployment says so until every one is. */
bool target_rolls_back(const struct target *target, const struct child *deployment);
