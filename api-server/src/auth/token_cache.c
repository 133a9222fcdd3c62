#include "auth/token_cache.h"

#include <stdlib.h>
#include <string.h>

struct token_cache {
  struct token entries[TOKEN_CACHE_SETS][TOKEN_CACHE_WAYS];
};

struct token_cache *token_cache_new(void) {
  return calloc(1, sizeof(struct token_cache));
}
void token_cache_free(struct token_cache *cache) { free(cache); }

/* A digest's bytes are as good as random, and nobody can choose a token that both verifies and falls into a given set for long. */
static size_t set_of(const unsigned char digest[SHA256_BYTES]) { return (size_t)(digest[0] | digest[1] << 8) % TOKEN_CACHE_SETS; }

const struct token *token_cache_get(const struct token_cache *cache, const unsigned char digest[SHA256_BYTES], int64_t now_s) {
  const struct token *set = cache->entries[set_of(digest)];
  for (size_t i = 0; i < TOKEN_CACHE_WAYS; i++)
    if (set[i].exp_s > now_s && !memcmp(set[i].digest, digest, SHA256_BYTES)) return &set[i];
  return NULL;
}

void token_cache_put(struct token_cache *cache, const struct token *token) {
  struct token *set = cache->entries[set_of(token->digest)], *place = &set[0];
  for (size_t i = 0; i < TOKEN_CACHE_WAYS; i++) {
    if (!memcmp(set[i].digest, token->digest, SHA256_BYTES)) {
      place = &set[i];
      break;
    }
    if (set[i].exp_s < place->exp_s) place = &set[i];
  }
  *place = *token;
}

void token_cache_clear(struct token_cache *cache) { memset(cache, 0, sizeof *cache); }
