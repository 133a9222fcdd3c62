#include "store/db_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/number.h"

#include <stdlib.h>
#include <string.h>

enum { POOLED_DEPTH = 1 };

/* Flights a connection may have, and how many of one turn it takes before the next connection is asked: reads share round trips, writes
 * would share each other's locks. */
static const struct { int depth, batch; } lanes[DB_LANES] = {[DB_READ] = {64, 16}, [DB_WRITE] = {4, 1}};

static const char server_options[] =
    "-c search_path=public -c statement_timeout=1800 -c idle_in_transaction_session_timeout=5000"
    " -c default_transaction_isolation=read\\ committed -c default_transaction_read_only=off -c timezone=UTC";

static int depth_of(const struct db_connection *c) { return c->db->settings.pooled ? POOLED_DEPTH : lanes[c->lane].depth; }

static int64_t now_us(void) { return clock_monotonic_ns() / 1000; }

static void enqueue(struct db *db, struct db_query *query) {
  struct db_queue *queue = &db->queues[db->settings.statements[query->statement].lane];
  query->queued_us = now_us();
  query->next = NULL;
  query->previous = queue->end;
  *queue->end = query;
  queue->end = &query->next;
  atomic_store_explicit(&db->settings.stats->waiting, ++db->waiting, memory_order_relaxed);
  /* without memory for the timer the queue is emptied by the next connection alone */
  if (queue->first == query) (void)!timer_set(&queue->expiry, DB_QUEUE_MS);
  task_schedule(&db->dispatch);
}

static void dequeue(struct db *db, struct db_query *query) {
  struct db_queue *queue = &db->queues[db->settings.statements[query->statement].lane];
  *query->previous = query->next;
  if (query->next) {
    query->next->previous = query->previous;
  } else {
    queue->end = query->previous;
  }
  query->previous = NULL;
  query->next = NULL;
  atomic_store_explicit(&db->settings.stats->waiting, --db->waiting, memory_order_relaxed);
}

void db_requeue(struct db *db, struct db_query *query) {
  if (!query->retried_us) query->retried_us = now_us();
  query->flight = NULL;
  enqueue(db, query);
}

void db_finish(struct db_query *query, const PGresult *result, const struct error *error) {
  struct db *db = query->db;
  int64_t duration_us = now_us() - query->submitted_us;
  query->db = NULL;
  query->flight = NULL;
  if (result) db->latency_us = duration_us;
  if (result && db->settings.observe) db->settings.observe(db->settings.owner, query->statement, duration_us);
  query->done(query, result, error);
}

static void on_expiry(struct timer *timer) {
  struct db_queue *queue = CONTAINER_OF(timer, struct db_queue, expiry);
  struct error error;
  error_set(&error, ERROR_RETRY, "no connection to the database for %d s", DB_QUEUE_MS / 1000);
  error.after_ms = 1000;
  while (queue->first && now_us() - queue->first->queued_us >= DB_QUEUE_MS * 1000LL) {
    struct db_query *query = queue->first;
    dequeue(queue->db, query);
    db_finish(query, NULL, &error);
  }
  if (!queue->first) return;
  int64_t left_ms = DB_QUEUE_MS - (now_us() - queue->first->queued_us) / 1000;
  (void)!timer_set(&queue->expiry, left_ms > 1 ? left_ms : 1);
}

/* The ready connection of LANE with the least under way and room for more; NULL: none. */
static struct db_connection *choose(struct db *db, enum db_lane lane) {
  struct db_connection *best = NULL;
  for (int i = 0; i < db->connection_count; i++) {
    struct db_connection *c = &db->connections[i];
    if (c->lane == lane && c->state == DB_READY && c->flight_count < depth_of(c) && (!best || c->flight_count < best->flight_count))
      best = c;
  }
  return best;
}

static void count_wait(struct db *db, const struct db_query *query) {
  atomic_fetch_add_explicit(&db->settings.stats->wait_count, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&db->settings.stats->wait_us, now_us() - query->queued_us, memory_order_relaxed);
}

/* Puts up to a batch of the queue on C. */
static void fill(struct db_connection *c, struct db_queue *queue) {
  struct db *db = c->db;
  if (queue->first->next) pipeline_hold(c, true);
  for (int i = 0; i < lanes[c->lane].batch && queue->first && c->flight_count < depth_of(c); i++) {
    struct db_query *query = queue->first;
    if (pipeline_send(c, query) < 0) return;
    dequeue(db, query);
    count_wait(db, query);
  }
  pipeline_flush(c);
}

static void count_in_use(struct db *db) {
  int in_use = 0;
  for (int i = 0; i < db->connection_count; i++) in_use += db->connections[i].flight_count > 0;
  atomic_store_explicit(&db->settings.stats->in_use, in_use, memory_order_relaxed);
}

static void on_dispatch(struct task *task) {
  struct db *db = CONTAINER_OF(task, struct db, dispatch);
  for (enum db_lane lane = DB_READ; lane < DB_LANES; lane++) {
    struct db_connection *c;
    while (db->queues[lane].first && (c = choose(db, lane))) fill(c, &db->queues[lane]);
  }
  count_in_use(db);
}

static bool is_up(const struct db *db) { return db->ready[DB_READ] > 0 && db->ready[DB_WRITE] > 0; }

