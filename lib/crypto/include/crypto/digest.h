/* SHA-256 (FIPS 180-4), HMAC-SHA256 (RFC 2104) and what is made of them: names by content, and secrets compared without telling them.
 *
 *     char hash[CONTENT_HASH_SIZE];
 *     if (content_hash(json, hash) < 0) return error_oom(error);          "3fdba35f04"
 *     if (!secret_equal(header, header_len, expected, strlen(expected))) ...
 *
 * The algorithms are fetched from OpenSSL once a process; every function may be called from any thread. What returns int fails (-1) only
 * without memory.
 */
#pragma once

#include <cjson/cJSON.h>

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

enum {
  SHA256_BYTES = 32,
  SHA256_HEX_SIZE = 65, /* with the NUL */
  CONTENT_HASH_SIZE = 11,
};

int sha256(const void *bytes, size_t n, unsigned char to[SHA256_BYTES]) _must_check_;
int sha256_hex(const void *bytes, size_t n, char to[SHA256_HEX_SIZE]) _must_check_;
int hmac_sha256(const void *key, size_t key_n, const void *bytes, size_t n, unsigned char to[SHA256_BYTES]) _must_check_;

/* Lower-case hexadecimal digits. */
void digest_hex(const unsigned char digest[SHA256_BYTES], char to[SHA256_HEX_SIZE]);

/* The first 10 hexadecimal digits of SHA-256 over the canonical JSON (json_canonical): names of children, content-hash annotations. */
int content_hash(const cJSON *json, char to[CONTENT_HASH_SIZE]) _must_check_;

/* Equal, in a time that tells neither where they differ nor how long the expected one is: their digests are compared. Two empty ones are
 * NOT equal: an unset secret opens nothing. */
bool secret_equal(const void *a, size_t a_n, const void *b, size_t b_n);
