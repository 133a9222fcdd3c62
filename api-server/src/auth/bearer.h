/* Bearer tokens (RFC 6750): verified with the keys of this worker, and remembered (token_cache.h). */
#pragma once

#include "auth/authenticate.h"

/* The token in "Bearer <token>", the scheme in any case; at NULL where it is absent or empty. */
struct span bearer_of(struct span authorization);

/* Whether what the key of that kid has signed is believed: it is our own, or a foreign one that has never been our own. (AUTH_JWKS_URL may be
 * our own address, and another pod may serve for a while what was taken out here.) */
bool bearer_knows_key(const struct authenticator *auth, const char *kid);

/* -1: RET_WHY_NOT is a word for WWW-Authenticate's error_description. RET_UNKNOWN_KEY: the only fault that was
 * found is that its key isn't known. The texts of RET are in the arena. */
int bearer_verify(struct authenticator *auth, struct span token, int64_t now_s, struct arena *arena, struct principal *ret,
                  bool *ret_unknown_key, const char **ret_why_not) _must_check_;
