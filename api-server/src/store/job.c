#include "store/job.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/database_url.h"
#include "store/sql_split.h"
#include "store/sqlstate.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OLDEST_SERVER = 150000, LOCK_POLL_MS = 250 };

DEFINE_CLEANUP(PGresult, result_freep, PQclear)

/* Locks are waited for briefly: a queued ALTER TABLE holds up everybody behind it. */
static const char server_options[] =
    "-c search_path=public -c lock_timeout=5000 -c client_min_messages=warning -c default_transaction_isolation=read\\ committed";

static void log_notice(void *owner, const char *message) {
  (void)owner;
  char line[400];
  first_line(message, line, sizeof line);
  log_info("the database says", log_str("notice", line));
}

static int check_server(PGconn *conn, struct error *error) {
  int version = PQserverVersion(conn);
  const char *encoding = PQparameterStatus(conn, "server_encoding");
  if (version < OLDEST_SERVER)
    return error_set(error, ERROR_TERMINAL, "the server is PostgreSQL %d, expected 15 or newer", version / 10000);
  if (!encoding || strcmp(encoding, "UTF8") != 0)
    return error_set(error, ERROR_TERMINAL, "the database's encoding is %s, expected UTF8", encoding ? encoding : "not known");
  return 0;
}

int job_connect(PGconn **ret, struct error *error) {
  struct database_url url;
  if (!getenv("DATABASE_URL")) return error_set(error, ERROR_INVALID, "DATABASE_URL is not set");
  if (database_url_init(&url, "DATABASE_URL", getenv("DATABASE_URL"), server_options, error) < 0) return -1;
  database_url_set(&url, "connect_timeout", "10");
  database_url_set(&url, "gssencmode", "disable");
  database_url_set(&url, "tcp_user_timeout", "30000");
  database_url_set(&url, "fallback_application_name", "supernova-server job");
  PGconn *conn = PQconnectdbParams(url.keywords, url.values, 0);
  database_url_done(&url);

  char line[400];
  int result = 0;
  if (PQstatus(conn) != CONNECTION_OK) {
    first_line(PQerrorMessage(conn), line, sizeof line);
    result = error_set(error, ERROR_RETRY, "%s", conn ? line : "out of memory");
  } else {
    PQsetNoticeProcessor(conn, log_notice, NULL);
    result = check_server(conn, error);
  }
  if (result < 0) return PQfinish(conn), -1;
  *ret = conn;
  return 0;
}

void job_disconnect(PGconn **conn) {
  PQfinish(*conn);
  *conn = NULL;
}

static int result_error(PGconn *conn, const PGresult *result, struct error *error) {
  const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE), *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (state && text) return error_set(error, sqlstate_kind(state), "%s (SQLSTATE %s)", text, state);
  char line[400];
  first_line(PQerrorMessage(conn), line, sizeof line);
  return error_set(error, ERROR_RETRY, "%s", line);
}

int job_run(PGconn *conn, const char *sql, int count, const char *const *values, PGresult **ret, struct error *error) {
  _cleanup_(result_freep) PGresult *result = PQexecParams(conn, sql, count, NULL, values, NULL, NULL, 0);
  ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return result_error(conn, result, error);
  if (ret) *ret = TAKE(result);
  return 0;
}

int job_lock(PGconn *conn, struct error *error) {
  int64_t until = clock_monotonic_ms() + JOB_LOCK_WAIT_MS;
  for (bool told = false;; told = true) {
    _cleanup_(result_freep) PGresult *result = NULL;
    /* "supernova" as a number: any will do, as long as all images share it */
    if (job_run(conn, "SELECT pg_try_advisory_lock(8318823012450529)", 0, NULL, &result, error) < 0) return -1;
    if (strcmp(PQgetvalue(result, 0, 0), "t") == 0) return 0;
    if (clock_monotonic_ms() >= until)
      return error_set(error, ERROR_RETRY, "another migration has held the lock for %d s", JOB_LOCK_WAIT_MS / 1000);
    if (!told) log_info("another migration holds the lock, waiting for it");
    (void)nanosleep(&(struct timespec){.tv_nsec = LOCK_POLL_MS * 1000000L}, NULL);
  }
}

static int run_statement(PGconn *conn, const struct sql_statement *statement, int *ret_line, struct error *error) {
  _cleanup_free_ char *text = strndup(statement->text, statement->len);
  if (!text) return error_oom(error);
  _cleanup_(result_freep) PGresult *result = PQexec(conn, text);
  if (PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK) return 0;
  const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
  *ret_line = sql_line(statement->text, statement->len, statement->line, position ? (int)strtol(position, NULL, 10) : 0);
  return result_error(conn, result, error);
}

int job_run_file(PGconn *conn, const struct sql_file *file, struct job_place *place, struct error *error) {
  struct sql_cursor cursor = sql_cursor_start(file->text);
  struct sql_statement statement;
  *place = (struct job_place){.file = file->name};
  while (sql_next(&cursor, &statement)) {
    place->line = statement.line;
    if (run_statement(conn, &statement, &place->line, error) < 0) return -1;
  }
  *place = (struct job_place){0};
  return 0;
}

int job_check_schema(PGconn *conn, struct schema_image image, struct error *error) {
  _cleanup_(result_freep) PGresult *result = NULL;
  const char *sql = "SELECT coalesce(max(version), 0), coalesce(max(serves_from), 0) FROM schema_migration";
  if (job_run(conn, sql, 0, NULL, &result, error) < 0) return -1;
  struct schema_database database = {.current = (int)strtol(PQgetvalue(result, 0, 0), NULL, 10),
                                     .serves_from = (int)strtol(PQgetvalue(result, 0, 1), NULL, 10)};
  if (schema_fits(database, image)) return 0;
  return error_set(error, ERROR_INVALID, "the database's schema is %d and serves images from %d on; this image works with %d to %d",
                   database.current, database.serves_from, image.min, image.max);
}

void job_leave_message(const char *json) {
  const char *path = getenv("TERMINATION_LOG");
  _cleanup_close_ int fd = open(path ? path : "/dev/termination-log", O_WRONLY | O_TRUNC | O_CLOEXEC);
  /* only a convenience: the exit status and the log say it as well */
  if (fd >= 0) (void)!write(fd, json, strlen(json));
}

int job_failed(const char *what, const struct error *error, struct job_place place) {
  int status = error->kind == ERROR_RETRY ? JOB_AGAIN : JOB_NEVER;
  struct buffer json;
  buffer_init(&json, 4096);
  buffer_puts(&json, "{\"error\":");
  buffer_json_string(&json, error->message, strlen(error->message));
  if (place.file) {
    buffer_puts(&json, ",\"file\":");
    buffer_json_string(&json, place.file, strlen(place.file));
  }
  if (place.line) buffer_printf(&json, ",\"line\":%d", place.line);
  buffer_puts(&json, "}\n");
  job_leave_message(buffer_text(&json));
  buffer_done(&json);
  log_error(what, log_err(error), log_str("file", place.file), log_int("line", place.line), log_int("exitStatus", status));
  return status;
}
