/* status.outbox: what is to be told and has yet to be delivered. Pure.
 *
 *     [{"id": "msg-3fdba35f04", "receiver": "team", "event": "ReleaseFailed", "at": "…", "revision": 3, "subject": "…", "text": "…",
 *       "attempts": 2, "nextAttemptAt": "…", "failure": "it answered with status 503"}]
 *
 * An entry stands there before it is sent, under an id that stays, and goes once its receiver has taken it: so each message is delivered at least once,
 * whoever is killed when, and a receiver knows a repeat by its id. At most OUTBOX_MAX, the oldest give way; none is older than OUTBOX_AGE_MS. Each receiver
 * gets its messages in their order: what comes behind one that waits for its next attempt waits too, but other receivers don't. One is under way at a
 * time.
 */
#pragma once

#include "message/delivery.h"
#include "stack/plan.h"

enum {
  OUTBOX_MAX = 16,
  OUTBOX_FIRST_MS = 5 * 1000, /* after the first failure; it doubles with each further one */
  OUTBOX_LONGEST_MS = 30 * 60 * 1000,
  OUTBOX_AGE_MS = 24 * 60 * 60 * 1000,
};

/* The outbox after this round: OBSERVED (NULL: none) without what has been delivered, or is too old, or for a receiver that the spec has no more, and with
 * FRESH (taken) at its end. PLAN gets the event that tells of a failure or a loss, when to look again, and what to send now: of OBSERVED alone. The caller
 * owns it; NULL where it is empty. */
cJSON *outbox_plan(const struct observation *o, cJSON *fresh, struct plan *plan);

/* True when OUTBOX knows how DELIVERY came out, or holds nothing of it: then it may be forgotten. */
bool outbox_knows(const cJSON *outbox, const struct delivery *delivery);
