/* Elliptic keys on P-256 for ES256 (RFC 7518, 3.4): ECDSA over SHA-256, a signature of exactly 64 bytes, r and s.
 *
 *     _cleanup_(es256_key_freep) struct es256_key *key = NULL;
 *     if (es256_key_parse_private(pem, strlen(pem), &key, error) < 0) return error_wrap(error, "read APPLE_PRIVATE_KEY");
 *     es256_sign_jwt(claims, key, "2X9R4HXF34", &token, error);             {"alg":"ES256","typ":"JWT","kid":"2X9R4HXF34"}
 *
 * Other curves, other kinds of keys and encrypted PEM are refused. One thread at a time for each key. Signing costs about 30 us, verifying
 * 80 us. Private parts are overwritten before they are freed.
 */
#pragma once

#include "codec/json.h"

enum { ES256_SIGNATURE_BYTES = 64 };

struct es256_key;

/* PKCS#8 ("BEGIN PRIVATE KEY", what App Store Connect hands out as .p8) or SEC 1 ("BEGIN EC PRIVATE KEY"). */
int es256_key_parse_private(const char *pem, size_t n, struct es256_key **ret, struct error *error) _must_check_;
void es256_key_free(struct es256_key *key); /* accepts NULL */
DEFINE_CLEANUP(struct es256_key, es256_key_freep, es256_key_free)

/* The key must be private. */
int es256_sign(struct es256_key *key, const void *bytes, size_t n, unsigned char to[ES256_SIGNATURE_BYTES],
               struct error *error) _must_check_;
/* False also for a signature of another length, such as the DER form. */
bool es256_verify(struct es256_key *key, const void *bytes, size_t n, const unsigned char *signature, size_t signature_n);

/* Appends a JWT (RFC 7519). After a failure what was appended is no token. */
int es256_sign_jwt(const cJSON *claims, struct es256_key *key, const char *kid, struct buffer *to, struct error *error) _must_check_;
