/* What integration tests of the server share: a database of their own on the server that DATABASE_URL names, and a loop to wait on.
 *
 *     _cleanup_(support_database_drop) struct support_database database = support_database_create();      // database.url
 *     support_until(loop, is_up, db);                      // turns the loop until is_up(db), or fails the test after 10 s
 */
#pragma once

#include "base/clock.h"
#include "base/random.h"
#include "net/loop.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SUPPORT_WAIT_MS = 10000 };

struct support_database {
  char name[32], url[512];
};

/* Runs SQL on URL and gives the first column of the first row ("" without one), malloced. */
static inline char *support_sql(const char *url, const char *sql) {
  PGconn *conn = PQconnectdb(url);
  cr_assert_eq(PQstatus(conn), CONNECTION_OK, "%s", PQerrorMessage(conn));
  PGresult *result = PQexec(conn, sql);
  ExecStatusType status = PQresultStatus(result);
  cr_assert(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "%s: %s", sql, PQerrorMessage(conn));
  char *text = strdup(PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
  PQclear(result);
  PQfinish(conn);
  return text;
}

static inline void support_run_sql(const char *url, const char *sql) { free(support_sql(url, sql)); }

static inline int64_t support_sql_number(const char *url, const char *sql) {
  char *text = support_sql(url, sql);
  int64_t number = strtoll(text, NULL, 10);
  free(text);
  return number;
}

static inline const char *support_environment(const char *name) {
  const char *value = getenv(name);
  cr_assert_not_null(value, "%s is not set: run this under hack/with-services", name);
  return value;
}

static inline struct support_database support_database_create(void) {
  struct support_database database;
  const char *base = support_environment("DATABASE_URL");
  char sql[96];
  (void)snprintf(database.name, sizeof database.name, "t_%016" PRIx64, random_u64());
  (void)snprintf(database.url, sizeof database.url, "%.*s/%s%s", (int)(strrchr(base, '/') - base), base, database.name,
                 strchrnul(base, '?'));
  (void)snprintf(sql, sizeof sql, "CREATE DATABASE %s TEMPLATE template0", database.name);
  support_run_sql(base, sql);
  return database;
}

static inline void support_database_drop(struct support_database *database) {
  char sql[80];
  (void)snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS %s WITH (FORCE)", database->name);
  support_run_sql(support_environment("DATABASE_URL"), sql);
}

/* A server that answers every connection with the same bytes, whatever it is asked, and then reads on. The caller kills RET_PID. */
static inline int support_liar(const char *answer, pid_t *ret_pid) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_eq(bind(fd, (struct sockaddr *)&address, len), 0);
  cr_assert_eq(listen(fd, 64), 0);
  cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
  *ret_pid = fork();
  cr_assert_geq(*ret_pid, 0);
  if (*ret_pid == 0) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) (void)!write(accept(fd, NULL, NULL), answer, strlen(answer));
  }
  close(fd);
  return ntohs(address.sin_port);
}

static inline void support_until(struct loop *loop, bool (*condition)(void *), void *argument) {
  int64_t until = clock_monotonic_ms() + SUPPORT_WAIT_MS;
  while (!condition(argument)) {
    cr_assert_lt(clock_monotonic_ms(), until, "waited %d ms in vain", SUPPORT_WAIT_MS);
    cr_assert_eq(loop_turn(loop, 50, NULL), 0);
  }
}
