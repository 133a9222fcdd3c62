/* What we owe Google for what it sold: every purchase is acknowledged (or, where it gives coins, consumed) within three days, else Google takes it
 * back.
 *
 * The rows are written by the transaction of the effect (migrations/0002_stores.sql). Each worker looks each few seconds, and at once when it has
 * made one; whoever claims a row holds it for OUTBOX_LEASE_S, and calls with no transaction open. So a worker that dies, at whatever point,
 * leaves its rows to the next one. The first claim of a row calls; each later one asks Google first how the purchase is, since the call
 * before may have come through, and calls only where it hasn't. 409 and 400 are such a case too.
 *
 *   claimed --first time--> CALLING --done--> reported done
 *      \---again--> READING --owed still--> CALLING --anything else--> reported, and tried later (2 s doubling to an hour)
 *                      \---not any more--> reported done, or obsolete
 *
 * A row that is a day from its deadline counts in supernova_outbox_overdue, and is an error in the log.
 */
#pragma once

#include "base/error.h"

struct google;
struct db;
struct loop;
struct metrics;
struct outbox;

enum { OUTBOX_LEASE_S = 30 };

/* All are borrowed. NULL without memory. With no service account it never claims anything. */
struct outbox *outbox_new(struct loop *loop, struct db *db, struct google *google, struct metrics *metrics, struct error *error);
void outbox_free(struct outbox *outbox); /* accepts NULL; what is under way is left to the lease's end */

/* There may be something to do. */
void outbox_kick(struct outbox *outbox);
