/* Where a stack stands while what is wanted is not simply what the spec says, or is on its way back to it: phases RollingBack and Held, and Failed with what
 * serves meanwhile. Pure.
 *
 *   what goes back         on its way     RollingBack   Reconciling
 *                          stuck          Held          Stalled, RollbackFailed: nothing else is tried by itself
 *   a pin                  there          Held          Stalled, Pinned or ImagePinned
 *   put back               there          Failed        Stalled, with the reason of the release that failed
 *   failed, not put back                  Held          Stalled, likewise, or RollbackRefused where the verdict is against it
 *   refused                               Held          Stalled, RollbackRefused
 *
 * Each message ends with the command that helps.
 */
#pragma once

#include "release/rollout.h"
#include "release/target.h"
#include "stack/standing.h"

/* False: none of these, and the stack stands where its release does. ROLLS_BACK: target_rolls_back. */
bool release_standing(const struct observation *o, const struct target *target, bool rolls_back, const struct rollout *rollout,
                      struct arena *arena, struct standing *ret);
