/* Purchases of Google's that are looked at again though no new notification speaks of them, at the end of a sweep, one after the other:
 *
 *   kept   notifications whose product the catalogue didn't have: once it has, they take effect after all. Putting a product into the catalogue makes
 *          a sweep due
 *   due    subscriptions that have passed their end since they were last looked at (a renewal may have gone unheard), for a week; and what has
 *          been pending for an hour
 *
 *     replay_start(&sweep->replay, on_replayed);       // on_replayed(&sweep->replay, NULL or an error), later
 */
#pragma once

#include "iap/google.h"

struct replay {
  struct db *db;
  struct google *google;
  struct metrics *metrics;
  void (*done)(struct replay *replay, const struct error *error);

  /* its own */
  struct google_call call;
  struct db_query query;
  struct arena *arena;             /* of this purchase */
  bool due;                        /* the notifications are done */
  char after[2049];                /* where the next one is looked for: this message's id, or this purchase's token */
  struct google_notification told; /* as if it was just told */
  int64_t asked_ms;
};

/* The three are borrowed. */
int replay_init(struct replay *replay, struct db *db, struct google *google, struct metrics *metrics, struct error *error) _must_check_;
void replay_done(struct replay *replay); /* accepts one that is zeroed; `done` is not called any more */

/* ERROR of `done`: Google or the database was away; what is left is kept. */
void replay_start(struct replay *replay, void (*done)(struct replay *replay, const struct error *error));
