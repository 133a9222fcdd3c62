/* Who asks: the bearer token of a request, verified.
 *
 *     struct principal who;
 *     if (authenticate(auth, request_header(&head, "authorization"), arena, &who, &why_not) < 0) ...      "expired"
 *
 * One a worker; made after fork.
 */
#pragma once

#include "auth/bypass.h"
#include "auth/keys.h"
#include "auth/token_cache.h"
#include "base/arena.h"
#include "http/span.h"

struct authenticator {
  const struct settings *settings;
  const struct keys *keys;
  struct token_cache *cache;
  struct bypass bypass;
  struct series *hits, *misses;
};

struct principal {
  const char *sub; /* in the arena; "anonymous" without a token while the bypass is open */
  unsigned roles;  /* enum role */
  bool verified;   /* false: the bypass let it in, and nothing of it is certain */
};

/* -1: RET_WHY_NOT is a word for WWW-Authenticate's error_description, or NULL where there was no credential at all. AUTHORIZATION's `at` is
 * NULL when the field is absent. */
int authenticate(struct authenticator *auth, struct span authorization, struct arena *arena, struct principal *ret,
                 const char **ret_why_not) _must_check_;

/* What the bypass takes from a token that couldn't be verified, or from none: its subject, no role. */
struct principal authenticate_unverified(struct span authorization, struct arena *arena);
