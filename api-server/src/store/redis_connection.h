/* One Redis connection: the greeting, and commands whose answers come back in their order.
 *
 *     redis_connection_init(&connection, &setup, owner);     connection.ready = …; connection.answered = …; connection.lost = …;
 *     redis_connection_open(&connection, &place);            // AUTH, SELECT, then PING or ROLE; ready() or lost() follows
 *     redis_connection_send(&connection, flight, &error);    // takes the flight; answered() gives it back, or lost() has
 *
 * Connecting and greeting may take REDIS_CONNECT_MS in all. A flight that isn't answered within timeout_ms takes the connection with it, since
 * answers come in order: every flight on it is given back with the error, then lost() is called. It never dials again by itself.
 *
 * Protocol: RESP2 (redis.io/docs/reference/protocol-spec); hiredis parses the replies, with bounds for a server that lies. What is pushed by
 * PUBLISH (["message", channel, text]) goes to pushed(). Embedded in its owner; one loop.
 */
#pragma once

#include "store/redis_stream.h"

#include <hiredis/hiredis.h>

struct redis_command;

enum { REDIS_CONNECT_MS = 1000 };

/* A command under way. Owner: whoever made it, then the connection, then whoever is given it back. */
struct redis_flight {
  struct redis_flight *next;
  struct redis_command *command; /* whom the answer is for; NULL: cancelled, or nobody */
  char *text;                    /* formatted by hiredis */
  size_t len;
  int64_t sent_us;
  int slot;      /* of the cluster; -1: no key */
  unsigned hops; /* redirects so far */
  bool internal; /* the connection's own: its answer goes no further */
};

/* NULL without memory. LENGTHS may be NULL. */
struct redis_flight *redis_flight_new(struct redis_command *command, int count, const char **arguments, const size_t *lengths);
void redis_flight_free(struct redis_flight *flight); /* accepts NULL; the command forgets it */

struct redis_connection_setup {
  struct loop *loop;
  struct resolver *resolver;
  SSL_CTX *tls;                    /* used where login->tls */
  const struct redis_login *login; /* outlives the connection */
  int64_t timeout_ms;
  bool must_be_master; /* the greeting asks ROLE, and refuses a replica */
};

struct redis_connection {
  void (*ready)(struct redis_connection *connection);
  void (*answered)(struct redis_connection *connection, struct redis_flight *flight, const redisReply *reply, const struct error *error);
  void (*pushed)(struct redis_connection *connection, const redisReply *channel, const redisReply *text); /* NULL: nothing is */
  void (*lost)(struct redis_connection *connection, enum dependency_reason reason, const struct error *error);
  void *owner;

  struct redis_connection_setup setup;
  struct redis_stream stream;
  enum { REDIS_CLOSED, REDIS_OPENING, REDIS_READY } state;
  int64_t ready_ms; /* monotonic, when it became ready */
  struct timer timer;
  redisReader *reader;
  struct redis_flight *flights, **flights_end;
};

void redis_connection_init(struct redis_connection *connection, const struct redis_connection_setup *setup, void *owner);
void redis_connection_open(struct redis_connection *connection, const struct redis_place *place); /* may call lost() before it returns */
void redis_connection_close(struct redis_connection *connection); /* calls nobody back; flights are freed. Twice is fine. */
void redis_connection_done(struct redis_connection *connection);

/* As if it had been lost. */
void redis_connection_fail(struct redis_connection *connection, enum dependency_reason reason, const char *why);

/* Takes the flight, unless it fails (-1, ERROR_RETRY): closed, or too much waits. While it is opening, flights follow the greeting. ASKING: preceded by
 * that command (cluster-spec, ASK). */
int redis_connection_send(struct redis_connection *connection, struct redis_flight *flight, bool asking, struct error *error) _must_check_;
