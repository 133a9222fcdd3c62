/* Redis: one server, a primary that Sentinel names, or a cluster; commands pipelined over the loop's own connections.
 *
 *     struct redis *redis = redis_new(loop, resolver, &(struct redis_settings){REDIS_MODE_SINGLE, .url = url, .timeout_ms = 250}, &error);
 *     command->done = on_reply;
 *     redis_submit(redis, command, 3, (const char *[]){"SET", "k", "v"}, (size_t[]){3, 1, 1}, &error);
 *
 * Nothing waits for a Redis that is away: redis_submit fails at once, and the caller does without. A command that isn't answered within
 * timeout_ms takes its connection with it, since answers come in order; every command on it then fails. Connections are made anew with back-off
 * (50 ms … 1 s) and count as up once PING (Sentinel: ROLE) was answered. Nothing is ever sent twice, unless Redis said that it didn't do it.
 *
 *   single    one connection, to REDIS_URL
 *   Sentinel  one connection, to the master that the first reachable sentinel names; +switch-master is followed at once (redis_sentinel.h)
 *   cluster   one connection a primary, the one that serves the key's slot is asked; MOVED, ASK and TRYAGAIN are obeyed (redis_cluster.h)
 *
 * What the user of an ACL needs, beside AUTH:
 *
 *     ~supernova:limit:* &supernova:* +ping +eval +evalsha +incr +pttl +pexpire +publish +subscribe +unsubscribe
 *     +select (with a database), +role (Sentinel), +cluster|slots +asking (cluster)
 *     and at the sentinels: &+switch-master +ping +subscribe +sentinel|get-master-addr-by-name
 *
 * Where it is and how one logs in: redis_target.h. TLS: redis_tls.h. Owner: whoever called redis_new. One thread, one loop; made after fork.
 */
#pragma once

#include "base/error.h"
#include "store/dependency.h"
#include "store/redis_command.h"
#include "store/redis_target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct resolver;
struct redis;

enum { REDIS_IN_FLIGHT = 4096 };

struct redis *redis_new(struct loop *loop, struct resolver *resolver, const struct redis_settings *settings, struct error *error);
void redis_free(struct redis *redis); /* accepts NULL; commands under way are not called back */

/* The arguments are copied; LENGTHS may be NULL for strings. Which of them is the key: redis_topology.h. -1 (ERROR_RETRY) while the one that it
 * would go to is away, or REDIS_IN_FLIGHT commands are under way; `done` is then not called. */
int redis_submit(struct redis *redis, struct redis_command *command, int count, const char **arguments, const size_t *lengths,
                 struct error *error) _must_check_;
void redis_cancel(struct redis_command *command); /* not called back any more; fine when not under way */

struct redis_health {
  bool up;                       /* every server that is needed is there, and none has just said that it can't serve us */
  enum dependency_reason reason; /* of the last failure, while not up */
  const char *message;           /* a sentence without secrets; borrowed until the loop turns */
  int64_t latency_us;            /* of the last reply; -1 before the first */
};
struct redis_health redis_health(const struct redis *redis);

DEFINE_CLEANUP(struct redis, redis_freep, redis_free)
