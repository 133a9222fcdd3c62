/* The command rollback-to: which revision, and whether it may be. It leaves a pin behind (release/pin.h), and the rounds after it go back. Pure.
 *
 *     5            revision 5, wholly; the spec's own revision takes up the spec again
 *     previous     what served before: what was Deployed last, or before that where what was Deployed last is what is wanted
 *     5/image      the spec with the image of revision 5; previous/image likewise
 *
 * Revisions that were never Deployed are refused, and without `force` those that are known not to fit (rollback_verdict.h).
 */
#pragma once

#include "change/command.h"
#include "release/target.h"

struct rollback_order {
  const struct observation *o;
  const struct target *target; /* what is wanted now */
  const struct content *asked; /* what the spec says */
  const struct command *command;
  bool secret_ok;
};

/* Plans the writes of pins. *RET_NEEDS: their bits; *RET_EVENT: what people are told. -1: why it is refused. */
int rollback_order_take(const struct rollback_order *order, struct plan *plan, uint64_t *ret_needs, struct plan_event *ret_event,
                        struct error *error) _must_check_;
