/* How often the same drift of a child was set back, so that a fight with a webhook or another controller does not become endless writes. Pure.
 *
 *     int64_t wait_ms = mends_wait_ms(&mends, RESOURCE_SERVICE, "shop", render, now_ms);      // 0: set it back now
 *     mends_note(&mends, RESOURCE_SERVICE, "shop", render, "spec.type, written by helm", now_ms);
 *
 * A mend is known by the child and the render (its applied-hash) that it restores, and counts once it is made: one that was refused is tried again
 * with the queue's back-off. The first MENDS_AT_ONCE of a row follow at once, the next ones after 10, 20, 40 … 300 s. A row ends when a minute more
 * than its pause has passed without a mend, or when the spec renders something else. It lives in the process alone: a new one begins at once again.
 * Times are milliseconds of any one clock.
 */
#pragma once

#include "stack/resources.h"

#include <stddef.h>
#include <stdint.h>

enum { MENDS_AT_ONCE = 5, MENDS_MAX = 16 };

struct mend {
  enum resource resource;
  char *name, *render;
  char *what;     /* for people: the field, and who wrote it */
  unsigned count; /* in this row */
  int64_t last_ms;
};

struct mends {
  struct mend items[MENDS_MAX]; /* the oldest gives way */
  size_t count;
};

void mends_note(struct mends *mends, enum resource resource, const char *name, const char *render, const char *what, int64_t now_ms);
void mends_done(struct mends *mends);

int64_t mends_wait_ms(const struct mends *mends, enum resource resource, const char *name, const char *render, int64_t now_ms);

/* The child that is fought over, whose pause ends last: after *RET_MS. NULL: there is none. MENDS may be NULL. */
const struct mend *mends_contested(const struct mends *mends, int64_t now_ms, int64_t *ret_ms);
