/* A set of public RSA keys by their kid (RFC 7517, 5): what tokens are verified with and what the well-known address shows.
 *
 *     _cleanup_(jwks_freep) struct jwks *keys = NULL;
 *     if (jwks_parse(text, n, &keys, error) < 0) return error_wrap(error, "read jwks.json");
 *     struct rsa_key *key = jwks_get(keys, "1760908689588");               NULL: not known
 *
 * At most 32 keys. What this program can't use is ignored: other kinds of keys, other algorithms, keys for encryption, keys without a kid.
 * Refused, with the whole set, are two keys of one kid, private members, damaged keys, and fewer than 2048 bits.
 */
#pragma once

#include "crypto/key.h"

enum { JWKS_MAX = 32 };

struct jwks;

struct jwks *jwks_new(void); /* empty; NULL without memory */
int jwks_parse(const char *text, size_t n, struct jwks **ret, struct error *error) _must_check_;
void jwks_free(struct jwks *keys); /* accepts NULL */
DEFINE_CLEANUP(struct jwks, jwks_freep, jwks_free)

/* Takes KEY on success; on failure (a kid that is there or too long, a full set) it is still the caller's. */
int jwks_add(struct jwks *keys, const char *kid, struct rsa_key *key, struct error *error) _must_check_;

/* Borrowed until the set changes; NULL where the kid isn't known or KEYS is NULL. */
struct rsa_key *jwks_get(const struct jwks *keys, const char *kid);

size_t jwks_count(const struct jwks *keys);
const char *jwks_kid(const struct jwks *keys, size_t at); /* in the order in which they came */

/* {"keys":[…]}, public members alone. */
int jwks_print(const struct jwks *keys, struct buffer *to, struct error *error) _must_check_;
