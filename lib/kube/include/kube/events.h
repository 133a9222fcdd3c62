/* Kubernetes Events (events.k8s.io/v1) that people read with `kubectl describe`: fire and forget.
 *
 *     events_record(recorder, &(struct event_subject){.resource = &stacks, .namespace = ns, .name = name, .uid = uid},
 *                   EVENT_WARNING, "MigrationFailed", "Migrate", "attempt 2 of 5 failed: %s", why);
 *
 * The same subject, type, reason, action and note within 6 minutes make one Event whose series counts (first repeat: a series of 2, by PATCH). At most 40 a burst
 * and then one each 5 seconds for a subject go out, 15 of the burst only for warnings; the rest are counted as dropped; at most 64 are under way. Nothing blocks, nothing is retried; a failure is counted.
 * A note is cut to 1,000 bytes at a character's start (the API takes 1,024). Rights used: create and patch of events.events.k8s.io.
 */
#pragma once

#include "kube/client.h"

struct event_recorder;

enum event_type { EVENT_NORMAL, EVENT_WARNING };

struct event_subject {
  const struct kube_resource *resource;
  const char *namespace, *name, *uid; /* namespace NULL: a cluster-scoped object; its Events are in "default" */
  const char *resource_version;       /* NULL: not said */
};

struct event_recorder_options {
  const char *controller; /* "platform.supernova.com/supernova-operator" */
  const char *instance;   /* the pod's name */
};

/* Text is copied; CLIENT must outlive it. */
struct event_recorder *events_new(struct kube_client *client, const struct event_recorder_options *options, struct error *error);
void events_free(struct event_recorder *recorder); /* what is under way is cancelled; accepts NULL */

void events_record(struct event_recorder *recorder, const struct event_subject *subject, enum event_type type, const char *reason,
                   const char *action, const char *note_format, ...) _printf_(6, 7);

struct event_counts {
  uint64_t created, repeated, dropped, failed;
};
const struct event_counts *events_counts(const struct event_recorder *recorder);
unsigned events_in_flight(const struct event_recorder *recorder);

DEFINE_CLEANUP(struct event_recorder, events_freep, events_free)
