/* Exponential back-off with jitter: how long to wait before the next attempt.
 *
 *     struct backoff b = {.initial_ms = 5, .max_ms = 300000};
 *     wait = backoff_next(&b);      // 5, 10, 20 … 300000, each less up to a quarter where `jitter` is set
 *     backoff_reset(&b);            // after success: of a stream, only once it has been stable for a while
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct backoff {
  int64_t initial_ms, max_ms;
  bool jitter;
  unsigned attempts; /* failures in a row so far */
};

int64_t backoff_next(struct backoff *b);
void backoff_reset(struct backoff *b);

/* min(initial * 2^(attempt - 1), max) for attempt 1, 2, …: pure, without jitter. */
int64_t backoff_delay(int64_t initial_ms, int64_t max_ms, unsigned attempt);
