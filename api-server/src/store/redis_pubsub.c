#include "store/redis_pubsub.h"

#include "base/clock.h"
#include "store/redis_internal.h"

#include <stdlib.h>
#include <string.h>

enum { SUBSCRIBER_TIMEOUT_MS = 1000 };

struct redis_subscriber {
  struct redis *redis;
  struct redis_connection connection;
  struct redis_subscription *subscriptions, *cursor; /* of a walk over them; it may lose some */
  struct backoff backoff;
  struct timer timer; /* the next attempt, or the next PING */
};

static bool is_wanted(const struct redis_subscription *list, const char *channel) {
  for (const struct redis_subscription *one = list; one; one = one->next)
    if (strcmp(one->channel, channel) == 0) return true;
  return false;
}

static void send_command(struct redis_subscriber *s, int count, const char **arguments) {
  struct error error;
  struct redis_flight *flight = redis_flight_new(NULL, count, arguments, NULL);
  if (flight && redis_connection_send(&s->connection, flight, false, &error) == 0) return;
  redis_flight_free(flight);
  redis_connection_fail(&s->connection, DEPENDENCY_UNREACHABLE, "out of memory"); /* else it would stay deaf */
}

static void walk(struct redis_subscriber *s, void (*call)(struct redis_subscription *, const redisReply *, const redisReply *),
                 const redisReply *channel, const redisReply *text) {
  struct redis_subscription *one = s->subscriptions;
  for (; one; one = s->cursor) {
    s->cursor = one->next;
    if (strlen(one->channel) == channel->len && memcmp(one->channel, channel->str, channel->len) == 0) call(one, channel, text);
  }
}

static void hear(struct redis_subscription *one, const redisReply *channel, const redisReply *text) {
  (void)channel;
  one->message(one, text->str, text->len);
}

static void join(struct redis_subscription *one, const redisReply *channel, const redisReply *text) {
  (void)channel, (void)text;
  if (one->joined) one->joined(one);
}

static void on_pushed(struct redis_connection *connection, const redisReply *channel, const redisReply *text) {
  walk(connection->owner, hear, channel, text);
}

static bool says(const redisReply *reply, const char *kind) {
  return reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 && reply->element[0]->type == REDIS_REPLY_STRING &&
         strcmp(reply->element[0]->str, kind) == 0 && reply->element[1]->type == REDIS_REPLY_STRING;
}

static void on_answered(struct redis_connection *connection, struct redis_flight *flight, const redisReply *reply,
                        const struct error *error) {
  (void)error; /* lost() comes next */
  redis_flight_free(flight);
  if (says(reply, "subscribe"))
    walk(connection->owner, join, reply->element[1], NULL);
  else if (reply && reply->type == REDIS_REPLY_ERROR)
    redis_connection_fail(connection, DEPENDENCY_REFUSED, reply->str);
}

static void on_ready(struct redis_connection *connection) {
  struct redis_subscriber *s = connection->owner;
  (void)!timer_set(&s->timer, SUBSCRIBER_PING_MS);
  for (struct redis_subscription *one = s->subscriptions; one && connection->state == REDIS_READY; one = one->next)
    if (!is_wanted(one->next, one->channel)) send_command(s, 2, (const char *[]){"SUBSCRIBE", one->channel});
}

static void on_lost(struct redis_connection *connection, enum dependency_reason reason, const struct error *error) {
  struct redis_subscriber *s = connection->owner;
  (void)reason, (void)error; /* the connections that serve commands say what is wrong with Redis */
  if (connection->ready_ms && clock_monotonic_ms() - connection->ready_ms >= REDIS_STABLE_MS) backoff_reset(&s->backoff);
  connection->ready_ms = 0;
  (void)!timer_set(&s->timer, backoff_next(&s->backoff));
}

static void attempt(struct redis_subscriber *s) {
  struct redis_place place;
  if (!s->subscriptions) return;
  if (redis_any_place(s->redis, &place))
    redis_connection_open(&s->connection, &place);
  else
    (void)!timer_set(&s->timer, backoff_next(&s->backoff));
}

static void on_timer(struct timer *timer) {
  struct redis_subscriber *s = CONTAINER_OF(timer, struct redis_subscriber, timer);
  if (s->connection.state == REDIS_CLOSED) {
    attempt(s);
  } else if (s->connection.state == REDIS_READY) {
    (void)!timer_set(&s->timer, SUBSCRIBER_PING_MS);
    send_command(s, 1, (const char *[]){"PING"});
  }
}

void redis_subscriber_leave(struct redis_subscriber *s, const struct redis_place *place) {
  if (!s || s->connection.state == REDIS_CLOSED || !redis_place_equal(&s->connection.stream.place, place)) return;
  redis_connection_close(&s->connection);
  backoff_reset(&s->backoff);
  (void)!timer_set(&s->timer, 0);
}

void redis_subscriber_free(struct redis_subscriber *s) {
  if (!s) return;
  redis_connection_done(&s->connection);
  timer_stop(&s->timer);
  free(s);
}

static struct redis_subscriber *make_subscriber(struct redis *redis) {
  struct redis_subscriber *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  struct redis_connection_setup setup = redis_data_setup(redis);
  setup.timeout_ms = SUBSCRIBER_TIMEOUT_MS;
  *s = (struct redis_subscriber){.redis = redis, .backoff = redis_backoff};
  timer_init(&s->timer, redis->loop, on_timer);
  redis_connection_init(&s->connection, &setup, s);
  s->connection.ready = on_ready;
  s->connection.lost = on_lost;
  s->connection.answered = on_answered;
  s->connection.pushed = on_pushed;
  return s;
}

int redis_subscribe(struct redis *redis, struct redis_subscription *one, struct error *error) {
  if (!redis->subscriber) redis->subscriber = make_subscriber(redis);
  struct redis_subscriber *s = redis->subscriber;
  if (!s) return error_oom(error);
  one->subscriber = s;
  one->next = s->subscriptions;
  one->previous = &s->subscriptions;
  if (one->next) one->next->previous = &one->next;
  s->subscriptions = one;
  if (s->connection.state == REDIS_READY)
    send_command(s, 2, (const char *[]){"SUBSCRIBE", one->channel});
  else if (s->connection.state == REDIS_CLOSED && !timer_is_set(&s->timer))
    (void)!timer_set(&s->timer, 0);
  return 0;
}

void redis_unsubscribe(struct redis_subscription *one) {
  struct redis_subscriber *s = one->subscriber;
  if (!s) return;
  if (s->cursor == one) s->cursor = one->next;
  *one->previous = one->next;
  if (one->next) one->next->previous = one->previous;
  one->subscriber = NULL;
  if (s->connection.state == REDIS_READY && !is_wanted(s->subscriptions, one->channel))
    send_command(s, 2, (const char *[]){"UNSUBSCRIBE", one->channel});
}

int redis_publish(struct redis *redis, const char *channel, const void *bytes, size_t n, struct error *error) {
  const char *arguments[] = {"PUBLISH", channel, bytes};
  size_t lengths[] = {7, strlen(channel), n};
  return redis_dispatch(redis, redis_flight_new(NULL, 3, arguments, lengths), error);
}
