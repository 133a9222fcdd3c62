#include "store/redis_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>

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
