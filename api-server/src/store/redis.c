#include "store/redis.h"

#include "base/backoff.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/loop.h"
#include "store/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REDIS_CONNECT_MS = 1000, REDIS_STABLE_MS = 1000, REDIS_OUTPUT = 4 << 20, REDIS_READ = 16384 };
enum { REDIS_ELEMENTS = 65536, REDIS_INPUT = 1 << 20 }; /* of one reply: bounds for a server that lies */

struct redis_flight {
  struct redis_flight *next;
  struct redis_command *command; /* NULL: cancelled, or part of the greeting */
  int64_t sent_us;
};

/*     waiting --timer--> resolving --> connecting --writable--> greeting --PONG--> ready
 *        ^-------------- any failure, or an answer that is late ---------------------'     */
enum redis_state { REDIS_WAITING, REDIS_RESOLVING, REDIS_CONNECTING, REDIS_GREETING, REDIS_READY };

struct redis {
  struct loop *loop;
  struct resolver *resolver;
  struct redis_address address;
  int64_t timeout_ms;
  enum redis_state state;
  int fd;
  struct io io;
  struct timer timer;
  struct task flush;
  struct resolution resolution;
  struct backoff backoff;
  unsigned attempts;
  int64_t ready_ms, latency_us;
  struct buffer out;
  redisReader *reader;
  struct redis_flight *flights, **flights_end, *spare;
  int flight_count;
  bool told;
  enum dependency_reason reason;
  char message[480];
};

static void on_ready(struct io *io, uint32_t events);

static int64_t now_us(void) { return clock_monotonic_ns() / 1000; }

/* Flights: answers come in the order of the commands. */

/* Makes sure that add_flight can't fail. */
static int reserve_flight(struct redis *redis) {
  if (!redis->spare) redis->spare = calloc(1, sizeof *redis->spare);
  return redis->spare ? 0 : -1;
}

static void add_flight(struct redis *redis, struct redis_command *command) {
  struct redis_flight *flight = redis->spare;
  redis->spare = flight->next;
  *flight = (struct redis_flight){.command = command, .sent_us = now_us()};
  if (command) command->flight = flight;
  *redis->flights_end = flight;
  redis->flights_end = &flight->next;
  redis->flight_count++;
}

/* Takes the oldest, and gives the command that it was for. */
static struct redis_command *take_flight(struct redis *redis) {
  struct redis_flight *flight = redis->flights;
  struct redis_command *command = flight->command;
  redis->flights = flight->next;
  if (!redis->flights) redis->flights_end = &redis->flights;
  redis->flight_count--;
  flight->next = redis->spare;
  redis->spare = flight;
  if (command) command->flight = NULL;
  return command;
}

static void close_socket(struct redis *redis) {
  resolver_cancel(&redis->resolution);
  timer_stop(&redis->timer);
  task_stop(&redis->flush);
  io_stop(&redis->io);
  if (redis->fd >= 0) (void)close(redis->fd);
  redis->fd = -1;
  buffer_clear(&redis->out);
  redisReaderFree(redis->reader);
  redis->reader = NULL;
}

/* The edge at which a Redis that comes and goes is logged: at each change, not at each attempt. */
static void drop(struct redis *redis, enum dependency_reason reason, const struct error *why) {
  struct error error = *why;
  if (redis->state == REDIS_READY && clock_monotonic_ms() - redis->ready_ms >= REDIS_STABLE_MS) backoff_reset(&redis->backoff);
  close_socket(redis);
  redis->state = REDIS_WAITING;
  redis->reason = reason;
  (void)snprintf(redis->message, sizeof redis->message, "%s", error.message);
  if (!redis->told) log_warn("redis is away", log_str("reason", dependency_reason_name(reason)), log_err(&error));
  redis->told = true;
  /* without memory for a timer it stays away, and its callers do without */
  (void)!timer_set(&redis->timer, backoff_next(&redis->backoff));
  for (int left = redis->flight_count; left > 0; left--) {
    struct redis_command *command = take_flight(redis);
    if (command) command->done(command, NULL, &error);
  }
}

