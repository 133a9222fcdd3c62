/* Where a stack stands after a round was planned: the first of these that has something to say. Pure.
 *
 *   somebody else's child is in the way          Failed       Stalled, NameConflict
 *   an earlier stack's child is                  Pending      EarlierStackLeaves
 *   a write has failed and is owed still         RollingOut   WriteFailed
 *   another target than the spec                 release/release_standing.h
 *   the release's Jobs                           release/hooks.h
 *   the release's pods                           release/trial.h, release/rollout.h
 *   all is there, but somebody goes on changing  RollingOut   DriftReturns
 *   all is there                                 Ready        Deployed
 */
#pragma once

#include "release/target.h"
#include "release/trial.h"
#include "stack/children_plan.h"
#include "stack/status.h"

struct round {
  const struct observation *o;
  const struct judgement *j; /* but for its standing */
  const struct target *target;
  const struct trial *trial;
  const struct obstacles *obstacles;
  struct plan *plan; /* all its writes are there; takes when to look again, and the words */
};

struct standing stand(const struct round *round);
