/* Bearer tokens (RFC 6750): verified with the keys of this worker, and remembered (token_cache.h). */
#pragma once

#include "auth/authenticate.h"

/* The token in "Bearer <token>", the scheme in any case; at NULL where it is absent or empty. */
struct span bearer_of(struct span authorization);

/* -1: RET_WHY_NOT is a word for WWW-Authenticate's error_description. The texts of RET are in the arena. */
int bearer_verify(struct authenticator *auth, struct span token, int64_t now_s, struct arena *arena, struct principal *ret,
                  const char **ret_why_not) _must_check_;
