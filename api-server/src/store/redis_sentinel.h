/* Who is the master, as the sentinels say: asks one after the other, stays with the first that knows, and hears +switch-master from it.
 *
 *     redis_sentinel_init(&sentinel, redis);  sentinel.found = on_found;  sentinel.none = on_none;
 *     redis_sentinel_ask(&sentinel);          // found(), now and whenever the master is another; or none(), and it asks on with back-off
 *
 * The question and the subscription leave in one write, and a sentinel carries out one client's commands in a row: no switch falls between them.
 * The sentinel is asked PING every SENTINEL_PING_MS; one that doesn't answer is left for the next.
 * Protocol: redis.io/docs/reference/sentinel-clients. What is found may be wrong for a while: the greeting's ROLE finds that out.
 */
#pragma once

#include "store/redis_internal.h"

enum { SENTINEL_PING_MS = 2000, SENTINEL_TIMEOUT_MS = 1000 };

struct redis_sentinel {
  void (*found)(struct redis_sentinel *sentinel, const struct redis_place *master); /* again and again, perhaps the same */
  void (*none)(struct redis_sentinel *sentinel, enum dependency_reason reason, const struct error *error);

  struct redis *redis;
  struct redis_connection connection;
  struct redis_command question, subscription, ping;
  size_t next, failures; /* in a row */
  struct backoff backoff;
  struct timer timer; /* the next attempt, or the next PING */
};

void redis_sentinel_init(struct redis_sentinel *sentinel, struct redis *redis);
void redis_sentinel_done(struct redis_sentinel *sentinel);
void redis_sentinel_ask(struct redis_sentinel *sentinel); /* at the next one, whatever was under way */
