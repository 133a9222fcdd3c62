#include "store/redis_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/redis_cluster.h"
#include "store/redis_primary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAULT_MS = 5000 /* how long a reply that was a fault keeps health down, unless a good one comes */ };

const struct backoff redis_backoff = {.initial_ms = 50, .max_ms = 1000, .jitter = true};

static void set_message(struct redis *redis, enum dependency_reason reason, const char *text) {
  redis->reason = reason;
  (void)snprintf(redis->message, sizeof redis->message, "%s", text);
}

void redis_note_away(struct redis *redis, enum dependency_reason reason, const struct error *error) {
  set_message(redis, reason, error->message);
  if (!redis->away) log_warn("redis is away", log_str("reason", dependency_reason_name(reason)), log_err(error));
  redis->away = true;
}

/* One that was of no use before it went has to show first that it is. */
void redis_note_back(struct redis *redis) {
  if (redis->fault_ms) return;
  if (redis->away) log_info("redis is there");
  redis->away = false;
}

/* The edge at which faults are logged: a server that is there and of no use. */
static void note_reply(struct redis *redis, const redisReply *reply) {
  enum dependency_reason fault = redis_fault_of(reply);
  if (!fault) {
    if (redis->fault_ms && reply->type != REDIS_REPLY_ERROR) {
      redis->fault_ms = 0;
      redis->away = false;
      log_info("redis serves again");
    }
    return;
  }
  set_message(redis, fault, reply->str);
  if (!redis->fault_ms) log_warn("redis is of no use", log_str("reason", dependency_reason_name(fault)), log_str("err", reply->str));
  redis->fault_ms = clock_monotonic_ms();
}

void redis_complete(struct redis *redis, struct redis_flight *flight, const redisReply *reply, const struct error *error) {
  struct redis_command *command = flight->command;
  redis->in_flight--;
  if (reply) {
    redis->latency_us = clock_monotonic_ns() / 1000 - flight->sent_us;
    note_reply(redis, reply);
  }
  redis_flight_free(flight);
  if (command) command->done(command, reply, error);
}

struct redis_connection_setup redis_data_setup(const struct redis *redis) {
  bool sentinel = redis->target.mode == REDIS_MODE_SENTINEL;
  return (struct redis_connection_setup){.loop = redis->loop,
                                         .resolver = redis->resolver,
                                         .tls = redis->tls,
                                         .login = sentinel ? &redis->target.master_login : &redis->target.login,
                                         .timeout_ms = redis->timeout_ms,
                                         .must_be_master = sentinel};
}

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
