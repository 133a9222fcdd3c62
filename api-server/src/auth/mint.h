/* Makes tokens: of /auth/token and of the subcommand mint-jwt. */
#pragma once

#include "crypto/keyring.h"

struct mint_wish {
  const char *sub;
  const cJSON *roles; /* a list of texts, or NULL */
  const cJSON *extra; /* an object of further claims, or NULL; none of them reserved */
  int64_t ttl_s;
};

/* A claim that is set here alone: registered ones (RFC 7519, 4.1), and roles. */
extern const char *const mint_reserved[]; /* NULL-terminated */
bool mint_is_reserved(const char *claim);

/* Appends the token. */
int mint(const struct keyring *ring, const char *issuer, const char *audience, int64_t now_s, const struct mint_wish *wish,
         struct buffer *to, int64_t *ret_exp_s, struct error *error) _must_check_;
