/* Keys of others: a set fetched from AUTH_JWKS_URL, that only adds to the worker's own keys.
 *
 * Nothing is fetched before a token names a key that nobody here knows; the request waits for the fetch, for FOREIGN_TIMEOUT_MS at most, and
 * others that come meanwhile wait for the same one. Then keys that nobody knows make no further fetch for FOREIGN_COOL_DOWN_MS, whatever came
 * of it. From the first fetch on the set is fetched again when it has aged: at its Cache-Control: max-age (RFC 9111, 5.2.2.1), within bounds.
 * Where that fails the old set is used for a day, with a new attempt after each cool-down; then it is forgotten. A set that came is taken
 * whole: what it doesn't hold any more is gone.
 *
 * https alone (http in development), no redirects, at most 128 kB, keys for RS256 with 2048 bits or more (crypto/jwks.h), and only from public
 * addresses, but for the hosts in AUTH_JWKS_ALLOW_PRIVATE. A failure is logged when it begins, and stops nothing.
 *
 *     foreign_keys_start(&foreign, loop, settings, metrics, on_change, owner, &error);
 *     wait->done = on_fetched;
 *     if (foreign_keys_wait(&foreign, wait)) return;          // `done` will be called once: look again
 *     jwks_get(foreign.keys, kid) ...                         // else what is there is all there is; `keys` may be NULL
 */
#pragma once

#include "base/buffer.h"
#include "crypto/jwks.h"
#include "net/http_client.h"
#include "observe/metrics.h"
#include "settings/settings.h"

enum { FOREIGN_TIMEOUT_MS = 3000, FOREIGN_COOL_DOWN_MS = 30000, FOREIGN_WAITERS = 256 };

/* Embedded in what waits; all but `done` is the module's own. */
struct foreign_wait {
  void (*done)(struct foreign_wait *wait);
  struct foreign_wait *next, **previous; /* previous is NULL while it doesn't wait */
  struct foreign_keys *keys;
};

struct foreign_keys {
  struct jwks *keys;

  /* its own */
  const char *url; /* NULL: there are none, ever */
  struct http_client *client;
  struct http_transfer *transfer; /* NULL: no fetch is under way */
  struct timer timer;
  struct buffer text;   /* of the keys, to see whether they changed */
  int64_t asked_ms;     /* monotonic: when the last fetch ended; 0: never */
  int64_t forgotten_ms; /* monotonic: when the keys are too old to be believed */
  struct foreign_wait *waiting;
  unsigned waiting_count;
  void (*changed)(void *owner);
  void *owner;
  struct series *held, *fetched, *failed;
  char failure[480]; /* that was logged last */
};

/* Does nothing without AUTH_JWKS_URL. CHANGED is called whenever `keys` are others. */
int foreign_keys_start(struct foreign_keys *foreign, struct loop *loop, const struct settings *settings, struct metrics *metrics,
                       void (*changed)(void *owner), void *owner, struct error *error) _must_check_;
void foreign_keys_stop(struct foreign_keys *foreign); /* accepts one that is zeroed; who still waits is not called back */

/* Where no fetch is under way and none is allowed, or too many wait already: false. */
bool foreign_keys_wait(struct foreign_keys *foreign, struct foreign_wait *wait) _must_check_;
void foreign_wait_cancel(struct foreign_wait *wait); /* fine when it doesn't wait */

/* How long an answer with that Cache-Control field (NULL: none) is used, in seconds, within our bounds. */
int64_t foreign_keys_age_s(const char *cache_control);
