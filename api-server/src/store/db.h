/* PostgreSQL for the request path: a few connections in pipeline mode on the loop, nothing that blocks.
 *
 *     struct db *db = db_new(loop, resolver, &(struct db_settings){.url = url, .pool = 4, .statements = statements,
 *                                                                  .statement_count = n, .stats = &stats}, &error);
 *     request->query = (struct db_query){.statement = STATEMENT_ENTITLEMENTS, .done = on_entitlements};
 *     db_parameter(&request->query, 0, "user-123");
 *     if (db_submit(db, &request->query, &error) < 0) ...          // -> 503
 *
 * What is submitted within one turn of the loop leaves together, at its end, each request with a Sync of its own: one that fails takes
 * nobody else with it. Reads and writes have separate connections, because a read behind a write's row lock would wait for it. Statements
 * are prepared on each connection the first time they are used there, so a connection can be made before the schema is.
 *
 * A statement is ONE round trip and one transaction; a write is one call of a function of ours, and its outcome (a conflict, a refusal) is
 * a row, not an error. Errors are the database's own:
 *   ERROR_RETRY      away, overloaded, a lock not had in time, the schema not there yet: 503 with Retry-After. Nothing is known about a
 *                    write that got it: it may have been applied; its externalRef makes repeating it safe
 *   ERROR_INVALID    a value that PostgreSQL can't hold (a NUL byte, a number out of range)
 *   ERROR_FORBIDDEN  the role lacks a right
 *   ERROR_BUG        a statement that PostgreSQL doesn't understand
 * A lost connection, or one on which nothing has come back for 2 s, is dropped and made anew (back-off up to 1 s). Reads that were on it go
 * again, once (connections that were made before do not count: when a server goes, all of them go with it); writes fail. New work waits for a connection for at most 2 s.
 *
 * Behind PgBouncer in transaction mode (1.18) a connection has no session: each request goes as an unnamed statement in a transaction that
 * brings its own settings (set_config, local), nothing is prepared, and a connection carries one request at a time (what is sent behind a
 * request that fails may reach another session: github.com/pgbouncer/pgbouncer, issue 759).
 *
 * Sources: PostgreSQL 15 documentation, 34.5 (pipeline mode), 34.1 (PQconnectPoll), appendix A (SQLSTATE).
 * Owner: whoever called db_new. One thread, one loop; made after fork.
 */
#pragma once

#include "base/error.h"
#include "store/dependency.h"

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct resolver;
struct db;

enum { DB_PARAMETERS = 16, DB_STATEMENTS = 64, DB_QUEUE = 8192, DB_POOL_MAX = 64 };
enum { DB_STALL_MS = 2000, DB_QUEUE_MS = 2000 };

enum db_lane { DB_READ, DB_WRITE, DB_LANES };

/* Statements are named by their place in the table. */
struct db_statement {
  const char *name; /* for metrics and for PREPARE */
  const char *sql;
  int parameters;
  enum db_lane lane;
};

/* Counters of one worker, written by it alone; they may lie in memory that other processes read. */
struct db_stats {
  _Atomic int64_t connections;                  /* ready ones */
  _Atomic int64_t in_use;                       /* connections with something on them */
  _Atomic int64_t waiting;                      /* queries that no connection has taken yet */
  _Atomic int64_t wait_count, wait_us;          /* time spent so by those that were taken */
  _Atomic int64_t up;                           /* 1 while one connection of each lane is ready */
  _Atomic int64_t failures[DEPENDENCY_REASONS]; /* of connecting, by reason */
  _Atomic int64_t drops;                        /* connections lost after they were ready */
};

struct db_settings {
  const char *url; /* DATABASE_URL */
  bool pooled;     /* it leads to PgBouncer in transaction mode */
  int pool;        /* connections in all, 2 … DB_POOL_MAX; a quarter of them, at least one, for writes */
  const struct db_statement *statements;
  size_t statement_count; /* at most DB_STATEMENTS */
  struct db_stats *stats; /* must outlive the db */
  /* Called for each query that was answered, with the time from db_submit to the answer; may be NULL. */
  void (*observe)(void *owner, unsigned statement, int64_t duration_us);
  void *owner;
  /* Where set, one of the connections LISTENs on CHANNEL, a name that needs no quotes: called with each payload (borrowed), and with NULL
   * whenever listening begins (anew): something may have been missed. Not behind a pooler, which would hand the session to somebody else. */
  const char *channel;
  void (*notified)(void *listener, const char *payload);
  void *listener;
};

/* One request, embedded in what waits for its answer; `statement`, the parameters and `done` are the caller's, the rest is the db's. */
struct db_query {
  unsigned statement;
  const char *values[DB_PARAMETERS]; /* text form, NULL is SQL's null; borrowed until done */
  /* Called exactly once, never from within db_submit. RESULT (borrowed until the return; text form) is NULL where ERROR is not. */
  void (*done)(struct db_query *query, const PGresult *result, const struct error *error);

  struct db *db; /* NULL: not submitted */
  struct db_query *next, **previous;
  struct db_flight *flight; /* where it is, once it has been sent */
  int64_t submitted_us, queued_us, retried_us;
};

/* The URL is copied, CHANNEL and the tables are borrowed. -1 only for settings that can never work; an absent database is no failure. */
struct db *db_new(struct loop *loop, struct resolver *resolver, const struct db_settings *settings, struct error *error);
void db_free(struct db *db); /* accepts NULL; queries that are under way are not called back */

/* -1 (ERROR_RETRY) where DB_QUEUE queries wait already; `done` is then not called. */
int db_submit(struct db *db, struct db_query *query, struct error *error) _must_check_;

/* `done` is not called any more and the query's memory may go; a write that has been sent happens all the same. Fine when not submitted. */
void db_cancel(struct db_query *query);

static inline void db_parameter(struct db_query *query, unsigned at, const char *text) { query->values[at] = text; }

/* How the database is, for health answers. `up`: a connection of each lane is ready. LATENCY_US: of the last answer; -1 before the first. */
struct db_health {
  bool up;
  enum dependency_reason reason; /* of the last failure, while not up */
  const char *message;           /* a sentence; borrowed until the loop turns */
  int64_t latency_us;
};
struct db_health db_health(const struct db *db);

/* Nothing more is submitted by the caller; true once nothing waits and nothing is under way. */
bool db_idle(const struct db *db);

/* Values of a result. The text is borrowed from it; NULL is SQL's null. -1 (ERROR_BUG) where the column isn't such a number. */
static inline int db_rows(const PGresult *result) { return PQntuples(result); }
const char *db_text(const PGresult *result, int row, int column);
int db_int64(const PGresult *result, int row, int column, int64_t *ret, struct error *error) _must_check_;
bool db_bool(const PGresult *result, int row, int column);

DEFINE_CLEANUP(struct db, db_freep, db_free)
