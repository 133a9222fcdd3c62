#include "store/redis_connection.h"

#include "base/clock.h"
#include "store/redis_command.h"
#include "store/redis_topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPLY_ELEMENTS = 65536, REPLY_BYTES = 1 << 20 };

static int64_t now_us(void) { return clock_monotonic_ns() / 1000; }

/* ---- flights ---- */

struct redis_flight *redis_flight_new(struct redis_command *command, int count, const char **arguments, const size_t *lengths) {
  struct redis_flight *flight = calloc(1, sizeof *flight);
  int n = flight ? redisFormatCommandArgv(&flight->text, count, arguments, lengths) : -1;
  if (n < 0) {
    free(flight);
    return NULL;
  }
  flight->len = (size_t)n;
  flight->slot = -1;
  flight->command = command;
  if (command) command->flight = flight;
  return flight;
}

void redis_flight_free(struct redis_flight *flight) {
  if (!flight) return;
  if (flight->command) flight->command->flight = NULL;
  explicit_bzero(flight->text, flight->len);
  redisFreeCommand(flight->text);
  free(flight);
}

static struct redis_flight *take_flight(struct redis_connection *c) {
  struct redis_flight *flight = c->flights;
  c->flights = flight->next;
  if (!c->flights) c->flights_end = &c->flights;
  flight->next = NULL;
  return flight;
}

static int64_t late_in_ms(const struct redis_connection *c) { return c->setup.timeout_ms - (now_us() - c->flights->sent_us) / 1000; }

/* ---- the end ---- */

static void shut(struct redis_connection *c) {
  redis_stream_close(&c->stream);
  timer_stop(&c->timer);
  redisReaderFree(c->reader);
  c->reader = NULL;
  c->state = REDIS_CLOSED;
}

static void lose(struct redis_connection *c, enum dependency_reason reason, const struct error *error) {
  shut(c);
  while (c->flights) {
    struct redis_flight *flight = take_flight(c);
    if (flight->internal)
      redis_flight_free(flight);
    else
      c->answered(c, flight, NULL, error);
  }
  c->lost(c, reason, error);
}

void redis_connection_fail(struct redis_connection *c, enum dependency_reason reason, const char *why) {
  struct error error;
  error_set(&error, ERROR_RETRY, "%s", why);
  lose(c, reason, &error);
}

void redis_connection_close(struct redis_connection *c) {
  shut(c);
  while (c->flights) redis_flight_free(take_flight(c));
}

void redis_connection_done(struct redis_connection *c) {
  redis_connection_close(c);
  redis_stream_done(&c->stream);
}

/* ---- sending ---- */

static int append(struct redis_connection *c, struct redis_flight *flight) {
  if (redis_stream_write(&c->stream, flight->text, flight->len) < 0) return -1;
  flight->sent_us = now_us();
  *c->flights_end = flight;
  c->flights_end = &flight->next;
  return 0;
}

static int append_internal(struct redis_connection *c, int count, const char **arguments) {
  struct redis_flight *flight = redis_flight_new(NULL, count, arguments, NULL);
  if (!flight) return -1;
  flight->internal = true;
  if (append(c, flight) == 0) return 0;
  redis_flight_free(flight);
  return -1;
}

int redis_connection_send(struct redis_connection *c, struct redis_flight *flight, bool asking, struct error *error) {
  if (c->state == REDIS_CLOSED) return error_set(error, ERROR_RETRY, "Redis is away");
  /* ASKING alone does no harm: it holds for the next command, and the next one here is for that node's own slots or has its own */
  if ((asking && append_internal(c, 1, (const char *[]){"ASKING"}) < 0) || append(c, flight) < 0)
    return error_set(error, ERROR_RETRY, "too much waits for Redis already");
  if (c->state == REDIS_READY && !timer_is_set(&c->timer)) (void)!timer_set(&c->timer, c->setup.timeout_ms);
  return 0;
}

/* ---- connecting ---- */

static redisReplyObjectFunctions reply_functions; /* hiredis' own, but for the one that takes the count from the wire */
static void *(*create_array)(const redisReadTask *, int);

static void *create_bounded_array(const redisReadTask *task, int elements) {
  return elements <= REPLY_ELEMENTS ? create_array(task, elements) : NULL;
}

static redisReader *make_reader(void) {
  redisReader *reader = redisReaderCreate();
  if (!reader) return NULL;
  create_array = reader->fn->createArray;
  reply_functions = *reader->fn;
  reply_functions.createArray = create_bounded_array;
  reader->fn = &reply_functions;
  return reader;
}

/* AUTH and SELECT where they are needed, and PING or ROLE, whose answer makes it ready. */
static int greet(struct redis_connection *c) {
  const struct redis_login *login = c->setup.login;
  char number[16];
  int failed = 0;
  (void)snprintf(number, sizeof number, "%d", login->database);
  if (login->user[0])
    failed |= append_internal(c, 3, (const char *[]){"AUTH", login->user, login->password});
  else if (login->password[0])
    failed |= append_internal(c, 2, (const char *[]){"AUTH", login->password});
  if (login->database) failed |= append_internal(c, 2, (const char *[]){"SELECT", number});
  failed |= append_internal(c, 1, (const char *[]){c->setup.must_be_master ? "ROLE" : "PING"});
  return failed;
}

