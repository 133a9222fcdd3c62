/* The heart: from what is observed to what is to be done. Pure.
 *
 *     struct plan plan = {.arena = arena};
 *     if (plan_make(&observation, &plan, &error) < 0) ...        only without memory
 *     ... apply its actions in order, then its status, then its event; look again after plan.look_again_ms
 *     plan_done(&plan);
 *
 * The same observation gives the same plan. When everything is as wanted, there are no actions and the status equals the one that is there.
 */
#pragma once

#include "stack/plan.h"

int plan_make(const struct observation *o, struct plan *plan, struct error *error) _must_check_;
