#include "store/redis.h"

#include "base/clock.h"
#include "store/redis_cluster.h"
#include "store/redis_internal.h"
#include "store/redis_primary.h"

#include <stdlib.h>
#include <string.h>

enum { FAULT_MS = 5000 /* how long a reply that was a fault keeps health down, unless a good one comes */ };

static int start(struct redis *redis, struct error *error) {
  const struct redis_target *target = &redis->target;
  if (target->login.tls || target->master_login.tls) {
    redis->tls = redis_tls_new(error);
    if (!redis->tls) return -1;
  }
  if (target->mode == REDIS_MODE_CLUSTER) {
    redis->cluster = redis_cluster_new(redis, error);
    return redis->cluster ? 0 : -1;
  }
  redis->primary = redis_primary_new(redis, error);
  return redis->primary ? 0 : -1;
}

struct redis *redis_new(struct loop *loop, struct resolver *resolver, const struct redis_settings *settings, struct error *error) {
  struct redis *redis = calloc(1, sizeof *redis);
  if (!redis) return error_oom(error), NULL;
  *redis = (struct redis){.loop = loop,
                          .resolver = resolver,
                          .timeout_ms = settings->timeout_ms,
                          .latency_us = -1,
                          .reason = DEPENDENCY_UNREACHABLE,
                          .message = "not reached yet"};
  if (redis_target_parse(settings, &redis->target, error) == 0 && start(redis, error) == 0) return redis;
  redis_free(redis);
  return NULL;
}

void redis_free(struct redis *redis) {
  if (!redis) return;
  redis_subscriber_free(redis->subscriber);
  redis_primary_free(redis->primary);
  redis_cluster_free(redis->cluster);
  SSL_CTX_free(redis->tls);
  explicit_bzero(&redis->target, sizeof redis->target);
  free(redis);
}

static int send_flight(struct redis *redis, struct redis_flight *flight, struct error *error) {
  if (redis->in_flight >= REDIS_IN_FLIGHT) return error_set(error, ERROR_RETRY, "too much waits for Redis already");
  return redis->cluster ? redis_cluster_send(redis->cluster, flight, error) : redis_primary_send(redis->primary, flight, error);
}

int redis_dispatch(struct redis *redis, struct redis_flight *flight, struct error *error) {
  if (!flight) return error_oom(error);
  if (send_flight(redis, flight, error) < 0) {
    redis_flight_free(flight);
    return -1;
  }
  redis->in_flight++;
  return 0;
}

int redis_submit(struct redis *redis, struct redis_command *command, int count, const char **arguments, const size_t *lengths,
                 struct error *error) {
  command->flight = NULL;
  struct redis_flight *flight = redis_flight_new(command, count, arguments, lengths);
  int key = redis_key_argument(count, arguments);
  if (flight && key >= 0) flight->slot = redis_slot_of_key(arguments[key], lengths ? lengths[key] : strlen(arguments[key]));
  return redis_dispatch(redis, flight, error);
}

void redis_cancel(struct redis_command *command) {
  if (command->flight) command->flight->command = NULL;
  command->flight = NULL;
}

bool redis_any_place(const struct redis *redis, struct redis_place *ret) {
  return redis->cluster ? redis_cluster_any_place(redis->cluster, ret) : redis_primary_place(redis->primary, ret);
}

struct redis_health redis_health(const struct redis *redis) {
  bool there = redis->cluster ? redis_cluster_is_up(redis->cluster) : redis_primary_is_up(redis->primary);
  bool faulty = redis->fault_ms && clock_monotonic_ms() - redis->fault_ms < FAULT_MS;
  bool up = there && !faulty;
  return (struct redis_health){
      .up = up, .reason = up ? DEPENDENCY_OK : redis->reason, .message = up ? "" : redis->message, .latency_us = redis->latency_us};
}
