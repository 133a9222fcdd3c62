/* Notifications of Google's that were kept because the catalogue didn't have their product: once it has, they take effect after all, as if they came
 * now. Runs at the end of a sweep, one notification after the other; putting a product into the catalogue makes a sweep due.
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
  struct arena *arena; /* of this notification */
  char id[257];        /* its, and where the next one is looked for */
  struct google_notification told;
  int64_t asked_ms;
};

/* The three are borrowed. */
int replay_init(struct replay *replay, struct db *db, struct google *google, struct metrics *metrics, struct error *error) _must_check_;
void replay_done(struct replay *replay); /* accepts one that is zeroed; `done` is not called any more */

/* ERROR of `done`: Google or the database was away; what is left is kept. */
void replay_start(struct replay *replay, void (*done)(struct replay *replay, const struct error *error));
