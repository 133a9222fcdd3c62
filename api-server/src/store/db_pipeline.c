#include "store/db_internal.h"

#include "store/sqlstate.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void statement_name(const struct db_connection *c, unsigned statement, char to[32]) {
  (void)snprintf(to, 32, "s%u_%u", statement, c->db->generations[statement]);
}

/* What db.c gives to a session, for one transaction: all up to the Sync is one (PostgreSQL 15, 34.5.1.1). */
static const char transaction_options[] = "SELECT set_config('search_path', 'public', true), set_config('statement_timeout', '1800', true)";

static bool send_unnamed(struct db_connection *c, const struct db_query *query) {
  const struct db_statement *statement = &c->db->settings.statements[query->statement];
  return PQsendQueryParams(c->conn, transaction_options, 0, NULL, NULL, NULL, NULL, 0) &&
         PQsendQueryParams(c->conn, statement->sql, statement->parameters, NULL, query->values, NULL, NULL, 0) && PQpipelineSync(c->conn);
}

/* PREPARE where this connection hasn't it yet, the query, and a Sync: an error in one leaves its neighbours alone. */
static bool send_messages(struct db_connection *c, const struct db_query *query, bool prepare) {
  const struct db_statement *statement = &c->db->settings.statements[query->statement];
  char name[32];
  statement_name(c, query->statement, name);
  if (prepare && !PQsendPrepare(c->conn, name, statement->sql, 0, NULL)) return false;
  return PQsendQueryPrepared(c->conn, name, statement->parameters, query->values, NULL, NULL, 0) && PQpipelineSync(c->conn);
}

static void add_flight(struct db_connection *c, struct db_flight *flight) {
  *c->flights_end = flight;
  c->flights_end = &flight->next;
  if (c->flight_count++) return;
  c->progress_ms = loop_now_ms(c->db->loop);
  /* without memory for it a stalled connection is noticed by tcp_user_timeout */
  if (!timer_is_set(&c->timer)) (void)!timer_set(&c->timer, DB_STALL_MS);
}

int pipeline_listen(struct db_connection *c) {
  char listen[80];
  struct db_flight *flight = db_flight_new(c->db);
  (void)snprintf(listen, sizeof listen, "LISTEN %s", c->db->settings.channel);
  if (!flight || !PQsendQueryParams(c->conn, listen, 0, NULL, NULL, NULL, NULL, 0) || !PQpipelineSync(c->conn)) {
    if (flight) db_flight_free(c->db, flight);
    connection_drop_broken(c);
    return -1;
  }
  flight->listening = true;
  add_flight(c, flight);
  pipeline_flush(c);
  return c->state == DB_READY ? 0 : -1;
}

static void tell_notifications(struct db_connection *c) {
  PGnotify *notify;
  while (c->conn && (notify = PQnotifies(c->conn))) {
    if (c->db->settings.notified) c->db->settings.notified(c->db->settings.listener, notify->extra);
    PQfreemem(notify);
  }
}

int pipeline_send(struct db_connection *c, struct db_query *query) {
  struct db_flight *flight = db_flight_new(c->db);
  unsigned generation = c->db->generations[query->statement];
  bool pooled = c->db->settings.pooled, prepare = !pooled && c->prepared[query->statement] != generation;
  if (!flight) {
    connection_drop(c, DEPENDENCY_UNREACHABLE, "out of memory");
    return -1;
  }
  if (!(pooled ? send_unnamed(c, query) : send_messages(c, query, prepare))) {
    db_flight_free(c->db, flight);
    connection_drop_broken(c);
    return -1;
  }
  c->prepared[query->statement] = generation;
  flight->query = query;
  flight->statement = query->statement;
  flight->preparing = prepare;
  query->flight = flight;
  add_flight(c, flight);
  return 0;
}

/* PQpipelineSync flushes each time, and each small segment wakes the server up: corked (tcp(7)) they leave as one, which took a quarter off the CPU of a read. Sockets
 * that aren't TCP refuse, and do without. */
void pipeline_hold(struct db_connection *c, bool hold) {
  int value = hold;
  if (c->held != hold) (void)setsockopt(PQsocket(c->conn), IPPROTO_TCP, TCP_CORK, &value, sizeof value);
  c->held = hold;
}

void pipeline_flush(struct db_connection *c) {
  if (c->state != DB_READY) return;
  pipeline_hold(c, false);
  struct error error;
  int left = PQflush(c->conn);
  if (left < 0) {
    connection_drop_broken(c);
  } else if (io_want(&c->io, left ? EPOLLIN | EPOLLOUT : EPOLLIN, &error) < 0) {
    connection_drop(c, DEPENDENCY_UNREACHABLE, error.message);
  }
}

static struct db_flight *take_flight(struct db_connection *c) {
  struct db_flight *flight = c->flights;
  c->flights = flight->next;
  if (!c->flights) c->flights_end = &c->flights;
  c->flight_count--;
  return flight;
}

