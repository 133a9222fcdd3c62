#include "store/db_internal.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "store/sqlstate.h"

#include <stdio.h>
#include <string.h>

static void on_timer(struct timer *timer);
static void on_resolved(struct resolution *resolution, const struct resolver_answer *answer, const struct error *error);
static void on_ready(struct io *io, uint32_t events);

const struct backoff db_backoff = {.initial_ms = 50, .max_ms = 1000, .jitter = true};

void connection_init(struct db_connection *c, struct db *db, enum db_lane lane) {
  *c = (struct db_connection){.db = db, .lane = lane, .backoff = db_backoff};
  c->flights_end = &c->flights;
  c->resolution.done = on_resolved;
  timer_init(&c->timer, db->loop, on_timer);
}

static void close_socket(struct db_connection *c) {
  resolver_cancel(&c->resolution);
  timer_stop(&c->timer);
  io_stop(&c->io);
  PQfinish(c->conn);
  c->conn = NULL;
  c->held = false;
  memset(c->prepared, 0, sizeof c->prepared);
}

void connection_done(struct db_connection *c) {
  close_socket(c);
  while (c->flights) {
    struct db_flight *flight = c->flights;
    c->flights = flight->next;
    if (flight->query) flight->query->db = NULL, flight->query->flight = NULL;
    db_flight_free(c->db, flight);
  }
}

static void note_failure(struct db_connection *c, enum dependency_reason reason, const char *message) {
  struct db *db = c->db;
  bool was_ready = c->state == DB_READY;
  atomic_fetch_add_explicit(was_ready ? &db->settings.stats->drops : &db->settings.stats->failures[reason], 1, memory_order_relaxed);
  db->reason = reason;
  (void)snprintf(db->message, sizeof db->message, "%s", message);
  if (was_ready && clock_monotonic_ns() / 1000 - c->ready_us >= DB_STABLE_MS * 1000LL) backoff_reset(&c->backoff);
}

void connection_drop(struct db_connection *c, enum dependency_reason reason, const char *message) {
  struct error error;
  error_set(&error, ERROR_RETRY, "%s", message); /* before MESSAGE goes with the connection */
  error.after_ms = 1000;
  note_failure(c, reason, error.message);
  close_socket(c);
  c->state = DB_WAITING;
  /* without memory for a timer this connection stays away; the others of its lane go on */
  (void)!timer_set(&c->timer, backoff_next(&c->backoff));
  db_connection_changed(c->db);
  pipeline_fail(c, reason, &error);
}

void connection_start(struct db_connection *c) {
  struct error error = {0};
  c->state = DB_RESOLVING;
  (void)!timer_set(&c->timer, DB_CONNECT_MS);
  if (c->db->url.host[0] == '/') {
    on_resolved(&c->resolution, &(struct resolver_answer){0}, NULL);
  } else if (resolver_start(c->db->resolver, &c->resolution, c->db->url.host, &error) < 0) {
    connection_drop(c, DEPENDENCY_UNREACHABLE, error.message);
  }
}

/* libpq takes one host for each address, in lists of one length. Attempts begin at different addresses, so that one that swallows packets
 * can't keep us from the rest. */
static void list_addresses(const struct db_connection *c, const struct resolver_answer *answer, struct buffer *hosts,
                           struct buffer *addresses, struct buffer *ports) {
  const struct database_url *url = &c->db->url;
  for (size_t i = 0; i < answer->count; i++) {
    const char *comma = i ? "," : "";
    buffer_printf(hosts, "%s%s", comma, url->name);
    buffer_printf(addresses, "%s%s", comma, answer->addresses[(i + c->attempts) % answer->count]);
    buffer_printf(ports, "%s%s", comma, url->port);
  }
}

static PGconn *start_connect(const struct db_connection *c, const struct resolver_answer *answer) {
  struct database_url url = c->db->url; /* a copy to put words into; it owns nothing */
  _cleanup_buffer_ struct buffer hosts, addresses, ports;
  buffer_init(&hosts, 4096);
  buffer_init(&addresses, 4096);
  buffer_init(&ports, 1024);
  list_addresses(c, answer, &hosts, &addresses, &ports);
  if (answer->count) {
    database_url_set(&url, "host", buffer_text(&hosts));
    database_url_set(&url, "hostaddr", buffer_text(&addresses));
    database_url_set(&url, "port", buffer_text(&ports));
  }
  database_url_set(&url, "gssencmode", "disable");
  database_url_set(&url, "tcp_user_timeout", "2000");
  database_url_set(&url, "fallback_application_name", "supernova-server");
  return PQconnectStartParams(url.keywords, url.values, 0);
}

