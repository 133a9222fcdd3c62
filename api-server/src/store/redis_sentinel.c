#include "store/redis_sentinel.h"

#include "base/clock.h"

#include <stdio.h>

static int ask(struct redis_sentinel *s, struct redis_command *command, int count, const char **arguments) {
  struct error error;
  struct redis_flight *flight = redis_flight_new(command, count, arguments, NULL);
  if (flight && redis_connection_send(&s->connection, flight, false, &error) == 0) return 0;
  redis_flight_free(flight);
  return -1;
}

void redis_sentinel_ask(struct redis_sentinel *s) {
  const struct redis_target *target = &s->redis->target;
  redis_connection_close(&s->connection);
  timer_stop(&s->timer);
  redis_connection_open(&s->connection, &target->places[s->next++ % target->count]);
}

static void on_ready(struct redis_connection *connection) {
  struct redis_sentinel *s = connection->owner;
  if (ask(s, &s->question, 3, (const char *[]){"SENTINEL", "get-master-addr-by-name", s->redis->target.master}) < 0 ||
      ask(s, &s->subscription, 2, (const char *[]){"SUBSCRIBE", "+switch-master"}) < 0)
    redis_connection_fail(connection, DEPENDENCY_UNREACHABLE, "out of memory");
}

static void on_lost(struct redis_connection *connection, enum dependency_reason reason, const struct error *error) {
  struct redis_sentinel *s = connection->owner;
  struct error why = *error;
  int64_t wait_ms = 0;
  if (connection->ready_ms && clock_monotonic_ms() - connection->ready_ms >= REDIS_STABLE_MS) backoff_reset(&s->backoff);
  connection->ready_ms = 0;
  if (++s->failures >= s->redis->target.count) {
    s->failures = 0;
    wait_ms = backoff_next(&s->backoff);
    error_wrap(&why, "no sentinel answers");
    s->none(s, reason, &why);
  }
  (void)!timer_set(&s->timer, wait_ms);
}

static void on_timer(struct timer *timer) {
  struct redis_sentinel *s = CONTAINER_OF(timer, struct redis_sentinel, timer);
  if (s->connection.state != REDIS_READY) {
    redis_sentinel_ask(s);
  } else if (ask(s, &s->ping, 1, (const char *[]){"PING"}) == 0) {
    (void)!timer_set(&s->timer, SENTINEL_PING_MS);
  }
}

static void on_answered(struct redis_connection *connection, struct redis_flight *flight, const redisReply *reply,
                        const struct error *error) {
  struct redis_command *command = flight->command;
  (void)connection;
  redis_flight_free(flight);
  if (command) command->done(command, reply, error);
}

/* A lost connection has said so already. */
static void on_question(struct redis_command *command, const redisReply *reply, const struct error *error) {
  struct redis_sentinel *s = CONTAINER_OF(command, struct redis_sentinel, question);
  struct redis_place place;
  char why[REDIS_MASTER_NAME + 64];
  if (error) return;
  if (redis_master_parse(reply, &place) == 0) {
    (void)!timer_set(&s->timer, SENTINEL_PING_MS);
    s->found(s, &place);
    return;
  }
  (void)snprintf(why, sizeof why, "it doesn't know the master %s", s->redis->target.master);
  enum dependency_reason fault = redis_fault_of(reply);
  redis_connection_fail(&s->connection, fault ? fault : DEPENDENCY_REFUSED, reply->type == REDIS_REPLY_ERROR ? reply->str : why);
}

static void on_subscription(struct redis_command *command, const redisReply *reply, const struct error *error) {
  struct redis_sentinel *s = CONTAINER_OF(command, struct redis_sentinel, subscription);
  if (error) return;
  if (reply->type != REDIS_REPLY_ERROR) {
    s->failures = 0;
    return;
  }
  enum dependency_reason fault = redis_fault_of(reply);
  redis_connection_fail(&s->connection, fault ? fault : DEPENDENCY_REFUSED, reply->str);
}

static void on_ping(struct redis_command *command, const redisReply *reply, const struct error *error) {
  (void)command, (void)reply, (void)error; /* that it came is enough; that it didn't has ended the connection */
}

static void on_pushed(struct redis_connection *connection, const redisReply *channel, const redisReply *text) {
  struct redis_sentinel *s = connection->owner;
  struct redis_place place;
  (void)channel;
  if (redis_switch_parse(text->str, text->len, s->redis->target.master, &place) == 0) s->found(s, &place);
}

void redis_sentinel_init(struct redis_sentinel *s, struct redis *redis) {
  *s = (struct redis_sentinel){
      .redis = redis, .question.done = on_question, .subscription.done = on_subscription, .ping.done = on_ping, .backoff = redis_backoff};
  redis_connection_init(&s->connection,
                        &(struct redis_connection_setup){.loop = redis->loop,
                                                         .resolver = redis->resolver,
                                                         .tls = redis->tls,
                                                         .login = &redis->target.login,
                                                         .timeout_ms = SENTINEL_TIMEOUT_MS},
                        s);
  s->connection.ready = on_ready;
  s->connection.lost = on_lost;
  s->connection.answered = on_answered;
  s->connection.pushed = on_pushed;
  timer_init(&s->timer, redis->loop, on_timer);
}

void redis_sentinel_done(struct redis_sentinel *s) {
  redis_connection_done(&s->connection);
  timer_stop(&s->timer);
}
