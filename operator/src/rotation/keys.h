/* The JWKS Secret of a stack: made where it is missing, adopted where somebody made it with gen-jwks, left alone and told of where it is damaged. */
#pragma once

#include "crypto/key.h"
#include "stack/plan.h"

/* From the Secret as the API server gives it. Private halves are looked at (do they fit?) and go no further. Replaces what VIEW held. */
int keys_view_read(struct keys_view *view, const cJSON *secret, struct error *error) _must_check_;
void keys_view_set_absent(struct keys_view *view);
void keys_view_done(struct keys_view *view);

struct keys_verdict {
  bool ok;
  bool make; /* a first (or lost) key must be made */
  const char *reason, *message;
};
struct keys_verdict keys_judge(const struct observation *o, struct arena *arena);

/* The manifest of the stack's JWKS Secret with KEY as the one that signs. The caller owns it (keys_manifest_done). */
int keys_manifest(const struct stack *stack, const struct rsa_key *key, int64_t now_ms, cJSON **ret, struct error *error) _must_check_;
/* Puts KEY, private half and public, into the patch of a step that makes it (jwks_memory.h). */
int keys_patch_complete(cJSON *patch, const char *kid, const struct rsa_key *key, struct error *error) _must_check_;
void keys_manifest_done(cJSON *manifest); /* cleanses it; accepts NULL */