/* The pool is the edge at which a database that comes and goes is logged: at each change, not at each attempt. */
void db_connection_changed(struct db *db) {
  memset(db->ready, 0, sizeof db->ready);
  for (int i = 0; i < db->connection_count; i++) db->ready[db->connections[i].lane] += db->connections[i].state == DB_READY;
  bool up = is_up(db);
  atomic_store_explicit(&db->settings.stats->connections, db->ready[DB_READ] + db->ready[DB_WRITE], memory_order_relaxed);
  atomic_store_explicit(&db->settings.stats->up, up, memory_order_relaxed);
  if (up && !db->was_up) log_info("database is there");
  if (!up && (db->was_up || !db->told) && db->message[0]) {
    log_warn("database is away", log_str("reason", dependency_reason_name(db->reason)), log_str("err", db->message));
    db->told = true;
  }
  if (up) db->reason = DEPENDENCY_OK, db->told = false;
  db->was_up = up;
  task_schedule(&db->dispatch);
}

struct db_flight *db_flight_new(struct db *db) {
  struct db_flight *flight = db->spare;
  if (!flight) return calloc(1, sizeof *flight);
  db->spare = flight->next;
  *flight = (struct db_flight){0};
  return flight;
}

void db_flight_free(struct db *db, struct db_flight *flight) {
  PQclear(flight->result);
  flight->result = NULL;
  flight->next = db->spare;
  db->spare = flight;
}

static int check_settings(const struct db_settings *settings, struct error *error) {
  if (settings->pool < 2 || settings->pool > DB_POOL_MAX)
    return error_set(error, ERROR_INVALID, "DB_POOL is %d, expected 2 to %d", settings->pool, DB_POOL_MAX);
  if (settings->statement_count > DB_STATEMENTS)
    return error_set(error, ERROR_BUG, "%zu statements, at most %d fit", settings->statement_count, DB_STATEMENTS);
  return 0;
}

struct db *db_new(struct loop *loop, struct resolver *resolver, const struct db_settings *settings, struct error *error) {
  if (check_settings(settings, error) < 0) return NULL;
  struct db *db = calloc(1, sizeof *db);
  if (!db) return error_oom(error), NULL;
  if (database_url_init(&db->url, "DATABASE_URL", settings->url, settings->pooled ? NULL : server_options, error) < 0)
    return free(db), NULL;
  db->loop = loop;
  db->resolver = resolver;
  db->settings = *settings;
  db->settings.url = NULL;
  db->reason = DEPENDENCY_UNREACHABLE;
  db->latency_us = -1;
  task_init(&db->dispatch, loop, on_dispatch);
  for (size_t i = 0; i < DB_STATEMENTS; i++) db->generations[i] = 1;
  for (size_t i = 0; i < DB_LANES; i++) {
    db->queues[i].db = db;
    db->queues[i].end = &db->queues[i].first;
    timer_init(&db->queues[i].expiry, loop, on_expiry);
  }
  int writers = settings->pool / 4 ? settings->pool / 4 : 1;
  for (int i = 0; i < settings->pool; i++) connection_init(&db->connections[i], db, i < writers ? DB_WRITE : DB_READ);
  db->connection_count = settings->pool;
  for (int i = 0; i < settings->pool; i++) connection_start(&db->connections[i]);
  return db;
}

void db_free(struct db *db) {
  if (!db) return;
  for (int i = 0; i < db->connection_count; i++) connection_done(&db->connections[i]);
  for (size_t i = 0; i < DB_LANES; i++) {
    timer_stop(&db->queues[i].expiry);
    while (db->queues[i].first) db_cancel(db->queues[i].first);
  }
  task_stop(&db->dispatch);
  while (db->spare) free(db_flight_new(db));
  database_url_done(&db->url);
  free(db);
}

int db_submit(struct db *db, struct db_query *query, struct error *error) {
  if (db->waiting >= DB_QUEUE) {
    error_set(error, ERROR_RETRY, "%d queries wait for the database already", DB_QUEUE);
    if (error) error->after_ms = 1000;
    return -1;
  }
  query->db = db;
  query->flight = NULL;
  query->retried_us = 0;
  query->submitted_us = now_us();
  enqueue(db, query);
  return 0;
}

void db_cancel(struct db_query *query) {
  if (!query->db) return;
  if (query->flight) {
    query->flight->query = NULL;
  } else {
    dequeue(query->db, query);
  }
  query->flight = NULL;
  query->db = NULL;
}

struct db_health db_health(const struct db *db) {
  bool up = is_up(db);
  return (struct db_health){.up = up,
                            .reason = up ? DEPENDENCY_OK : db->reason,
                            .message = up               ? ""
                                       : db->message[0] ? db->message
                                                        : "not reached yet",
                            .latency_us = db->latency_us};
}

bool db_idle(const struct db *db) {
  for (int i = 0; i < db->connection_count; i++)
    if (db->connections[i].flight_count) return false;
  return db->waiting == 0;
}

const char *db_text(const PGresult *result, int row, int column) {
  return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

int db_int64(const PGresult *result, int row, int column, int64_t *ret, struct error *error) {
  if (parse_int64(db_text(result, row, column), INT64_MIN, INT64_MAX, ret) == 0) return 0;
  return error_set(error, ERROR_BUG, "column %s is no whole number", PQfname(result, column));
}

bool db_bool(const PGresult *result, int row, int column) {
  const char *text = db_text(result, row, column);
  return text && *text == 't';
}
