/* What Apple told while nobody listened: its history of notifications, read at start and each 6 hours, by one worker of all.
 *
 * Each notification goes the way that it would have come (apple_event.h), so what was heard already has no effect. First come those that were
 * kept because the catalogue lacked their product. A sweep that fails is made again after 10 minutes, by whoever comes first. Without the
 * settings of the App Store Server API there is none.
 *
 *     apple_sweep_start(&app->apple_sweep, loop, db, &app->apple);
 */
#pragma once

#include "iap/apple_event.h"

enum { APPLE_SWEEP_EVERY_S = 6 * 3600, APPLE_SWEEP_LOOK_S = 300, APPLE_SWEEP_BACK_DAYS = 30 };

struct apple_sweep {
  struct apple *apple;
  struct db *db;
  struct timer timer;
  char owner[UUID_SIZE]; /* of the lease: this worker */
  bool looked;           /* once before */
  bool waits, kicked;    /* for the timer; it is to look again at its end */

  /* of the sweep that is under way */
  struct arena *arena;
  struct db_query query; /* the lease, and what was kept */
  struct apple_call call;
  struct apple_event event;
  int64_t start_ms, end_ms;
  char kept_before[64], kept_id[257], swept[24];
  cJSON *page;       /* Apple's; NULL: what was kept comes first */
  const cJSON *item; /* of it, the next */
  int64_t heard, applied;
};

void apple_sweep_start(struct apple_sweep *sweep, struct loop *loop, struct db *db, struct apple *apple);

/* The catalogue was written: what was kept for want of a product is due, says the database, and whoever is first hears it again. */
void apple_sweep_kick(struct apple_sweep *sweep);

void apple_sweep_stop(struct apple_sweep *sweep); /* accepts one that is zeroed */
