/* What Google took back and nobody told us: its list of voided purchases is read at the start, each 6 h, and as soon as a notification speaks of
 * one. One worker of all does it, held by a lease; the list is read from a day before the last whole reading on (30 days at most, as far as
 * Google's goes). A purchase that is taken back already stays as it is, so reading an entry twice does nothing. At its end, what was kept for want of a
 * product is replayed (replay.h).
 *
 * Sources: Google Play Developer API v3, purchases.voidedpurchases.list.
 */
#pragma once

#include "base/error.h"

struct google;
struct db;
struct loop;
struct metrics;
struct sweep;

/* All are borrowed. NULL without memory. With no service account it never sweeps. */
struct sweep *sweep_new(struct loop *loop, struct db *db, struct google *google, struct metrics *metrics, struct error *error);
void sweep_free(struct sweep *sweep); /* accepts NULL; a sweep under way is left to the lease's end */

/* It is due, says the database; whoever is first makes it. */
void sweep_kick(struct sweep *sweep);
