/* The running operator: caches feed the queue, the queue feeds the reconciler while this process holds the Lease, probes and metrics tell of it.
 *
 *     struct manager *manager = manager_new(loop, &settings, &error);
 *     loop_run(loop, &error);
 *     int status = manager_exit_status(manager);
 *     manager_free(manager);
 *
 * A standby has everything but the right to write: its caches are warm. SIGTERM and SIGINT let rounds under way end (at most 5 s), give the
 * Lease up and stop the loop. A Lease that is lost stops it at once, with status 1: what is in flight must not go on beside the new leader's writes.
 */
#pragma once

#include "net/loop.h"
#include "runtime/settings.h"

struct manager;

/* LOOP and SETTINGS are borrowed. Starts at once. */
struct manager *manager_new(struct loop *loop, const struct settings *settings, struct error *error);
void manager_free(struct manager *manager); /* accepts NULL */
int manager_exit_status(const struct manager *manager);