static void drop_text(struct redis *redis, enum dependency_reason reason, const char *text) {
  struct error error;
  error_set(&error, ERROR_RETRY, "%s", text);
  drop(redis, reason, &error);
}

static void drop_errno(struct redis *redis, int number, const char *what) {
  struct error error;
  error_errno(&error, number, "%s", what);
  error.kind = ERROR_RETRY;
  drop(redis, dependency_reason_of_errno(number), &error);
}

/* Sending: what one turn asks for leaves together. */

static int put_command(struct redis *redis, struct redis_command *command, int count, const char **arguments, const size_t *lengths,
                       struct error *error) {
  char *text = NULL;
  int n = reserve_flight(redis) < 0 ? -1 : redisFormatCommandArgv(&text, count, arguments, lengths);
  if (n < 0) return error_oom(error);
  buffer_append(&redis->out, text, (size_t)n);
  redisFreeCommand(text);
  if (redis->out.failed) {
    redis->out.failed = false; /* this command was left out as a whole; what was there before is sound */
    return error_set(error, ERROR_RETRY, "too much waits for Redis already");
  }
  add_flight(redis, command);
  task_schedule(&redis->flush);
  return 0;
}

static void send_output(struct redis *redis) {
  struct error error;
  ssize_t n = redis->out.len ? send(redis->fd, redis->out.data, redis->out.len, MSG_NOSIGNAL) : 0;
  if (n < 0 && errno != EAGAIN && errno != EINTR) {
    drop_errno(redis, errno, "send to Redis");
    return;
  }
  if (n > 0) buffer_consume(&redis->out, (size_t)n);
  if (io_want(&redis->io, redis->out.len ? EPOLLIN | EPOLLOUT : EPOLLIN, &error) < 0) drop(redis, DEPENDENCY_UNREACHABLE, &error);
}

static void on_flush(struct task *task) {
  struct redis *redis = CONTAINER_OF(task, struct redis, flush);
  if (redis->state >= REDIS_GREETING) send_output(redis);
}

/* Connecting */

static void begin_attempt(struct redis *redis) {
  struct error error;
  redis->state = REDIS_RESOLVING;
  (void)!timer_set(&redis->timer, REDIS_CONNECT_MS);
  if (resolver_start(redis->resolver, &redis->resolution, redis->address.host, &error) < 0) drop(redis, DEPENDENCY_UNREACHABLE, &error);
}

static socklen_t make_address(const char *text, int port, struct sockaddr_storage *ret) {
  struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
  memset(ret, 0, sizeof *ret);
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    return sizeof *v4;
  }
  if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1) return 0;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons((uint16_t)port);
  return sizeof *v6;
}