static void ignore_notice(void *owner, const char *message) {
  (void)owner;
  (void)message; /* notices of statements that we wrote */
}

void connection_drop_broken(struct db_connection *c) {
  char line[400];
  const char *message = PQerrorMessage(c->conn);
  enum dependency_reason reason = connect_failure_reason(message);
  first_line(*message ? message : "the connection was lost", line, sizeof line);
  connection_drop(c, reason, line);
}

static void on_resolved(struct resolution *resolution, const struct resolver_answer *answer, const struct error *error) {
  struct db_connection *c = CONTAINER_OF(resolution, struct db_connection, resolution);
  if (error) {
    connection_drop(c, DEPENDENCY_UNREACHABLE, error->message);
    return;
  }
  c->state = DB_CONNECTING;
  c->conn = start_connect(c, answer);
  c->attempts++;
  if (!c->conn) {
    connection_drop(c, DEPENDENCY_UNREACHABLE, "out of memory");
  } else if (PQstatus(c->conn) == CONNECTION_BAD) {
    connection_drop_broken(c);
  } else {
    PQsetErrorVerbosity(c->conn, PQERRORS_VERBOSE);
    PQsetNoticeProcessor(c->conn, ignore_notice, NULL);
    /* as if PQconnectPoll had just returned PGRES_POLLING_WRITING (34.1) */
    struct error failure;
    if (io_start(&c->io, c->db->loop, PQsocket(c->conn), EPOLLOUT, on_ready, &failure) < 0)
      connection_drop(c, DEPENDENCY_UNREACHABLE, failure.message);
  }
}

static void become_ready(struct db_connection *c) {
  struct error error;
  if (PQserverVersion(c->conn) < DB_OLDEST_SERVER) {
    connection_drop(c, DEPENDENCY_VERSION, "the server is older than PostgreSQL 15");
    return;
  }
  if (PQsetnonblocking(c->conn, 1) < 0 || !PQenterPipelineMode(c->conn)) {
    connection_drop_broken(c);
    return;
  }
  if (io_start(&c->io, c->db->loop, PQsocket(c->conn), EPOLLIN, on_ready, &error) < 0) {
    connection_drop(c, DEPENDENCY_UNREACHABLE, error.message);
    return;
  }
  timer_stop(&c->timer);
  c->state = DB_READY;
  c->ready_us = clock_monotonic_ns() / 1000;
  bool listens = c->db->settings.channel && c == &c->db->connections[c->db->connection_count - 1];
  if (!listens || pipeline_listen(c) == 0) db_connection_changed(c->db);
}

/* The socket may be another one after each poll: it is registered anew each time. */
static void poll_connect(struct db_connection *c) {
  struct error error;
  io_stop(&c->io);
  PostgresPollingStatusType status = PQconnectPoll(c->conn);
  if (status == PGRES_POLLING_OK) {
    become_ready(c);
  } else if (status == PGRES_POLLING_FAILED) {
    connection_drop_broken(c);
  } else {
    uint32_t events = status == PGRES_POLLING_READING ? EPOLLIN : EPOLLOUT;
    if (io_start(&c->io, c->db->loop, PQsocket(c->conn), events, on_ready, &error) < 0)
      connection_drop(c, DEPENDENCY_UNREACHABLE, error.message);
  }
}

static void on_ready(struct io *io, uint32_t events) {
  struct db_connection *c = CONTAINER_OF(io, struct db_connection, io);
  if (c->state == DB_CONNECTING) {
    poll_connect(c);
  } else {
    pipeline_ready(c, events);
  }
}

static void on_timer(struct timer *timer) {
  struct db_connection *c = CONTAINER_OF(timer, struct db_connection, timer);
  switch (c->state) {
    case DB_WAITING: connection_start(c); break;
    case DB_RESOLVING: connection_drop(c, DEPENDENCY_TIMEOUT, "the name server doesn't answer"); break;
    case DB_CONNECTING: connection_drop(c, DEPENDENCY_TIMEOUT, "the server doesn't finish the connection"); break;
    case DB_READY: pipeline_watch(c); break;
  }
}
