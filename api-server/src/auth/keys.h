/* The worker's keys: read from JWKS_DIR, and again when it changes (settings/dir_watch.h).
 *
 * A set that can't be read changes nothing: the one before it stays, the failure is logged once and counted.
 *
 *     keys_start(&keys, loop, "/etc/supernova/keys", metrics, on_change, owner, &error);
 *     keys.ring->signing ...                                 // NULL ring: none could be read yet
 */
#pragma once

#include "base/buffer.h"
#include "crypto/digest.h"
#include "crypto/keyring.h"
#include "observe/metrics.h"
#include "settings/dir_watch.h"

enum { KEYS_ETAG_SIZE = SHA256_HEX_SIZE + 2, KEYS_LEFT_MAX = 32 };

struct keys {
  struct keyring *ring;
  struct buffer jwks;        /* the public set, as it is served */
  char etag[KEYS_ETAG_SIZE]; /* of it, with quotes */

  /* its own */
  const char *directory;
  struct dir_watch watch;
  void (*changed)(void *owner);
  void *owner;
  struct metrics *metrics;
  char failure[480];                  /* the last one that was logged */
  char left[KEYS_LEFT_MAX][KID_SIZE]; /* a ring of those that were ours and aren't */
  unsigned left_next;
};

/* That the keys can't be read is no failure. CHANGED is called whenever `ring` is another one, for the first before this returns. DIRECTORY is
 * borrowed. */
int keys_start(struct keys *keys, struct loop *loop, const char *directory, struct metrics *metrics, void (*changed)(void *owner),
               void *owner, struct error *error) _must_check_;
void keys_stop(struct keys *keys); /* accepts one that is zeroed */

/* "signing" or "published". */
const char *keys_state(const struct keys *keys, const char *kid);

/* Whether it was ours since this worker started, and isn't any more. The last KEYS_LEFT_MAX are remembered. */
bool keys_have_left(const struct keys *keys, const char *kid);