static void on_resolved(struct resolution *resolution, const struct resolver_answer *answer, const struct error *error) {
  struct redis *redis = CONTAINER_OF(resolution, struct redis, resolution);
  if (error) {
    drop(redis, DEPENDENCY_UNREACHABLE, error);
    return;
  }
  struct sockaddr_storage address;
  struct error failure;
  int one = 1;
  /* attempts begin at different addresses, so that one that swallows packets can't keep us from the rest */
  socklen_t len = make_address(answer->addresses[redis->attempts++ % answer->count], redis->address.port, &address);
  redis->fd = len ? socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
  redis->state = REDIS_CONNECTING;
  if (redis->fd < 0) {
    drop_text(redis, DEPENDENCY_UNREACHABLE, "Redis' address can't be used");
    return;
  }
  (void)setsockopt(redis->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* only slower without */
  if (connect(redis->fd, (struct sockaddr *)&address, len) < 0 && errno != EINPROGRESS) {
    drop_errno(redis, errno, "connect to Redis");
  } else if (io_start(&redis->io, redis->loop, redis->fd, EPOLLOUT, on_ready, &failure) < 0) {
    drop(redis, DEPENDENCY_UNREACHABLE, &failure);
  }
}

static redisReplyObjectFunctions reply_functions; /* hiredis' own, but for the one that takes the count from the wire */
static void *(*create_array)(const redisReadTask *, int);

static void *create_bounded_array(const redisReadTask *task, int elements) {
  return elements <= REDIS_ELEMENTS ? create_array(task, elements) : NULL;
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

/* AUTH and SELECT where they are needed, and PING, whose answer makes it ready. */
static void greet(struct redis *redis) {
  const struct redis_address *a = &redis->address;
  struct error error = {0};
  char number[16];
  int code = 0;
  socklen_t len = sizeof code;
  if (getsockopt(redis->fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0) code = errno;
  if (code) {
    drop_errno(redis, code, "connect to Redis");
    return;
  }
  redis->state = REDIS_GREETING;
  redis->reader = make_reader();
  (void)snprintf(number, sizeof number, "%d", a->database);
  int failed = 0;
  if (a->user[0]) {
    failed |= put_command(redis, NULL, 3, (const char *[]){"AUTH", a->user, a->password}, NULL, &error);
  } else if (a->password[0]) {
    failed |= put_command(redis, NULL, 2, (const char *[]){"AUTH", a->password}, NULL, &error);
  }
  if (a->database) failed |= put_command(redis, NULL, 2, (const char *[]){"SELECT", number}, NULL, &error);
  failed |= put_command(redis, NULL, 1, (const char *[]){"PING"}, NULL, &error);
  if (failed || !redis->reader) {
    drop_text(redis, DEPENDENCY_UNREACHABLE, "out of memory");
  } else {
    send_output(redis);
  }
}

static enum dependency_reason greeting_reason(const char *text) {
  static const char *const auth[] = {"WRONGPASS", "NOAUTH", "NOPERM", "ERR AUTH", "ERR invalid password"};
  for (size_t i = 0; i < ELEMENTS(auth); i++)
    if (strncmp(text, auth[i], strlen(auth[i])) == 0) return DEPENDENCY_AUTH;
  return DEPENDENCY_REFUSED;
}

static void take_greeting(struct redis *redis, const redisReply *reply) {
  (void)take_flight(redis);
  if (reply->type == REDIS_REPLY_ERROR) {
    drop_text(redis, greeting_reason(reply->str), reply->str);
  } else if (!redis->flights) {
    redis->state = REDIS_READY;
    redis->ready_ms = clock_monotonic_ms();
    redis->told = false;
    timer_stop(&redis->timer);
    log_info("redis is there");
  }
}

/* Receiving */

static void take_reply(struct redis *redis, const redisReply *reply) {
  if (!redis->flights) {
    drop_text(redis, DEPENDENCY_UNREACHABLE, "Redis answered what was not asked");
  } else if (redis->state == REDIS_GREETING) {
    take_greeting(redis, reply);
  } else {
    redis->latency_us = now_us() - redis->flights->sent_us;
    struct redis_command *command = take_flight(redis);
    if (command) command->done(command, reply, NULL);
  }
}

static void take_replies(struct redis *redis) {
  while (redis->reader) {
    void *reply = NULL;
    if (redisReaderGetReply(redis->reader, &reply) != REDIS_OK) {
      drop_text(redis, DEPENDENCY_UNREACHABLE, "Redis doesn't speak its protocol");
      return;
    }
    if (!reply) return;
    take_reply(redis, reply);
    freeReplyObject(reply);
  }
}

static void receive(struct redis *redis) {
  char bytes[REDIS_READ];
  ssize_t n = recv(redis->fd, bytes, sizeof bytes, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n < 0) {
    drop_errno(redis, errno, "receive from Redis");
  } else if (n == 0) {
    drop_text(redis, DEPENDENCY_UNREACHABLE, "Redis closed the connection");
  } else if (redisReaderFeed(redis->reader, bytes, (size_t)n) != REDIS_OK) {
    drop_text(redis, DEPENDENCY_UNREACHABLE, "out of memory");
  } else {
    take_replies(redis);
    if (redis->reader && redis->reader->len - redis->reader->pos > REDIS_INPUT)
      drop_text(redis, DEPENDENCY_UNREACHABLE, "Redis' reply is too long");
  }
}

static void on_ready(struct io *io, uint32_t events) {
  struct redis *redis = CONTAINER_OF(io, struct redis, io);
  if (redis->state == REDIS_CONNECTING) {
    greet(redis);
    return;
  }
  if (events & EPOLLOUT) send_output(redis);
  if (redis->state >= REDIS_GREETING && events & ~(uint32_t)EPOLLOUT) receive(redis);
}

/* Of a ready connection: the oldest command is late, or the timer looks again when it would be. */
static void watch_answers(struct redis *redis) {
  if (!redis->flights) return;
  int64_t left_ms = redis->timeout_ms - (now_us() - redis->flights->sent_us) / 1000;
  if (left_ms <= 0) {
    drop_text(redis, DEPENDENCY_TIMEOUT, "Redis doesn't answer in time");
  } else {
    (void)!timer_set(&redis->timer, left_ms);
  }
}

static void on_timer(struct timer *timer) {
  struct redis *redis = CONTAINER_OF(timer, struct redis, timer);
  switch (redis->state) {
    case REDIS_WAITING: begin_attempt(redis); break;
    case REDIS_RESOLVING: drop_text(redis, DEPENDENCY_TIMEOUT, "the name server doesn't answer"); break;
    case REDIS_CONNECTING:
    case REDIS_GREETING: drop_text(redis, DEPENDENCY_TIMEOUT, "Redis doesn't finish the connection"); break;
    case REDIS_READY: watch_answers(redis); break;
  }
}

struct redis *redis_new(struct loop *loop, struct resolver *resolver, const struct redis_settings *settings, struct error *error) {
  struct redis_address address;
  if (parse_redis_url(settings->url, &address, error) < 0) return NULL;
  struct redis *redis = calloc(1, sizeof *redis);
  if (!redis) return error_oom(error), NULL;
  *redis = (struct redis){.loop = loop,
                          .resolver = resolver,
                          .address = address,
                          .timeout_ms = settings->timeout_ms,
                          .fd = -1,
                          .latency_us = -1,
                          .reason = DEPENDENCY_UNREACHABLE,
                          .message = "not reached yet",
                          .backoff = {.initial_ms = 50, .max_ms = 1000, .jitter = true}};
  redis->flights_end = &redis->flights;
  redis->resolution.done = on_resolved;
  buffer_init(&redis->out, REDIS_OUTPUT);
  timer_init(&redis->timer, loop, on_timer);
  task_init(&redis->flush, loop, on_flush);
  begin_attempt(redis);
  return redis;
}

void redis_free(struct redis *redis) {
  if (!redis) return;
  close_socket(redis);
  while (redis->flights) (void)take_flight(redis);
  while (redis->spare) {
    struct redis_flight *flight = redis->spare;
    redis->spare = flight->next;
    free(flight);
  }
  buffer_done(&redis->out);
  explicit_bzero(&redis->address, sizeof redis->address);
  free(redis);
}

int redis_submit(struct redis *redis, struct redis_command *command, int count, const char **arguments, const size_t *lengths,
                 struct error *error) {
  command->flight = NULL;
  if (redis->state != REDIS_READY) return error_set(error, ERROR_RETRY, "Redis is away");
  if (redis->flight_count >= REDIS_IN_FLIGHT) return error_set(error, ERROR_RETRY, "too much waits for Redis already");
  if (put_command(redis, command, count, arguments, lengths, error) < 0) return -1;
  if (!timer_is_set(&redis->timer)) (void)!timer_set(&redis->timer, redis->timeout_ms);
  return 0;
}

void redis_cancel(struct redis_command *command) {
  if (command->flight) command->flight->command = NULL;
  command->flight = NULL;
}

struct redis_health redis_health(const struct redis *redis) {
  bool up = redis->state == REDIS_READY;
  return (struct redis_health){
      .up = up, .reason = up ? DEPENDENCY_OK : redis->reason, .message = up ? "" : redis->message, .latency_us = redis->latency_us};
}
