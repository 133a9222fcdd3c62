#include "release/rollout.h"

#include "diagnosis/diagnosis.h"

#include <string.h>

static bool is_complete(const struct deployment_facts *d) {
  return d->observed_generation >= d->generation && d->updated == d->replicas && d->current == d->replicas && d->available == d->replicas;
}

struct rollout rollout_judge(const struct observation *o, const struct child *deployment, const char *content_hash, struct arena *arena) {
  if (!deployment) return (struct rollout){ROLLOUT_NONE, "the Deployment has yet to be made"};
  const struct deployment_facts *d = &deployment->deployment;
  if (!d->content_hash || strcmp(d->content_hash, content_hash))
    return (struct rollout){ROLLOUT_NONE, "the Deployment has yet to be changed"};
  if (is_complete(d)) return (struct rollout){ROLLOUT_COMPLETE, ""};
  bool stuck = d->deadline_exceeded && d->observed_generation >= d->generation;
  const char *why = diagnose(o, deployment, arena).message;
  const char *message = arena_printf(arena, "%lld of %lld pods are updated, %lld available%s%s", (long long)d->updated,
                                     (long long)d->replicas, (long long)d->available, why ? "; " : "", why ? why : "");
  return (struct rollout){stuck ? ROLLOUT_STUCK : ROLLOUT_PROGRESSING, message ? message : ""};
}
