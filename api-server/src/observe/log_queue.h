/* Log lines never hold the worker up: they are gathered in a bounded queue and written when the reader has room.
 *
 * Whole lines only, as many as fit into one write(2) that a pipe takes atomically (PIPE_BUF), so lines of several workers never mix. What
 * finds the queue full is dropped and counted. Lines leave at the end of the loop's turn, or when enough have gathered.
 *
 *     log_queue_start(&queue, loop, STDOUT_FILENO, metrics_series(metrics, METRIC_LOG_DROPPED, ""));
 *     ... log_info(...) from anywhere in this process ...
 *     log_queue_stop(&queue);                       // writes what is left, waiting at most a second
 */
#pragma once

#include "base/buffer.h"
#include "net/loop.h"
#include "observe/metrics.h"

enum { LOG_QUEUE_BYTES = 1 << 20 };

struct log_queue {
  int fd;
  struct buffer lines;
  struct task flush;  /* at the end of this turn */
  struct timer again; /* when the reader had no room */
  struct series *dropped;
};

void log_queue_start(struct log_queue *queue, struct loop *loop, int fd, struct series *dropped);
void log_queue_stop(struct log_queue *queue);
