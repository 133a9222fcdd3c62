#include "store/job.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "settings/settings.h"
#include "store/database_url.h"
#include "store/sql_split.h"
#include "store/sqlstate.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OLDEST_SERVER = 150000, LOCK_POLL_MS = 250, LOCK_TELL_MS = 5000 };

/* "supernova" as a number: any will do, as long as all images share it. */
#define LOCK_KEY "8318823012450529"

DEFINE_CLEANUP(PGresult, result_freep, PQclear)

/* Locks are waited for briefly: a queued ALTER TABLE holds up everybody behind it. A job that is killed must not keep the lock until its
 * statement ends, which the server would run on for nobody. */
static const char server_options[] =
    "-c search_path=public -c lock_timeout=5000 -c client_connection_check_interval=2000 -c client_min_messages=warning -c "
    "default_transaction_isolation=read\\ committed";
static const char transaction_options[] =
    "SELECT set_config('search_path', 'public', true), set_config('lock_timeout', '5000', true), set_config('client_min_messages', "
    "'warning', true), pg_try_advisory_xact_lock(" LOCK_KEY ")";

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

static int load_settings(struct settings *ret, struct error *error) {
  _cleanup_buffer_ struct buffer faults;
  buffer_init(&faults, 64 * 1024);
  if (settings_load(ret, SETTINGS_JOB, &faults) < 0) return error_set(error, ERROR_INVALID, "%s", buffer_text(&faults));
  return 0;
}

static int connect_to(const struct settings *settings, bool direct, bool pooled, PGconn **ret, struct error *error) {
  struct database_url url;
  char name[80];
  if (database_url_init(&url, direct ? "DATABASE_DIRECT_URL" : "DATABASE_URL",
                        direct ? settings->database_direct_url : settings->database_url, pooled ? NULL : server_options, error) < 0)
    return -1;
  (void)snprintf(name, sizeof name, "supernova-server %s", *settings->pod_name ? settings->pod_name : "job");
  database_url_set(&url, "connect_timeout", "10");
  database_url_set(&url, "gssencmode", "disable");
  database_url_set(&url, "tcp_user_timeout", "30000");
  database_url_set(&url, "fallback_application_name", name);
  *ret = PQconnectdbParams(url.keywords, url.values, 0);
  database_url_done(&url);
  return *ret ? 0 : error_oom(error);
}

int job_open(struct job *ret, const struct settings *settings, bool direct, struct error *error) {
  char line[400];
  *ret = (struct job){.pooled = !direct && settings->database_pooler != POOLER_NONE};
  if (connect_to(settings, direct, ret->pooled, &ret->conn, error) < 0) return -1;
  if (PQstatus(ret->conn) != CONNECTION_OK) {
    first_line(PQerrorMessage(ret->conn), line, sizeof line);
    return error_set(error, ERROR_RETRY, "%s", line);
  }
  PQsetNoticeProcessor(ret->conn, log_notice, NULL);
  return check_server(ret->conn, error);
}

int job_connect(struct job *ret, struct error *error) {
  struct settings settings;
  *ret = (struct job){0};
  if (load_settings(&settings, error) < 0) return -1;
  return job_open(ret, &settings, settings.database_pooler != POOLER_NONE && settings.database_direct_url, error);
}

void job_disconnect(struct job *job) {
  PQfinish(job->conn);
  job->conn = NULL;
}

static int result_error(struct job *job, const PGresult *result, struct error *error) {
  const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE), *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (state && text) return error_set(error, sqlstate_kind(state), "%s (SQLSTATE %s)", text, state);
  char line[400];
  first_line(PQerrorMessage(job->conn), line, sizeof line);
  return error_set(error, ERROR_RETRY, "%s", line);
}

int job_run(struct job *job, const char *sql, int count, const char *const *values, PGresult **ret, struct error *error) {
  _cleanup_(result_freep) PGresult *result = PQexecParams(job->conn, sql, count, NULL, values, NULL, NULL, 0);
  ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return result_error(job, result, error);
  if (ret) *ret = TAKE(result);
  return 0;
}

/* ---- the lock ---- */

/* "supernova-server shop-migrate-3, process 4711 from 10.1.2.3"; a role may see nothing of others' sessions but their process. */
static int read_holder(struct job *job, char *to, size_t size, struct error *error) {
  static const char sql[] =
      "SELECT concat_ws(', ', nullif(application_name, ''), 'process ' || l.pid || coalesce(' from ' || host(client_addr), ''))"
      " FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
      " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND (l.classid::bigint << 32 | l.objid::bigint) = " LOCK_KEY
      " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";
  _cleanup_(result_freep) PGresult *result = NULL;
  if (job_run(job, sql, 0, NULL, &result, error) < 0) return -1;
  (void)snprintf(to, size, "%s", PQntuples(result) ? PQgetvalue(result, 0, 0) : "somebody who has just ended");
  return 0;
}

static int try_session(struct job *job, bool *ret, struct error *error) {
  _cleanup_(result_freep) PGresult *result = NULL;
  if (job_run(job, "SELECT pg_try_advisory_lock(" LOCK_KEY ")", 0, NULL, &result, error) < 0) return -1;
  *ret = *PQgetvalue(result, 0, 0) == 't';
  return 0;
}