void redis_connection_open(struct redis_connection *c, const struct redis_place *place) {
  c->state = REDIS_OPENING;
  c->reader = make_reader();
  (void)!timer_set(&c->timer, REDIS_CONNECT_MS);
  redis_stream_open(&c->stream, place);
  if (c->state == REDIS_OPENING && (!c->reader || greet(c) < 0)) redis_connection_fail(c, DEPENDENCY_UNREACHABLE, "out of memory");
}

static void become_ready(struct redis_connection *c) {
  c->state = REDIS_READY;
  c->ready_ms = clock_monotonic_ms();
  timer_stop(&c->timer);
  if (c->flights) (void)!timer_set(&c->timer, c->setup.timeout_ms);
  c->ready(c);
}

/* The reply to the greeting's last command is the first that is no +OK; what follows the greeting is not internal, or is ASKING. */
static void take_greeting(struct redis_connection *c, const redisReply *reply) {
  redis_flight_free(take_flight(c));
  if (reply->type == REDIS_REPLY_ERROR) {
    enum dependency_reason reason = redis_fault_of(reply);
    redis_connection_fail(c, reason ? reason : DEPENDENCY_REFUSED, reply->str);
  } else if (reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "OK") == 0) {
    return;
  } else if (c->setup.must_be_master && !redis_role_is_master(reply)) {
    redis_connection_fail(c, DEPENDENCY_REFUSED, "the server that Sentinel named is no master");
  } else {
    become_ready(c);
  }
}

/* ---- receiving ---- */

static bool is_push(const redisReply *reply) {
  return reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 && reply->element[0]->type == REDIS_REPLY_STRING &&
         strcmp(reply->element[0]->str, "message") == 0 && reply->element[1]->type == REDIS_REPLY_STRING &&
         reply->element[2]->type == REDIS_REPLY_STRING;
}

static void take_reply(struct redis_connection *c, const redisReply *reply) {
  if (c->pushed && is_push(reply)) {
    c->pushed(c, reply->element[1], reply->element[2]);
  } else if (!c->flights) {
    redis_connection_fail(c, DEPENDENCY_UNREACHABLE, "Redis answered what was not asked");
  } else if (c->state == REDIS_OPENING) {
    take_greeting(c, reply);
  } else {
    struct redis_flight *flight = take_flight(c);
    if (flight->internal)
      redis_flight_free(flight);
    else
      c->answered(c, flight, reply, NULL);
  }
}

static void on_received(struct redis_stream *stream, const char *bytes, size_t n) {
  struct redis_connection *c = CONTAINER_OF(stream, struct redis_connection, stream);
  redisReader *reader = c->reader;
  if (redisReaderFeed(reader, bytes, n) != REDIS_OK) {
    redis_connection_fail(c, DEPENDENCY_UNREACHABLE, "out of memory");
    return;
  }
  for (;;) {
    void *reply = NULL;
    if (redisReaderGetReply(reader, &reply) != REDIS_OK) {
      redis_connection_fail(c, DEPENDENCY_UNREACHABLE, "Redis doesn't speak its protocol");
      return;
    }
    if (!reply) break;
    take_reply(c, reply);
    freeReplyObject(reply);
    if (c->reader != reader) return; /* closed, and perhaps opened again */
  }
  if (reader->len - reader->pos > REPLY_BYTES) redis_connection_fail(c, DEPENDENCY_UNREACHABLE, "Redis' reply is too long");
}

static void on_failed(struct redis_stream *stream, enum dependency_reason reason, const struct error *error) {
  lose(CONTAINER_OF(stream, struct redis_connection, stream), reason, error);
}

/* Of a ready connection: the oldest flight is late, or the timer looks again when it would be. */
static void on_timer(struct timer *timer) {
  struct redis_connection *c = CONTAINER_OF(timer, struct redis_connection, timer);
  if (c->state == REDIS_OPENING) {
    bool resolving = c->stream.state == REDIS_STREAM_RESOLVING;
    redis_connection_fail(c, DEPENDENCY_TIMEOUT, resolving ? "the name server doesn't answer" : "Redis doesn't finish the connection");
  } else if (c->flights) {
    int64_t left_ms = late_in_ms(c);
    if (left_ms <= 0)
      redis_connection_fail(c, DEPENDENCY_TIMEOUT, "Redis doesn't answer in time");
    else
      (void)!timer_set(&c->timer, left_ms);
  }
}

void redis_connection_init(struct redis_connection *c, const struct redis_connection_setup *setup, void *owner) {
  *c = (struct redis_connection){.setup = *setup, .owner = owner};
  redis_stream_init(&c->stream, setup->loop, setup->resolver, setup->login->tls ? setup->tls : NULL);
  c->stream.received = on_received;
  c->stream.failed = on_failed;
  c->flights_end = &c->flights;
  timer_init(&c->timer, setup->loop, on_timer);
}
