/* Rate limits: so many hits in a window that begins with the first of them, for a bucket ("read") and a key (a subject, an address).
 *
 *     struct limiter *limiter = limiter_new(loop, redis, table, 60000, &stats);            // redis may be NULL
 *     request->check.done = on_limit;
 *     if (limiter_hit(limiter, &request->check, "read", subject, 120, &verdict)) ...       // decided at once
 *
 * Counted in Redis, for all pods together, by one script; while Redis is away in the pod's shared memory, so that the limit holds in each pod
 * by itself. A client never sees an error for it, and is never unlimited. Keys are stored as digests.
 * Owner: whoever called limiter_new; redis and table must outlive it.
 */
#pragma once

#include "store/limiter_table.h"
#include "store/redis.h"

#include <stdatomic.h>

struct limiter;

struct limit_verdict {
  bool allowed;
  int64_t max, remaining; /* hits left in this window */
  int64_t reset_ms;       /* until the window ends */
  bool from_redis;
};

/* Counters of one worker, written by it alone. */
struct limiter_stats {
  _Atomic int64_t hits;    /* answered by Redis */
  _Atomic int64_t misses;  /* answered by the fallback */
  _Atomic int64_t limited; /* not allowed, by either */
};

/* Embedded in the request; all but `done` and `window_ms` is the limiter's own. */
struct limit_check {
  void (*done)(struct limit_check *check, const struct limit_verdict *verdict);
  struct redis_command command;
  struct limiter *limiter; /* NULL: not under way */
  struct limit_check *next, **previous;
  int64_t window_ms; /* the caller's; 0: that of the limiter */
  const char *bucket;
  unsigned char key[LIMITER_KEY];
  int64_t max;
  bool whole_script; /* sent with the script's text, as Redis didn't know its digest */
};

struct limiter *limiter_new(struct loop *loop, struct redis *redis, struct limiter_table *table, int64_t window_ms,
                            struct limiter_stats *stats, struct error *error);
void limiter_free(struct limiter *limiter); /* accepts NULL; checks under way are not called back */

/* True: decided, *RET_VERDICT is set and `done` will not be called. False: `done` will be called, exactly once, later. BUCKET is borrowed for ever
 * (a literal), KEY only for the call. */
bool limiter_hit(struct limiter *limiter, struct limit_check *check, const char *bucket, const char *key, int64_t max,
                 struct limit_verdict *ret_verdict) _must_check_;
void limiter_cancel(struct limit_check *check); /* fine when not under way */

DEFINE_CLEANUP(struct limiter, limiter_freep, limiter_free)
