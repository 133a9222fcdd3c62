/* One worker process: a loop, its host, and everything that a request needs.
 *
 *   serving --SIGTERM--> draining --SHUTDOWN_DRAIN_SECONDS--> stopping --no connection left, or the grace is over--> gone
 *
 * While draining it is unready, still takes connections, and every answer says Connection: close. While stopping it takes none.
 */
#pragma once

#include "observe/metrics.h"
#include "settings/settings.h"
#include "store/limiter_table.h"

struct worker_setup {
  const struct settings *settings;
  struct metrics *metrics;
  struct limiter_table *limits;
  unsigned region;           /* of the metrics, 1 … */
  int public_fd, metrics_fd; /* listening; taken */
  const char *died;          /* of what the worker before this one died; "" */
};

enum { WORKER_DONE = 0, WORKER_FAILED = 1 };

/* Runs until it is told to end; returns the exit status. To be called in a fresh child of the parent. */
int worker_run(const struct worker_setup *setup);
