/* How signing keys follow each other: which step is next, from what is known of the keys and of the pods. Pure.
 *
 *     generate -> published (public, not signing) -> signing -> retiring (verifies only) -> removed
 *
 *     struct jwks_step step = jwks_step_next(&question);
 *     if (step.name) ... write step.after, in one write of the Secret     // "promote"
 *     else if (step.at_ms) ... ask again then
 *
 * One step is one write: the keys and what is remembered of them change together or not at all, so that whoever comes next, after a crash at any moment,
 * finds a whole state and goes on from there. A key is promoted when every pod has loaded it, and others have had the time to fetch it (publishAhead); its
 * predecessor stops signing and loses its private half in the same write, and verifies until the last pod has ceased to sign with it and all tokens
 * of it have expired (overlap). Times are remembered in real time. A clock that was stepped while this process watched moves them along; a time that lies
 * in the future is not believed.
 */
#pragma once

#include "crypto/jwks.h"

#include <stdbool.h>
#include <stdint.h>

enum {
  JWKS_KEYS_MOST = 16,           /* beyond it no key is made */
  JWKS_CLOCK_MS = 5 * 60 * 1000, /* a time further ahead is none that has been */
};

enum jwks_state { JWKS_PUBLISHED, JWKS_SIGNING, JWKS_RETIRING };
extern const char *const jwks_state_names[];

struct jwks_key {
  char kid[KID_SIZE];
  enum jwks_state state;
  int64_t since_ms;  /* in this state */
  int64_t public_ms; /* of a published one: since when every pod has it; 0: not yet */
  int64_t until_ms;  /* of a retiring one: how long it verifies; 0: a pod may still sign with it */
};

struct jwks_keys {
  size_t count;
  struct jwks_key keys[JWKS_MAX];
  int64_t urgent_ms; /* when the pods last had to hear of it at once; 0: never */
};

struct jwks_question {
  int64_t now_ms;
  int64_t stepped_ms;                        /* by how much the clock was stepped since the last answer was carried out */
  int64_t interval_ms, overlap_ms, ahead_ms; /* interval 0: never by itself */
  const struct jwks_keys *keys;
  bool remembered;     /* what KEYS says is what is remembered already */
  const char *replace; /* the kid that people want replaced, or NULL */
  const char *revoked; /* kids of compromised keys with spaces between them, or NULL */
  bool loaded, signs;  /* every pod: has the published key; signs with the signing one */
};

struct jwks_step {
  const char *name; /* NULL: nothing is to be written */
  struct jwks_keys after;
  bool makes;          /* the last key in it has yet to be made */
  bool minded_clock;   /* stepped_ms has been answered; what came first leaves it to the next */
  bool asks;           /* which keys the pods have is of interest now */
  int64_t at_ms;       /* when time alone brings the next step; 0: nobody can tell */
  const char *reason;  /* of the event */
  char from[KID_SIZE]; /* the key that it is about */
  char to[KID_SIZE];   /* the key that takes its place, or "" */
};

void jwks_step_next(const struct jwks_question *question, struct jwks_step *ret);

/* NULL: none. */
const struct jwks_key *jwks_signing(const struct jwks_keys *keys);
const struct jwks_key *jwks_published(const struct jwks_keys *keys);
const struct jwks_key *jwks_find(const struct jwks_keys *keys, const char *kid);

/* Whether KID is one of the words of LIST (NULL: none). */
bool jwks_is_listed(const char *list, const char *kid);
