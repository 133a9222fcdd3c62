/* A Redis Cluster: which primary serves which slot, a connection to each, and what to do when the answer is "not here".
 *
 * The table of slots comes from CLUSTER SLOTS, asked of any node that is there: at the start, after a MOVED, CLUSTERDOWN or lost node (at most once in
 * CLUSTER_AGAIN_MS), and every CLUSTER_REFRESH_MS. MOVED corrects its slot at once. A command is redirected at most CLUSTER_HOPS times; TRYAGAIN
 * waits CLUSTER_LATER_MS. What goes to a node that is away fails at once, the other slots go on.
 * At most CLUSTER_NODES connections; slots of further primaries have no owner here. While no node is there the ones of the setting are dialled again
 * too, so that a cluster that came back elsewhere behind the same names is found.
 *
 * Source: redis.io/docs/reference/cluster-spec.
 */
#pragma once

#include "store/redis_internal.h"

enum { CLUSTER_NODES = 128, CLUSTER_HOPS = 5, CLUSTER_LATER_MS = 20, CLUSTER_AGAIN_MS = 100, CLUSTER_REFRESH_MS = 30000 };

struct redis_cluster *redis_cluster_new(struct redis *redis, struct error *error);
void redis_cluster_free(struct redis_cluster *cluster); /* accepts NULL */

int redis_cluster_send(struct redis_cluster *cluster, struct redis_flight *flight,
                       struct error *error) _must_check_;      /* takes it, unless -1 */
bool redis_cluster_is_up(const struct redis_cluster *cluster); /* each slot has an owner that is there */
bool redis_cluster_any_place(const struct redis_cluster *cluster, struct redis_place *ret);
