#include "ledger/heads.h"

#include <inttypes.h>
#include <string.h>

enum { TEXT_MAX = 1024 };

void heads_line(const char *profile, int64_t seq, const char *head, struct buffer *to) {
  buffer_printf(to, "%zu:", strlen(profile));
  buffer_puts(to, profile);
  buffer_printf(to, " %" PRId64 " %s\n", seq, head);
}

void heads_text(const struct heads *heads, struct buffer *to) {
  buffer_printf(to, "supernova-heads/1\n%" PRId64 "\n%s\n%s\n%" PRId64 "\n%s\n%s\n", heads->id, heads->hour,
                heads->whole ? "whole" : "part", heads->profiles, heads->lines_sha256, heads->prev);
}

int heads_sign(const struct heads *heads, const struct keyring *ring, unsigned char *signature, size_t *ret_n,
               char ret_digest[SHA256_HEX_SIZE], struct error *error) {
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, TEXT_MAX);
  heads_text(heads, &text);
  if (text.failed || sha256_hex(text.data, text.len, ret_digest) < 0) return error_oom(error);
  return rsa_key_sign(ring->signing, text.data, text.len, signature, ret_n, error);
}

enum heads_verdict heads_check(const struct heads *heads, const struct jwks *keys, const char *kid, const void *signature, size_t n) {
  struct rsa_key *key = jwks_get(keys, kid);
  if (!key) return HEADS_UNKNOWN_KEY;
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, TEXT_MAX);
  heads_text(heads, &text);
  return !text.failed && rsa_key_verify(key, text.data, text.len, signature, n) ? HEADS_RIGHT : HEADS_WRONG;
}
