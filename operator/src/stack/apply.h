/* Carries a plan out: its writes in order, then the status, then what people are told. Never decides.
 *
 * An action whose needs failed is skipped; everything else is tried, so that an ingress webhook that is down holds nothing up but the Ingress. The plan
 * tells what to do, the answers tell what happened:
 *
 *     apply = apply_start(&context, &target, &plan, error);      // on_done exactly once, never before apply_start has returned
 */
#pragma once

#include "kube/client.h"
#include "kube/events.h"
#include "stack/plan.h"

struct apply_result {
  enum { APPLY_OK, APPLY_CONFLICT, APPLY_FAILED } outcome; /* CONFLICT: the world moved; nothing is wrong */
  struct error error;                                      /* of the first write that FAILED */
  unsigned writes;                                         /* that were answered with success */
  uint64_t failed;                                         /* bits of the actions that failed or were skipped */
};

struct apply_context {
  struct kube_client *client;
  struct event_recorder *events;
  /* A write was answered with an object (NULL: it was deleted): what the caches will show once their watches have caught up. */
  void (*wrote)(void *owner, enum resource resource, const char *name, const cJSON *object);
  /* A create was refused because an object of that name is there. */
  void (*exists)(void *owner, enum resource resource, const char *name);
  /* A signing key is needed for ACTION: apply_keys_made tells of it later, never before this has returned. */
  void (*make_keys)(void *owner, const struct action *action);
  void (*on_done)(void *owner, const struct apply_result *result);
  void *owner;
};

struct apply_target {
  const char *namespace, *name, *uid, *resource_version; /* of the stack; copied */
};

struct apply;

/* PLAN and its arena are borrowed and must stay until on_done. NULL without memory. */
struct apply *apply_start(const struct apply_context *context, const struct apply_target *target, struct plan *plan, struct error *error);

/* The manifest of the JWKS Secret, or the patch that puts the key into it; borrowed. NULL with an ERROR. */
void apply_keys_made(struct apply *apply, const cJSON *manifest, const struct error *error);

void apply_cancel(struct apply *apply); /* without on_done; what was sent may still take effect; accepts NULL */
