/* What is remembered of a stack's signing keys, and the write that brings about a step of theirs.
 *
 * The memory is an annotation of the JWKS Secret itself: keys and memory are one object, so one write changes both. The stack has two more, which commands
 * leave behind (change/commands.h): which key people want replaced, and which are compromised. Pure, and sees no private half.
 *
 *     struct jwks_keys keys;
 *     bool remembered = jwks_memory_read(view, now_ms, &keys);
 *     cJSON *patch = jwks_memory_patch(view, &step);             // merge patch of the Secret, at the version that was seen
 */
#pragma once

#include "rotation/jwks_phases.h"
#include "stack/observation.h"

#define ANNOTATION_KEYS         STACK_GROUP "/keys"         /* of the Secret: states and times of its keys */
#define ANNOTATION_REPLACE_KEY  STACK_GROUP "/replace-key"  /* of the stack: "<kid>;by=…": its key is to be replaced while it signs */
#define ANNOTATION_REVOKED_KEYS STACK_GROUP "/revoked-keys" /* of the stack: "<kid> <kid>": keys that must not be in the Secret */
#define ANNOTATION_KEYS_HEARD   STACK_GROUP "/keys-heard"   /* of a pod: written so that its kubelet looks at the Secret at once */

/* What VIEW (which is not damaged) holds: the signing key is what the Secret says it is, others are what is remembered of them, and retire where nothing
 * is. True when all that is what is remembered already. */
bool jwks_memory_read(const struct keys_view *view, int64_t now_ms, struct jwks_keys *ret);

/* The caller owns it; NULL without memory. A key that is yet to be made is left for keys_patch_complete (keys.h) to put in. */
cJSON *jwks_memory_patch(const struct keys_view *view, const struct jwks_step *step);
