/* The keys in tests/keys, read whole. */
#pragma once

#include "base/buffer.h"
#include "crypto/key.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text of keys/NAME; the caller frees it. */
static inline char *fixture_text(const char *name) {
  char path[200];
  (void)snprintf(path, sizeof path, "keys/%s", name);
  FILE *file = fopen(path, "re");
  cr_assert_not_null(file, "%s", path);
  char *text = calloc(1, 8192);
  cr_assert_not_null(text);
  cr_assert_lt(fread(text, 1, 8191, file), 8191);
  (void)fclose(file);
  return text;
}

static inline struct rsa_key *fixture_private(const char *name) {
  _cleanup_free_ char *pem = fixture_text(name);
  struct rsa_key *key = NULL;
  struct error error = {0};
  cr_assert_eq(rsa_key_parse_private(pem, strlen(pem), &key, &error), 0, "%s: %s", name, error.message);
  return key;
}

/* The public half alone. */
static inline struct rsa_key *fixture_public(const char *name) {
  _cleanup_(rsa_key_freep) struct rsa_key *key = fixture_private(name);
  _cleanup_(json_freep) cJSON *jwk = rsa_key_jwk(key, "kid");
  struct rsa_key *half = NULL;
  cr_assert_eq(rsa_key_parse_jwk(jwk, &half, NULL), 0);
  return half;
}
