/* RSA keys for RS256 (RFC 7518, 3.3): made, read from PEM and JWK, written, and used to sign and to verify.
 *
 * Nothing here takes less than 2048 bits or more than 8192, another kind of key, an encrypted PEM, a JWK with private members, or halves
 * that don't match. Private parts are overwritten before they are freed.
 *
 *     _cleanup_(rsa_key_freep) struct rsa_key *key = NULL;
 *     char kid[KID_SIZE];
 *     if (rsa_key_generate(2048, &key, error) < 0) return -1;
 *     key_new_kid(clock_real_ms(), kid);                                   "1760908689588"
 *     _cleanup_(json_freep) cJSON *jwk = rsa_key_jwk(key, kid);             {"kty":"RSA","n":"…","e":"AQAB","kid":"…","alg":"RS256","use":"sig"}
 *
 * A key holds OpenSSL contexts that are prepared once and used again for every signature: one thread at a time for each key. Signing costs
 * about 0.2 ms at 2048 bits, verifying 15 us, generating 50 to 500 ms.
 */
#pragma once

#include "codec/json.h"

enum {
  RSA_MIN_BITS = 2048,
  RSA_MAX_BITS = 8192,
  RSA_MAX_BYTES = RSA_MAX_BITS / 8, /* of a signature */
  KID_SIZE = 129,                   /* a key's id with its NUL */
};

struct rsa_key;

/* Blocks for as long as the search for primes takes. */
int rsa_key_generate(unsigned bits, struct rsa_key **ret, struct error *error) _must_check_;

/* PKCS#8 ("BEGIN PRIVATE KEY") or PKCS#1 ("BEGIN RSA PRIVATE KEY"). That the halves match is seen by their numbers and a trial signature. */
int rsa_key_parse_private(const char *pem, size_t n, struct rsa_key **ret, struct error *error) _must_check_;
/* SubjectPublicKeyInfo ("BEGIN PUBLIC KEY"). */
int rsa_key_parse_public(const char *pem, size_t n, struct rsa_key **ret, struct error *error) _must_check_;
/* RFC 7517 and RFC 7518, 6.3.1; alg, use and key_ops, where present, must be for verifying RS256. */
int rsa_key_parse_jwk(const cJSON *jwk, struct rsa_key **ret, struct error *error) _must_check_;

void rsa_key_free(struct rsa_key *key); /* accepts NULL */
DEFINE_CLEANUP(struct rsa_key, rsa_key_freep, rsa_key_free)

bool rsa_key_is_private(const struct rsa_key *key);
unsigned rsa_key_bits(const struct rsa_key *key);
bool rsa_key_same_public(const struct rsa_key *a, const struct rsa_key *b);

/* PKCS#8, not encrypted, appended to a buffer made by buffer_init_secret. */
int rsa_key_print_private(const struct rsa_key *key, struct buffer *to, struct error *error) _must_check_;
/* The public half as PEM. */
int rsa_key_print_public(const struct rsa_key *key, struct buffer *to, struct error *error) _must_check_;
/* The public half; NULL without memory. The caller owns it. */
cJSON *rsa_key_jwk(const struct rsa_key *key, const char *kid);

/* RSASSA-PKCS1-v1_5 over SHA-256. The key must be private; TO has room for RSA_MAX_BYTES. */
int rsa_key_sign(struct rsa_key *key, const void *bytes, size_t n, unsigned char *to, size_t *ret_n, struct error *error) _must_check_;
bool rsa_key_verify(struct rsa_key *key, const void *bytes, size_t n, const unsigned char *signature, size_t signature_n);

/* The time in milliseconds as decimal text. */
void key_new_kid(int64_t now_ms, char to[KID_SIZE]);