static int try_transaction(struct job *job, bool *ret, struct error *error) {
  _cleanup_(result_freep) PGresult *result = NULL;
  if (job_run(job, "BEGIN", 0, NULL, NULL, error) < 0 || job_run(job, transaction_options, 0, NULL, &result, error) < 0) return -1;
  *ret = *PQgetvalue(result, 0, 3) == 't';
  return *ret ? 0 : job_run(job, "ROLLBACK", 0, NULL, NULL, error);
}

static int wait_for_lock(struct job *job, int (*attempt)(struct job *, bool *, struct error *), struct error *error) {
  int64_t begun_ms = clock_monotonic_ms(), tell_ms = begun_ms;
  char holder[200] = "";
  for (bool held = false;;) {
    if (attempt(job, &held, error) < 0) return -1;
    int64_t now_ms = clock_monotonic_ms();
    if (held) return 0;
    if (now_ms >= tell_ms) {
      if (read_holder(job, holder, sizeof holder, error) < 0) return -1;
      log_info("another job holds the lock, waiting for it", log_str("holder", holder), log_int("waitedMs", now_ms - begun_ms));
      tell_ms = now_ms + LOCK_TELL_MS;
    }
    if (now_ms - begun_ms >= JOB_LOCK_WAIT_MS)
      return error_set(error, ERROR_RETRY, "another job has held the lock for %d s: %s", JOB_LOCK_WAIT_MS / 1000, holder);
    (void)nanosleep(&(struct timespec){.tv_nsec = LOCK_POLL_MS * 1000000L}, NULL);
  }
}

int job_lock(struct job *job, struct error *error) { return job->pooled ? 0 : wait_for_lock(job, try_session, error); }

int job_begin(struct job *job, struct error *error) {
  return job->pooled ? wait_for_lock(job, try_transaction, error) : job_run(job, "BEGIN", 0, NULL, NULL, error);
}

int job_commit(struct job *job, struct error *error) { return job_run(job, "COMMIT", 0, NULL, NULL, error); }

/* ---- files ---- */

static int run_statement(struct job *job, const struct sql_statement *statement, int *ret_line, struct error *error) {
  _cleanup_free_ char *text = strndup(statement->text, statement->len);
  if (!text) return error_oom(error);
  _cleanup_(result_freep) PGresult *result = PQexec(job->conn, text);
  if (PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK) return 0;
  const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
  *ret_line = sql_line(statement->text, statement->len, statement->line, position ? (int)strtol(position, NULL, 10) : 0);
  return result_error(job, result, error);
}

int job_run_file(struct job *job, const struct sql_file *file, job_before before, struct job_place *place, struct error *error) {
  struct sql_cursor cursor = sql_cursor_start(file->text);
  struct sql_statement statement;
  *place = (struct job_place){.file = file->name};
  while (sql_next(&cursor, &statement)) {
    place->line = statement.line;
    if (before && before(job, &statement, error) < 0) return -1;
    if (run_statement(job, &statement, &place->line, error) < 0) return -1;
  }
  *place = (struct job_place){0};
  return 0;
}

/* ---- the schema ---- */

int job_read_schema(struct job *job, struct schema_database *ret, struct error *error) {
  _cleanup_(result_freep) PGresult *there = NULL, *result = NULL;
  if (job_run(job, "SELECT to_regclass('public.schema_migration')", 0, NULL, &there, error) < 0) return -1;
  if (PQgetisnull(there, 0, 0)) return *ret = (struct schema_database){0}, 0;
  const char *sql = "SELECT coalesce(max(version), 0), coalesce(max(serves_from), 0) FROM public.schema_migration";
  if (job_run(job, sql, 0, NULL, &result, error) < 0) return -1;
  *ret = (struct schema_database){.current = (int)strtol(PQgetvalue(result, 0, 0), NULL, 10),
                                  .serves_from = (int)strtol(PQgetvalue(result, 0, 1), NULL, 10)};
  return 0;
}

int job_check_schema(struct job *job, struct schema_image image, struct error *error) {
  struct schema_database database;
  if (job_read_schema(job, &database, error) < 0) return -1;
  if (schema_fits(database, image)) return 0;
  return error_set(error, ERROR_INVALID, "the database's schema is %d and serves images from %d on; this image works with %d to %d",
                   database.current, database.serves_from, image.min, image.max);
}

/* ---- the outcome ---- */

void job_leave_message(const char *json) {
  const char *path = getenv("TERMINATION_LOG");
  _cleanup_close_ int fd = open(path ? path : "/dev/termination-log", O_WRONLY | O_TRUNC | O_CLOEXEC);
  /* only a convenience: the exit status and the log say it as well */
  if (fd >= 0) (void)!write(fd, json, strlen(json));
}

int job_failed(const char *what, const struct error *error, struct job_place place, const char *members) {
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
  buffer_printf(&json, "%s}\n", members);
  job_leave_message(buffer_text(&json));
  buffer_done(&json);
  log_error(what, log_err(error), log_str("file", place.file), log_int("line", place.line), log_int("exitStatus", status));
  return status;
}
