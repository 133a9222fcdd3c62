/* A ring of one fresh key, which signs: support_ring("k1"); the caller frees it. */
#pragma once

#include "crypto/keyring.h"

#include <criterion/criterion.h>

static inline struct keyring *support_ring(const char *kid) {
  struct keyring *ring = NULL;
  _cleanup_(rsa_key_freep) struct rsa_key *key = NULL;
  _cleanup_(keyring_files_freep) cJSON *files = NULL;
  cr_assert_eq(rsa_key_generate(2048, &key, NULL), 0);
  cr_assert_eq(keyring_make(key, kid, &files, NULL), 0);
  cr_assert_eq(keyring_parse(files, &ring, NULL), 0);
  return ring;
}
