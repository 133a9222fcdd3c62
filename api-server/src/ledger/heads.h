/* Signed heads: what a signature over the ledger's heads is made of, and how it is checked (migrations/0011_signed_heads.sql says it with an
 * example). Pure: no database.
 *
 *     struct heads heads = {.id = 1, .hour = "2026-01-02T03:00:00.000Z", .whole = true, .profiles = 1, …};
 *     heads_sign(&heads, ring, signature, &n, &error);             // the bytes are composed here: nothing but heads is ever signed
 *     switch (heads_check(&heads, keys, kid, signature, n)) …
 *
 * With a public key and the bytes in files anybody can check one: openssl dgst -sha256 -verify key.pem -signature signature bytes
 */
#pragma once

#include "base/buffer.h"
#include "crypto/digest.h"
#include "crypto/keyring.h"

/* A row of ledger_heads; texts are borrowed. */
struct heads {
  int64_t id;
  const char *hour; /* RFC 3339, UTC, with milliseconds */
  bool whole;       /* with it all profiles of the hour are covered */
  int64_t profiles;
  const char *lines_sha256, *prev; /* 64 hex digits */
};

/* Appends the line of one profile: "7:example 1 ae6d…\n". */
void heads_line(const char *profile, int64_t seq, const char *head, struct buffer *to);

/* Appends the bytes that are signed. */
void heads_text(const struct heads *heads, struct buffer *to);

/* SIGNATURE has room for RSA_MAX_BYTES. RET_DIGEST, of the bytes that were signed, is what the next one's `prev` is. */
int heads_sign(const struct heads *heads, const struct keyring *ring, unsigned char *signature, size_t *ret_n,
               char ret_digest[SHA256_HEX_SIZE], struct error *error) _must_check_;

enum heads_verdict { HEADS_RIGHT, HEADS_WRONG, HEADS_UNKNOWN_KEY };

enum heads_verdict heads_check(const struct heads *heads, const struct jwks *keys, const char *kid, const void *signature, size_t n);
