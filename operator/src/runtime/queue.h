/* The work queue: keys in, one call at a time for each key, at most so many at once.
 *
 *     struct queue *queue = queue_new(loop, 16, reconcile, me);
 *     queue_add(queue, "shop/web");             // now; many adds before it starts are one
 *     queue_add_after(queue, "shop/web", 2000); // not later than that
 *     queue_done(queue, "shop/web", QUEUE_OK);  // the worker's answer to each call of `work`
 *
 * A key that is added while it is being worked on is worked on again at once, whatever the answer: what has changed may be the remedy. After a failure it comes back with back-off (5 ms doubling to 5 min, with
 * jitter), which a success resets. Keys are copied. Lives on the loop; `work` is called from it and may answer at once.
 */
#pragma once

#include "net/loop.h"

struct queue;

/* LATER: neither success nor failure, the back-off stays as it is; AGAIN: with back-off; FORGET: the key is gone */
enum queue_outcome { QUEUE_OK, QUEUE_LATER, QUEUE_AGAIN, QUEUE_FORGET };

struct queue *queue_new(struct loop *loop, unsigned max_active, void (*work)(void *owner, const char *key), void *owner);
void queue_free(struct queue *queue); /* accepts NULL */

void queue_add(struct queue *queue, const char *key);
void queue_add_after(struct queue *queue, const char *key, int64_t delay_ms);
void queue_done(struct queue *queue, const char *key, enum queue_outcome outcome);

/* How long KEY had waited for its turn; from within `work`. 0 for a key that is not there. */
int64_t queue_waited_ns(const struct queue *queue, const char *key);

/* A paused queue takes keys and starts none (the standby, and on the way out). */
void queue_pause(struct queue *queue, bool paused);
bool queue_is_idle(const struct queue *queue); /* nothing is being worked on */

struct queue_counts {
  uint64_t adds, retries;
  unsigned ready, active, waiting; /* to start, being worked on, for their time */
};
struct queue_counts queue_counts(const struct queue *queue);
