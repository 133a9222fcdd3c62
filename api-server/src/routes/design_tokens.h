/* Design tokens (W3C Design Tokens Format): served as they lie in the mounted file, which is read again when it changes. */
#pragma once

#include "base/buffer.h"
#include "crypto/digest.h"
#include "settings/dir_watch.h"

enum { DESIGN_TOKENS_MAX = 2 * 1024 * 1024, DESIGN_TOKENS_ETAG_SIZE = SHA256_HEX_SIZE + 2 };

struct design_tokens {
  struct buffer text; /* empty: there is no file */
  char etag[DESIGN_TOKENS_ETAG_SIZE];

  /* Other ones are in force; may be NULL. */
  void (*changed)(void *owner);
  void *owner;

  /* its own */
  const char *file;
  char directory[4001];
  struct dir_watch watch;
  char failure[480];
};

/* What live clients are told of them: {"etag":"…"}; 0 where there are none. */
enum { DESIGN_TOKENS_EVENT_SIZE = DESIGN_TOKENS_ETAG_SIZE + 16 };
size_t design_tokens_event(const struct design_tokens *tokens, char to[DESIGN_TOKENS_EVENT_SIZE]);

/* FILE is borrowed. That there is none, or a malformed one, is no failure: the last good one stays. */
int design_tokens_start(struct design_tokens *tokens, struct loop *loop, const char *file, struct error *error) _must_check_;
void design_tokens_stop(struct design_tokens *tokens); /* accepts one that is zeroed */
