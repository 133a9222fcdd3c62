/* One leader among several processes, by a coordination.k8s.io/v1 Lease, as client-go's leaderelection does it.
 *
 *     struct lease *lease = lease_new(client, &(struct lease_options){.namespace = "supernova-system", .name = "supernova-operator",
 *         .identity = "pod-1_4f2a", .on_change = on_leadership, .owner = me}, &error);
 *     if (lease_held(lease)) write();
 *     lease_release(lease, on_released, me);     // on the way out: the other one leads within half a retry
 *
 * Who does not lead looks twice each retry_ms, and at the very moment at which the Lease expires: when its record has not changed for the duration that
 * it names, measured by our own boot-time clock from when we saw the change (never by the record's times: clocks differ). So a killed leader is followed
 * after duration_ms + retry_ms / 2 at the latest, and two round trips. The leader renews each retry_ms; when no
 * renewal has been confirmed for renew_deadline_ms, counted from when the confirmed one was sent, it has lost: on_change(false), and the
 * program stops writing. on_change may release the Lease, but not free it. Rights used: get, create and patch of leases.
 * Writes carry the observed resourceVersion. The Lease does not fence a paused leader: writes fence themselves.
 */
#pragma once

#include "kube/client.h"

struct lease;

struct lease_options {
  const char *namespace, *name;
  const char *identity;                             /* unique to this process */
  int64_t duration_ms, renew_deadline_ms, retry_ms; /* 0: 15 s, 10 s, 2 s */
  int64_t (*clock_ms)(void);                        /* NULL: clock_boottime_ms */
  void (*on_change)(void *owner, bool leads);
  void *owner;
};

/* Starts at once. Text is copied; CLIENT must outlive it. */
struct lease *lease_new(struct kube_client *client, const struct lease_options *options, struct error *error);
void lease_free(struct lease *lease); /* without a release, without a callback; accepts NULL */

/* True while we lead and the renewal is young enough by the clock at this moment, not by a timer that may be late. */
bool lease_held(const struct lease *lease);
const char *lease_holder(const struct lease *lease); /* as last seen; "" for none */

/* Stops renewing or waiting and, where we lead, gives the Lease up. ON_RELEASED comes once, also when that failed (it then expires). */
void lease_release(struct lease *lease, void (*on_released)(void *owner), void *owner);

uint64_t lease_transitions(const struct lease *lease);
const struct error *lease_last_error(const struct lease *lease);

DEFINE_CLEANUP(struct lease, lease_freep, lease_free)