static bool is_error(const PGresult *result) {
  ExecStatusType status = PQresultStatus(result);
  return status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK;
}

/* PostgreSQL's error as ours; what names things that aren't there means that the schema hasn't been migrated yet. */
static void translate(const PGresult *result, struct error *ret) {
  const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE), *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  enum error_kind kind = sqlstate_kind(state);
  error_set(ret, kind == ERROR_NOT_FOUND ? ERROR_RETRY : kind, "%s (SQLSTATE %s)", text ? text : "no answer", state ? state : "unknown");
  ret->after_ms = ret->kind == ERROR_RETRY ? 1000 : 0;
}

static void deliver(struct db_connection *c, struct db_flight *flight) {
  struct db *db = c->db;
  struct db_query *query = flight->query;
  const PGresult *result = flight->result;
  const char *state = is_error(result) ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
  if (flight->listening && !state) db->settings.notified(db->settings.listener, NULL);
  if (flight->listening) return;
  if (state && strcmp(state, "0A000") == 0) db->generations[flight->statement]++;
  if (!query) return;
  if (!is_error(result)) {
    db_finish(query, result, NULL);
  } else if (sqlstate_is_repeatable(state) && !query->retried_us) {
    db_requeue(db, query);
  } else {
    struct error error;
    translate(result, &error);
    db_finish(query, NULL, &error);
  }
}

/* Keeps what RESULT says for the first flight; takes it over. */
static void keep_result(struct db_connection *c, struct db_flight *flight, PGresult *result) {
  if (flight->preparing && is_error(result)) c->prepared[flight->statement] = 0;
  flight->preparing = false;
  if (flight->result && is_error(flight->result)) {
    PQclear(result);
  } else {
    PQclear(flight->result);
    flight->result = result;
  }
}

/* Takes what has arrived. -1: libpq and we don't agree about what is under way any more. Callbacks may submit and cancel; a connection lost
 * meanwhile has no flights. */
static int collect(struct db_connection *c) {
  int nothing = 0;
  while (c->flights && !PQisBusy(c->conn)) {
    PGresult *result = PQgetResult(c->conn);
    if (!result) {
      if (++nothing > 2) return -1;
      continue;
    }
    nothing = 0;
    c->progress_ms = loop_now_ms(c->db->loop);
    if (PQresultStatus(result) != PGRES_PIPELINE_SYNC) {
      keep_result(c, c->flights, result);
      continue;
    }
    PQclear(result);
    struct db_flight *flight = take_flight(c);
    deliver(c, flight);
    db_flight_free(c->db, flight);
  }
  return 0;
}

void pipeline_ready(struct db_connection *c, uint32_t events) {
  bool alive = true;
  int before;
  /* TLS may hold bytes back that epoll knows nothing of */
  do {
    before = c->flight_count;
    if (events & ~(uint32_t)EPOLLOUT) alive = PQconsumeInput(c->conn) == 1;
    /* of a lost connection libpq has nothing more to say; why it was lost follows */
    if (collect(c) < 0 && alive && PQstatus(c->conn) != CONNECTION_BAD) {
      connection_drop(c, DEPENDENCY_UNREACHABLE, "the server answered what was not asked");
      return;
    }
    tell_notifications(c);
  } while (alive && PQsslInUse(c->conn) && c->flight_count && c->flight_count < before);
  if (!alive || PQstatus(c->conn) == CONNECTION_BAD) {
    connection_drop_broken(c);
    return;
  }
  if (c->db->waiting || !c->flight_count) task_schedule(&c->db->dispatch);
  pipeline_flush(c);
}

void pipeline_watch(struct db_connection *c) {
  if (!c->flight_count) return;
  int64_t left_ms = c->progress_ms + DB_STALL_MS - loop_now_ms(c->db->loop);
  if (left_ms <= 0) {
    connection_drop(c, DEPENDENCY_TIMEOUT, "the server has not answered for 2 s");
  } else {
    (void)!timer_set(&c->timer, left_ms);
  }
}

/* A server that goes takes all connections with it: one that is found closed and is older than the first attempt doesn't count as the second. */
static bool may_go_again(const struct db_connection *c, const struct db_query *query, enum dependency_reason reason) {
  if (c->lane != DB_READ) return false;
  return !query->retried_us || (reason != DEPENDENCY_TIMEOUT && c->ready_us < query->retried_us);
}

void pipeline_fail(struct db_connection *c, enum dependency_reason reason, const struct error *error) {
  struct db_flight *flights = c->flights;
  c->flights = NULL;
  c->flights_end = &c->flights;
  c->flight_count = 0;
  while (flights) {
    struct db_flight *flight = flights;
    struct db_query *query = flight->query;
    flights = flight->next;
    if (query && may_go_again(c, query, reason)) {
      db_requeue(c->db, query);
    } else if (query) {
      db_finish(query, NULL, error);
    }
    db_flight_free(c->db, flight);
  }
}
