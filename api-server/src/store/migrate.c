#include "store/migrate.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/number.h"
#include "store/job.h"
#include "store/migration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum command { COMMAND_UP, COMMAND_STATUS, COMMAND_DRY_RUN };

struct run {
  enum command command;
  int to;
  PGconn *conn;
  struct migration migrations[MIGRATIONS_MAX];
  size_t count;
  struct schema_image image; /* whose the migrations are */
  struct applied_migration applied[MIGRATIONS_MAX];
  size_t applied_count;
  struct schema_database schema;
  struct migration_plan plan;
  struct job_place place; /* where it failed */
};

DEFINE_CLEANUP(PGresult, result_freep, PQclear)

static int parse_arguments(int argc, char **argv, struct run *run) {
  static const char *const names[] = {"up", "status", "--dry-run"};
  for (int i = 1; i < argc; i++) {
    size_t command = 0;
    while (command < ELEMENTS(names) && strcmp(argv[i], names[command]) != 0) command++;
    int64_t to;
    if (command < ELEMENTS(names)) {
      run->command = (enum command)command;
    } else if (strcmp(argv[i], "--to") == 0 && i + 1 < argc && parse_int64(argv[i + 1], 1, 999999, &to) == 0) {
      run->to = (int)to, i++;
    } else {
      return -1;
    }
  }
  return 0;
}

static int prepare_files(struct run *run, const struct sql_file *files, size_t count, struct error *error) {
  if (!count || count > MIGRATIONS_MAX)
    return error_set(error, ERROR_BUG, "this image holds %zu migrations, expected 1 to %d", count, MIGRATIONS_MAX);
  if (migrations_parse(files, count, run->migrations, error) < 0) return -1;
  run->count = count;
  run->image = (struct schema_image){.min = schema_of_image().min, .max = run->migrations[count - 1].version};
  return 0;
}

static int create_history(struct run *run, struct error *error) {
  return job_run(run->conn,
                 "CREATE TABLE IF NOT EXISTS schema_migration ("
                 " version int PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, serves_from int NOT NULL,"
                 " applied_at timestamptz NOT NULL DEFAULT clock_timestamp(), duration_ms bigint NOT NULL)",
                 0, NULL, NULL, error);
}

static int has_history(struct run *run, bool *ret, struct error *error) {
  _cleanup_(result_freep) PGresult *result = NULL;
  if (job_run(run->conn, "SELECT to_regclass('schema_migration') IS NOT NULL", 0, NULL, &result, error) < 0) return -1;
  *ret = strcmp(PQgetvalue(result, 0, 0), "t") == 0;
  return 0;
}

static int read_history(struct run *run, struct error *error) {
  _cleanup_(result_freep) PGresult *result = NULL;
  bool there = false;
  run->applied_count = 0;
  run->schema = (struct schema_database){0};
  if (has_history(run, &there, error) < 0) return -1;
  if (!there) return 0;
  if (job_run(run->conn, "SELECT version, name, sha256, serves_from FROM schema_migration ORDER BY version", 0, NULL, &result, error) < 0)
    return -1;
  if (PQntuples(result) > MIGRATIONS_MAX) return error_set(error, ERROR_INVALID, "schema_migration has more than %d rows", MIGRATIONS_MAX);
  for (int i = 0; i < PQntuples(result); i++) {
    struct applied_migration *row = &run->applied[run->applied_count++];
    row->version = (int)strtol(PQgetvalue(result, i, 0), NULL, 10);
    (void)snprintf(row->name, sizeof row->name, "%s", PQgetvalue(result, i, 1));
    (void)snprintf(row->sha256, sizeof row->sha256, "%s", PQgetvalue(result, i, 2));
    int serves_from = (int)strtol(PQgetvalue(result, i, 3), NULL, 10);
    run->schema.current = row->version;
    if (serves_from > run->schema.serves_from) run->schema.serves_from = serves_from;
  }
  return 0;
}

static int record(struct run *run, const struct migration *m, int64_t duration_ms, struct error *error) {
  char version[16], serves_from[16], duration[24];
  (void)snprintf(version, sizeof version, "%d", m->version);
  (void)snprintf(serves_from, sizeof serves_from, "%d", m->serves_from);
  (void)snprintf(duration, sizeof duration, "%lld", (long long)duration_ms);
  return job_run(run->conn, "INSERT INTO schema_migration (version, name, sha256, serves_from, duration_ms) VALUES ($1, $2, $3, $4, $5)", 5,
                 (const char *[]){version, m->file->name, m->sha256, serves_from, duration}, NULL, error);
}

