/* What the three files of the database pool share: db.c holds the queues and spreads them, db_connection.c makes and loses connections,
 * db_pipeline.c talks on a ready one.
 *
 *     waiting --timer--> resolving --address--> connecting --PGRES_POLLING_OK--> ready
 *        ^------------------ any failure, or no progress for too long ------------'
 */
#pragma once

#include "base/backoff.h"
#include "net/loop.h"
#include "store/database_url.h"
#include "store/db.h"
#include "store/resolver.h"

/* Between tries to connect. Whoever waits for PostgreSQL's return is served within 2 s of it. */
extern const struct backoff db_backoff;

enum { DB_CONNECT_MS = 3000, DB_STABLE_MS = 1000, DB_OLDEST_SERVER = 150000 };

/* Something sent and not yet answered. */
struct db_flight {
  struct db_flight *next;
  struct db_query *query; /* NULL: cancelled */
  unsigned statement;
  bool preparing;   /* the next result is that of its PREPARE */
  bool listening;   /* it is LISTEN, and nobody's query */
  PGresult *result; /* the first error, else the last result */
};

enum db_state { DB_WAITING, DB_RESOLVING, DB_CONNECTING, DB_READY };

struct db_connection {
  struct db *db;
  enum db_lane lane;
  enum db_state state;
  PGconn *conn;
  struct io io;
  struct timer timer; /* of the state: the next attempt, its time-out, or the watchdog of what is under way */
  struct backoff backoff;
  struct resolution resolution;
  unsigned attempts;
  int64_t ready_us, progress_ms;
  struct db_flight *flights, **flights_end;
  int flight_count;
  bool held;
  unsigned prepared[DB_STATEMENTS]; /* the generation that is prepared here; 0: none */
};

struct db_queue {
  struct db_query *first, **end;
  struct timer expiry;
  struct db *db;
};

struct db {
  struct loop *loop;
  struct resolver *resolver;
  struct db_settings settings;
  struct database_url url;
  struct task dispatch;
  struct db_queue queues[DB_LANES];
  struct db_connection connections[DB_POOL_MAX]; /* the last one listens */
  int connection_count, ready[DB_LANES], waiting;
  unsigned generations[DB_STATEMENTS]; /* counted up when a migration changes what a statement returns */
  struct db_flight *spare;
  bool was_up, told;
  enum dependency_reason reason;
  char message[480];
  int64_t latency_us;
};

/* db.c */
void db_requeue(struct db *db, struct db_query *query); /* to wait for a connection, again */
void db_finish(struct db_query *query, const PGresult *result, const struct error *error);
void db_connection_changed(struct db *db); /* one became ready or ceased to be */
struct db_flight *db_flight_new(struct db *db);
void db_flight_free(struct db *db, struct db_flight *flight);

/* db_connection.c */
void connection_init(struct db_connection *c, struct db *db, enum db_lane lane);
void connection_start(struct db_connection *c);
void connection_drop(struct db_connection *c, enum dependency_reason reason, const char *message);
void connection_drop_broken(struct db_connection *c); /* for the reason that libpq gives */
void connection_done(struct db_connection *c);

/* db_pipeline.c */
int pipeline_send(struct db_connection *c,
                  struct db_query *query);              /* -1: the connection is lost, and dropped; the query is the caller's still */
int pipeline_listen(struct db_connection *c);           /* -1: likewise */
void pipeline_hold(struct db_connection *c, bool hold); /* what is sent leaves together, at the flush */
void pipeline_flush(struct db_connection *c);
void pipeline_ready(struct db_connection *c, uint32_t events);
void pipeline_watch(struct db_connection *c); /* the timer of a ready connection has fired */
/* Ends all that is under way: reads go again, once. */
void pipeline_fail(struct db_connection *c, enum dependency_reason reason, const struct error *error);
