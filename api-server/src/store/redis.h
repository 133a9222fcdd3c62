/* Redis, one server: commands pipelined over one connection on the loop.
 *
 *     struct redis *redis = redis_new(loop, resolver, &(struct redis_settings){.url = url, .timeout_ms = 250}, &error);
 *     command->done = on_reply;
 *     redis_submit(redis, command, 3, (const char *[]){"SET", "k", "v"}, (size_t[]){3, 1, 1}, &error);
 *
 * Nothing waits for a Redis that is away: redis_submit fails at once, and the caller does without. A command that isn't answered within
 * timeout_ms takes the connection with it, since answers come in order; every command on it then fails. The connection is made anew with
 * back-off (50 ms … 1 s) and counts as up once PING was answered.
 *
 * URL: redis://[[user]:password@]host[:port][/database], percent-decoded. Protocol: RESP2 (redis.io/docs/reference/protocol-spec); hiredis
 * formats the commands and parses the replies, the socket is ours. Owner: whoever called redis_new. One thread, one loop; made after fork.
 */
#pragma once

#include "base/error.h"
#include "store/dependency.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct resolver;
struct redis;

enum { REDIS_IN_FLIGHT = 4096 };

struct redis_settings {
  const char *url; /* REDIS_URL; copied */
  int64_t timeout_ms;
};

/* Embedded in what waits for the reply. */
struct redis_command {
  /* Called exactly once, never from within redis_submit. REPLY (borrowed until the return; may be of type REDIS_REPLY_ERROR) is NULL where ERROR
   * is not. */
  void (*done)(struct redis_command *command, const redisReply *reply, const struct error *error);
  struct redis_flight *flight; /* the redis' own; NULL: not under way */
};

/* A checked REDIS_URL. */
struct redis_address {
  char host[256], user[128], password[512];
  int port, database;
};
/* -1 (ERROR_INVALID) with a sentence that holds nothing of TEXT. */
int parse_redis_url(const char *text, struct redis_address *ret, struct error *error) _must_check_;

struct redis *redis_new(struct loop *loop, struct resolver *resolver, const struct redis_settings *settings, struct error *error);
void redis_free(struct redis *redis); /* accepts NULL; commands under way are not called back */

/* The arguments are copied. -1 (ERROR_RETRY) while it is away or REDIS_IN_FLIGHT commands are under way; `done` is then not called. */
int redis_submit(struct redis *redis, struct redis_command *command, int count, const char **arguments, const size_t *lengths,
                 struct error *error) _must_check_;
void redis_cancel(struct redis_command *command); /* not called back any more; fine when not under way */

struct redis_health {
  bool up;
  enum dependency_reason reason; /* of the last failure, while not up */
  const char *message;           /* a sentence without secrets; borrowed until the loop turns */
  int64_t latency_us;            /* of the last reply; -1 before the first */
};
struct redis_health redis_health(const struct redis *redis);

DEFINE_CLEANUP(struct redis, redis_freep, redis_free)