/* The file and its row, both or neither; without a transaction the row comes last, and a file that was cut short is run again. */
static int apply(struct run *run, const struct migration *m, struct error *error) {
  int64_t start = clock_monotonic_ms();
  run->place = (struct job_place){.file = m->file->name};
  log_info("migration begins", log_str("file", m->file->name));
  if (!m->no_transaction && job_run(run->conn, "BEGIN", 0, NULL, NULL, error) < 0) return -1;
  if (job_run_file(run->conn, m->file, &run->place, error) < 0) return -1;
  run->place = (struct job_place){.file = m->file->name};
  if (record(run, m, clock_monotonic_ms() - start, error) < 0) return -1;
  if (!m->no_transaction && job_run(run->conn, "COMMIT", 0, NULL, NULL, error) < 0) return -1;
  run->place = (struct job_place){0};
  log_info("migration applied", log_str("file", m->file->name), log_int("durationMs", clock_monotonic_ms() - start));
  run->schema.current = m->version;
  if (m->serves_from > run->schema.serves_from) run->schema.serves_from = m->serves_from;
  return 0;
}

static int make_plan(struct run *run, struct error *error) {
  if (read_history(run, error) < 0) return -1;
  return migration_plan(run->migrations, run->count, run->applied, run->applied_count, run->to, &run->plan, error);
}

static void leave_success(const struct run *run) {
  struct buffer json;
  buffer_init(&json, 4096);
  buffer_printf(&json, "{\"schemaVersion\":%d,\"servesFrom\":%d,\"applied\":[", run->schema.current, run->schema.serves_from);
  for (size_t i = 0; i < run->plan.count; i++) buffer_printf(&json, "%s%d", i ? "," : "", run->migrations[run->plan.first + i].version);
  buffer_printf(&json, "],\"accepts\":[%d,%d]}\n", run->image.min, run->image.max);
  job_leave_message(buffer_text(&json));
  buffer_done(&json);
}

static int migrate_up(struct run *run, struct error *error) {
  if (job_lock(run->conn, error) < 0 || create_history(run, error) < 0 || make_plan(run, error) < 0) return -1;
  for (size_t i = 0; i < run->plan.count; i++)
    if (apply(run, &run->migrations[run->plan.first + i], error) < 0) return -1;
  if (!run->to && job_check_schema(run->conn, run->image, error) < 0) return -1;
  log_info(run->plan.count ? "schema is up to date" : "schema was up to date", log_int("schemaVersion", run->schema.current),
           log_int("servesFrom", run->schema.serves_from), log_int("applied", (int64_t)run->plan.count));
  leave_success(run);
  return 0;
}

static int print_plan(struct run *run, struct error *error) {
  if (make_plan(run, error) < 0) return -1;
  for (size_t i = 0; i < run->plan.count; i++) printf("would apply %s\n", run->migrations[run->plan.first + i].file->name);
  if (!run->plan.count) printf("nothing to apply: the schema is at %d\n", run->schema.current);
  return 0;
}

static int print_status(struct run *run, struct error *error) {
  if (read_history(run, error) < 0) return -1;
  for (size_t i = 0; i < run->applied_count; i++) printf("applied  %s\n", run->applied[i].name);
  for (size_t i = 0; i < run->count; i++)
    if (run->migrations[i].version > run->schema.current) printf("pending  %s\n", run->migrations[i].file->name);
  printf("schema %d, serves images from %d on\n", run->schema.current, run->schema.serves_from);
  return make_plan(run, error); /* refuses what `up` would refuse */
}

int migrate_files(const struct sql_file *files, size_t count, int argc, char **argv) {
  static int (*const commands[])(struct run *, struct error *) = {migrate_up, print_status, print_plan};
  static struct run run; /* too large for a stack, and there is one a process */
  struct error error = {0};
  run = (struct run){0};
  if (parse_arguments(argc, argv, &run) < 0) {
    fprintf(stderr, "usage: supernova-server migrate [up | status | --dry-run] [--to N]\n");
    return JOB_USAGE;
  }
  int status = JOB_DONE;
  if (prepare_files(&run, files, count, &error) < 0 || job_connect(&run.conn, &error) < 0 || commands[run.command](&run, &error) < 0)
    status = job_failed("migration failed", &error, run.place);
  job_disconnect(&run.conn);
  return status;
}

int migrate_main(int argc, char **argv) { return migrate_files(migration_files, migration_file_count, argc, argv); }
