/* Design tokens (W3C Design Tokens Format): served as they lie in the mounted file, which is read again when it changes. */
#pragma once

#include "base/buffer.h"
#include "crypto/digest.h"
#include "settings/dir_watch.h"

enum { DESIGN_TOKENS_MAX = 2 * 1024 * 1024, DESIGN_TOKENS_ETAG_SIZE = SHA256_HEX_SIZE + 2 };

struct design_tokens {
  struct buffer text; /* empty: there is no file */
  char etag[DESIGN_TOKENS_ETAG_SIZE];

  /* its own */
  const char *file;
  char directory[4001];
  struct dir_watch watch;
  char failure[480];
};

/* FILE is borrowed. That there is none, or a malformed one, is no failure: the last good one stays. */
int design_tokens_start(struct design_tokens *tokens, struct loop *loop, const char *file, struct error *error) _must_check_;
void design_tokens_stop(struct design_tokens *tokens); /* accepts one that is zeroed */
