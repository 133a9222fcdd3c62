#include "base/backoff.h"

#include "base/random.h"

int64_t backoff_delay(int64_t initial_ms, int64_t max_ms, unsigned attempt) {
  int64_t delay = initial_ms;
  for (unsigned i = 1; i < attempt && delay < max_ms; i++) delay = delay > max_ms / 2 ? max_ms : delay * 2;
  return delay < max_ms ? delay : max_ms;
}

int64_t backoff_next(struct backoff *b) {
  if (b->attempts < UINT32_MAX) b->attempts++;
  int64_t delay = backoff_delay(b->initial_ms, b->max_ms, b->attempts);
  return b->jitter ? delay - (int64_t)random_below((uint64_t)delay / 4 + 1) : delay;
}

void backoff_reset(struct backoff *b) { b->attempts = 0; }
