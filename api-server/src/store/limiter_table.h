/* Windows of rate limits in memory that all workers of a pod share: what the limiter falls back to while Redis is away.
 *
 * Fixed in size and never unlimited. A key is a digest; it has SLOTS_A_SET places where it can be, each free again once its window has
 * ended. Where all are taken the newcomer counts together with the one that ends first: it may be limited too early, never too late.
 * Each group of places has a robust mutex (pthread_mutexattr_setrobust), held for some ten instructions: a worker that dies holding it
 * costs one count and blocks nobody.
 *
 * The parent makes it before it forks; its children inherit the mapping.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct limiter_table;

enum { LIMITER_KEY = 16 };

struct limiter_window {
  int64_t count;   /* with this hit */
  int64_t ends_ms; /* monotonic */
};

/* SETS is rounded up to a power of two; a set is 8 windows. NULL without memory. */
struct limiter_table *limiter_table_new(size_t sets, struct error *error);
void limiter_table_free(struct limiter_table *table); /* unmaps it in this process; accepts NULL */

/* Counts one hit in the window of KEY, which begins with its first hit. */
struct limiter_window limiter_table_hit(struct limiter_table *table, const unsigned char key[LIMITER_KEY], int64_t now_ms,
                                        int64_t window_ms);

DEFINE_CLEANUP(struct limiter_table, limiter_table_freep, limiter_table_free)
