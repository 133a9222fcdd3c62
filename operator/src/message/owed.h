/* Which messages a round owes: from what was decided, and what was told already. Pure.
 *
 *     struct owed owed = messages_owed(o, &judgement, plan);     owed.told becomes status.told, owed.fresh goes to the outbox
 *
 * What was told last stands in status.told, which is written together with the messages themselves: so each is put into the outbox once, whoever is killed
 * when. A stack that is Deployed when somebody first asks to be told, or when its status was lost, has nothing to tell.
 *
 *   ReleasePlanned    a release waits for its window, an approval or a ticket
 *   ReleaseStarted    it begins
 *   ReleaseDeployed   it is done
 *   ReleaseFailed     it, or a rollback, can't go on by itself
 *   RollbackStarted   the stack goes back to a revision that was Deployed before
 *   RollbackDeployed  it is back
 *   ChangeOverridden  somebody lets changes through outside of windows and freezes
 */
#pragma once

#include "stack/plan.h"
#include "stack/status.h"

struct owed {
  cJSON *told;  /* NULL: nobody is to be told */
  cJSON *fresh; /* entries for the outbox, or NULL */
};

/* The caller owns both. */
struct owed messages_owed(const struct observation *o, const struct judgement *j, struct plan *plan);

/* What is told, and where that is written: adds told and outbox to the plan's status, and to the plan what is sent now. True when there are new messages,
 * for which a status is written that could wait. */
bool messages_plan(const struct observation *o, const struct judgement *j, struct plan *plan);
