#include "stack/mends.h"

#include "base/backoff.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_PAUSE_MS = 10 * 1000, LONGEST_PAUSE_MS = 300 * 1000, CALM_MS = 60 * 1000 };

/* After the last of COUNT mends in a row. */
static int64_t pause_ms(unsigned count) {
  return count < MENDS_AT_ONCE ? 0 : backoff_delay(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, count - MENDS_AT_ONCE + 1);
}

static bool is_over(const struct mend *mend, int64_t now_ms) { return now_ms - mend->last_ms > pause_ms(mend->count) + CALM_MS; }

/* What is left of its pause; a clock that was set back makes no pause longer. */
static int64_t left_ms(const struct mend *mend, int64_t now_ms) {
  int64_t pause = pause_ms(mend->count), since = now_ms > mend->last_ms ? now_ms - mend->last_ms : 0;
  return since < pause ? pause - since : 0;
}

static size_t find(const struct mends *mends, enum resource resource, const char *name) {
  size_t i = 0;
  while (i < mends->count && (mends->items[i].resource != resource || strcmp(mends->items[i].name, name))) i++;
  return i;
}

static void drop(struct mends *mends, size_t place) {
  struct mend *mend = &mends->items[place];
  free(mend->name);
  free(mend->render);
  free(mend->what);
  memmove(mend, mend + 1, (--mends->count - place) * sizeof *mend);
}

void mends_note(struct mends *mends, enum resource resource, const char *name, const char *render, const char *what, int64_t now_ms) {
  size_t place = find(mends, resource, name);
  struct mend next = {.resource = resource, .name = strdup(name), .render = strdup(render), .what = strdup(what), .last_ms = now_ms};
  unsigned before = 0;
  if (place < mends->count) {
    const struct mend *last = &mends->items[place];
    before = is_over(last, now_ms) || strcmp(last->render, render) ? 0 : last->count;
    drop(mends, place);
  }
  if (mends->count == MENDS_MAX) drop(mends, 0);
  next.count = before + 1;
  mends->items[mends->count++] = next;
  if (!next.name || !next.render || !next.what) drop(mends, mends->count - 1);
}

void mends_done(struct mends *mends) {
  while (mends->count) drop(mends, mends->count - 1);
}

int64_t mends_wait_ms(const struct mends *mends, enum resource resource, const char *name, const char *render, int64_t now_ms) {
  size_t place = mends ? find(mends, resource, name) : 0;
  if (!mends || place == mends->count || strcmp(mends->items[place].render, render)) return 0;
  return left_ms(&mends->items[place], now_ms);
}

const struct mend *mends_contested(const struct mends *mends, int64_t now_ms, int64_t *ret_ms) {
  const struct mend *found = NULL;
  for (size_t i = 0; mends && i < mends->count; i++) {
    int64_t left = left_ms(&mends->items[i], now_ms);
    if (!left || (found && left <= *ret_ms)) continue;
    found = &mends->items[i];
    *ret_ms = left;
  }
  return found;
}
