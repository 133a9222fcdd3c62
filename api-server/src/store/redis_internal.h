/* What the parts of redis.c's modes share: who is connected, what went wrong, and how a flight ends. */
#pragma once

#include "base/backoff.h"
#include "store/redis_command.h"
#include "store/redis_connection.h"
#include "store/redis_topology.h"

enum { REDIS_STABLE_MS = 1000 /* a connection that lasted this long starts its back-off anew */ };

struct redis_cluster;
struct redis_primary;
struct redis_subscriber;

struct redis {
  struct loop *loop;
  struct resolver *resolver;
  struct redis_target target;
  int64_t timeout_ms;
  SSL_CTX *tls;                  /* NULL: no part of it is rediss:// */
  struct redis_primary *primary; /* single, Sentinel */
  struct redis_cluster *cluster;
  struct redis_subscriber *subscriber; /* NULL until somebody subscribes */

  int in_flight;
  int64_t latency_us;
  bool away; /* logged */
  enum dependency_reason reason;
  char message[480];
  int64_t fault_ms; /* monotonic, of the last reply that was a fault; 0: none */
};

/* The back-off of connections. */
extern const struct backoff redis_backoff;

/* The setup of a connection to the servers that serve data. */
struct redis_connection_setup redis_data_setup(const struct redis *redis);

/* Takes FLIGHT, which may be NULL (-1: no memory), to the server that its slot says; -1: it is freed. */
int redis_dispatch(struct redis *redis, struct redis_flight *flight, struct error *error) _must_check_;

/* Ends a flight that redis_dispatch began. REPLY is NULL where ERROR is not. */
void redis_complete(struct redis *redis, struct redis_flight *flight, const redisReply *reply, const struct error *error);

/* The edges at which a Redis that comes and goes is logged: at each change, not at each attempt. */
void redis_note_away(struct redis *redis, enum dependency_reason reason, const struct error *error);
void redis_note_back(struct redis *redis);

/* A server that subscriptions may use. False while there is none. */
bool redis_any_place(const struct redis *redis, struct redis_place *ret);

/* PLACE serves no more, though it may still answer: subscriptions that listen there go elsewhere. */
void redis_subscriber_leave(struct redis_subscriber *subscriber, const struct redis_place *place); /* accepts NULL */
void redis_subscriber_free(struct redis_subscriber *subscriber);                                   /* accepts NULL */
