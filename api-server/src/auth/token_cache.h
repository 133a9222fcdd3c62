/* Tokens that were verified before, so that the next request with the same one costs a hash and not a signature check.
 *
 * Keyed by SHA-256 of the whole token. An entry is dead at the token's exp; when the key set changes in any way all are forgotten, so none
 * outlives its key. Bounded: SETS sets of WAYS entries; a full set loses the entry that expires first. Tokens whose subject or
 * kid is too long for an entry are verified each time.
 *
 *     const struct token *known = token_cache_get(cache, digest, now_s);         // NULL: verify, then token_cache_put
 */
#pragma once

#include "base/cleanup.h"
#include "crypto/digest.h"

#include <stdint.h>

enum { TOKEN_CACHE_SETS = 1024, TOKEN_CACHE_WAYS = 4, TOKEN_SUBJECT_SIZE = 257, TOKEN_KID_SIZE = 65 };

/* The roles that this program acts upon, a bit each. */
enum role { ROLE_ADMIN = 1, ROLE_FINANCE = 2 };

struct token {
  unsigned char digest[SHA256_BYTES];
  int64_t exp_s; /* 0: the entry is free */
  unsigned roles;
  char sub[TOKEN_SUBJECT_SIZE];
  char kid[TOKEN_KID_SIZE]; /* of the key that signed it */
};

struct token_cache;

struct token_cache *token_cache_new(void); /* NULL without memory */
void token_cache_free(struct token_cache *cache);

/* Borrowed until the next change of the cache. */
const struct token *token_cache_get(const struct token_cache *cache, const unsigned char digest[SHA256_BYTES], int64_t now_s);
void token_cache_put(struct token_cache *cache, const struct token *token);
void token_cache_clear(struct token_cache *cache);

DEFINE_CLEANUP(struct token_cache, token_cache_freep, token_cache_free)
