#include "release/rollout.h"

#include "release/last_words.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_KILLED = 137, CRASHED_RESTARTS = 1, WORDS_MAX_BYTES = 400 };

static bool is_server_pod(const struct child *pod) { return pod->pod.component && !strcmp(pod->pod.component, "server"); }

/* What one pod has to say for itself, or NULL. */
static const char *complaint(const struct child *child, struct arena *arena) {
  const struct pod_facts *pod = &child->pod;
  if (pod->unschedulable) return arena_printf(arena, "pod %s cannot be scheduled: %s", child->name, pod->unschedulable);
  if (pod->waiting && !strcmp(pod->waiting, "CrashLoopBackOff"))
    return arena_printf(
        arena, "pod %s crashes (exit status %lld, %lld restarts): %s", child->name, (long long)pod->exit_code, (long long)pod->restarts,
        pod->termination_message ? last_words_clean(arena, pod->termination_message, WORDS_MAX_BYTES) : "see kubectl logs --previous");
  if (pod->waiting)
    return arena_printf(arena, "pod %s waits: %s: %s", child->name, pod->waiting,
                        last_words_clean(arena, pod->waiting_message, WORDS_MAX_BYTES));
  if (pod->terminated && pod->exit_code == EXIT_KILLED)
    return arena_printf(arena, "pod %s was killed (exit status 137: out of memory, or by the kubelet)", child->name);
  if (pod->restarts >= CRASHED_RESTARTS && !pod->ready)
    return arena_printf(arena, "pod %s has restarted %lld times and is not ready", child->name, (long long)pod->restarts);
  return NULL;
}

static const char *evidence(const struct observation *o, const struct deployment_facts *deployment, struct arena *arena) {
  if (deployment->replica_failure) return deployment->replica_failure;
  const struct child_list *pods = &o->children[RESOURCE_POD];
  for (size_t i = 0; i < pods->count; i++) {
    const char *said = is_server_pod(pods->items[i]) && !pods->items[i]->deleting ? complaint(pods->items[i], arena) : NULL;
    if (said) return said;
  }
  return NULL;
}

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
  const char *why = evidence(o, d, arena);
  const char *message = arena_printf(arena, "%lld of %lld pods are updated, %lld available%s%s", (long long)d->updated,
                                     (long long)d->replicas, (long long)d->available, why ? "; " : "", why ? why : "");
  return (struct rollout){stuck ? ROLLOUT_STUCK : ROLLOUT_PROGRESSING, message ? message : ""};
}
