/* The rotation of a stack's signing keys, as part of its round: evidence from the pods, the next step's write, and what people are told. Pure.
 *
 * Evidence are the pods' own metrics (contract: supernova_jwks_key, supernova_workers). Every pod that is ready counts, and every one whose container began
 * before the key came into the Secret; a pod that does not answer, or lacks the key, is waited for by name. A pod of an image that tells nothing of keys
 * counts once it has been started after that.
 *
 * Nothing here waits for a window: no pod is replaced.
 */
#pragma once

#include "rotation/jwks_memory.h"
#include "stack/plan.h"

struct jwks_standing {
  struct jwks_keys keys; /* none: there is no Secret, or none that can be read */
  const char *words;     /* of the condition KeysReady; NULL: nothing beside the key that signs */
};

void jwks_plan(const struct observation *o, struct plan *plan, struct jwks_standing *ret);
