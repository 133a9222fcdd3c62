#include "store/migrate.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/number.h"
#include "store/job.h"
#include "store/migrate_status.h"
#include "store/sql_split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPORT_MAX = 1024 * 1024 };
enum command { COMMAND_UP, COMMAND_STATUS, COMMAND_DRY_RUN };

struct run {
  enum command command;
  int to;
  bool json;
  struct job job;
  struct migration migrations[MIGRATIONS_MAX];
  size_t count;
  struct schema_image image; /* whose the migrations are */
  struct applied_migration applied[MIGRATIONS_MAX];
  size_t applied_count;
  struct schema_database schema;
  struct migration_plan plan;
  int done[MIGRATIONS_MAX]; /* versions that were applied by us */
  size_t done_count;
  struct job_place place; /* where it failed */
};

DEFINE_CLEANUP(PGresult, result_freep, PQclear)

/* ---- arguments ---- */

static int parse_output(const char *text, bool *ret_json) {
  if (!text || (strcmp(text, "json") != 0 && strcmp(text, "text") != 0)) return -1;
  return *ret_json = *text == 'j', 0;
}

static int parse_command(const char *text, struct run *run) {
  static const char *const names[] = {"up", "status", "--dry-run"};
  for (size_t i = 0; i < ELEMENTS(names); i++)
    if (strcmp(text, names[i]) == 0) return run->command = (enum command)i, 0;
  return -1;
}

static int parse_arguments(int argc, char **argv, struct run *run) {
  for (int i = 1, commands = 0; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    int64_t to;
    if (strcmp(argv[i], "--to") == 0 && parse_int64(value, 1, 999999, &to) == 0) {
      run->to = (int)to, i++;
    } else if (strcmp(argv[i], "--output") == 0 && parse_output(value, &run->json) == 0) {
      i++;
    } else if (parse_command(argv[i], run) < 0 || commands++) {
      return -1;
    }
  }
  return 0;
}

/* ---- files and history ---- */

static int prepare_files(struct run *run, const struct sql_file *files, size_t count, struct error *error) {
  if (!count || count > MIGRATIONS_MAX)
    return error_set(error, ERROR_BUG, "this image holds %zu migrations, expected 1 to %d", count, MIGRATIONS_MAX);
  if (migrations_parse(files, count, run->migrations, error) < 0) return -1;
  run->count = count;
  /* a set that isn't this image's own has no statements that would need anything */
  run->image = files == migration_files ? schema_of_image() : (struct schema_image){.min = 1, .max = run->migrations[count - 1].version};
  return 0;
}

static int create_history(struct run *run, struct error *error) {
  return job_run(&run->job,
                 "CREATE TABLE IF NOT EXISTS public.schema_migration ("
                 " version int PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, serves_from int NOT NULL,"
                 " applied_at timestamptz NOT NULL DEFAULT clock_timestamp(), duration_ms bigint NOT NULL)",
                 0, NULL, NULL, error);
}

static void read_row(struct run *run, const PGresult *result, int row) {
  struct applied_migration *to = &run->applied[run->applied_count++];
  to->version = (int)strtol(PQgetvalue(result, row, 0), NULL, 10);
  (void)snprintf(to->name, sizeof to->name, "%s", PQgetvalue(result, row, 1));
  (void)snprintf(to->sha256, sizeof to->sha256, "%s", PQgetvalue(result, row, 2));
  to->serves_from = (int)strtol(PQgetvalue(result, row, 3), NULL, 10);
  (void)snprintf(to->at, sizeof to->at, "%s", PQgetvalue(result, row, 4));
  to->duration_ms = strtoll(PQgetvalue(result, row, 5), NULL, 10);
}

static int read_history(struct run *run, struct error *error) {
  _cleanup_(result_freep) PGresult *result = NULL;
  run->applied_count = 0;
  if (job_read_schema(&run->job, &run->schema, error) < 0) return -1;
  if (!run->schema.current) return 0;
  const char *sql =
      "SELECT version, name, sha256, serves_from, to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), duration_ms"
      " FROM public.schema_migration ORDER BY version";
  if (job_run(&run->job, sql, 0, NULL, &result, error) < 0) return -1;
  if (PQntuples(result) > MIGRATIONS_MAX) return error_set(error, ERROR_INVALID, "schema_migration has more than %d rows", MIGRATIONS_MAX);
  for (int i = 0; i < PQntuples(result); i++) read_row(run, result, i);
  return 0;
}

/* What is to be done is decided as late as possible: behind a pooler another job may have come in between. */
static int make_plan(struct run *run, struct error *error) {
  if (read_history(run, error) < 0) return -1;
  if (migration_plan(run->migrations, run->count, run->applied, run->applied_count, run->to, &run->plan, error) < 0) return -1;
  for (size_t i = 0; run->job.pooled && i < run->plan.count; i++) {
    const struct migration *m = &run->migrations[run->plan.first + i];
    if (m->no_transaction)
      return error_set(
          error, ERROR_INVALID,
          "%s runs outside of a transaction, which a pooler can't do: set DATABASE_DIRECT_URL to the address of PostgreSQL itself",
          m->file->name);
  }
  return 0;
}

/* ---- up ---- */

static int record(struct run *run, const struct migration *m, int64_t duration_ms, struct error *error) {
  char version[16], serves_from[16], duration[24];
  (void)snprintf(version, sizeof version, "%d", m->version);
  (void)snprintf(serves_from, sizeof serves_from, "%d", m->serves_from);
  (void)snprintf(duration, sizeof duration, "%lld", (long long)duration_ms);
  return job_run(&run->job,
                 "INSERT INTO public.schema_migration (version, name, sha256, serves_from, duration_ms) VALUES ($1, $2, $3, $4, $5)", 5,
                 (const char *[]){version, m->file->name, m->sha256, serves_from, duration}, NULL, error);
}

/* An index that an earlier run left half built is found by IF NOT EXISTS and would stay so. */
static int drop_invalid_index(struct job *job, const struct sql_statement *statement, struct error *error) {
  _cleanup_(result_freep) PGresult *result = NULL;
  const char *index;
  size_t n;
  if (migration_index_name(statement->text, statement->len, &index, &n) != 1) return 0;
  _cleanup_free_ char *name = strndup(index, n), *drop = NULL;
  if (!name || asprintf(&drop, "DROP INDEX CONCURRENTLY %s", name) < 0) return error_oom(error);
  if (job_run(job, "SELECT FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid", 1, (const char *[]){name}, &result,
              error) < 0)
    return -1;
  if (!PQntuples(result)) return 0;
  log_warn("an earlier run left an index that is invalid; it is dropped and built anew", log_str("index", name));
  return job_run(job, drop, 0, NULL, NULL, error);
}

static int finish_file(struct run *run, const struct migration *m, int64_t begun_ms, struct error *error) {
  int64_t duration_ms = clock_monotonic_ms() - begun_ms;
  run->place = (struct job_place){.file = m->file->name};
  if (record(run, m, duration_ms, error) < 0) return -1;
  if (!m->no_transaction && job_commit(&run->job, error) < 0) return -1;
  run->place = (struct job_place){0};
  run->done[run->done_count++] = m->version;
  log_info("migration applied", log_str("file", m->file->name), log_int("durationMs", duration_ms));
  return 0;
}

static int say_what_stays(struct error *error) {
  size_t n = strlen(error->message);
  (void)snprintf(error->message + n, sizeof error->message - n,
                 "; the statements before it stay, an index that it was building is left invalid, and the next run begins the file again");
  return -1;
}

/* Outside of a transaction the row comes last, and a file that was cut short is run again. */
static int apply_bare(struct run *run, const struct migration *m, struct error *error) {
  int64_t begun_ms = clock_monotonic_ms();
  if (job_commit(&run->job, error) < 0) return -1;
  if (job_run_file(&run->job, m->file, drop_invalid_index, &run->place, error) < 0) return say_what_stays(error);
  if (job_run(&run->job, "RESET ALL", 0, NULL, NULL, error) < 0) return -1;
  return finish_file(run, m, begun_ms, error);
}

/* The file and its row, both or neither. */
static int apply(struct run *run, const struct migration *m, struct error *error) {
  int64_t begun_ms = clock_monotonic_ms();
  if (job_run_file(&run->job, m->file, NULL, &run->place, error) < 0) return -1;
  return finish_file(run, m, begun_ms, error);
}

/* One transaction: what comes next is decided in it and done in it. */
static int step(struct run *run, bool *ret_more, struct error *error) {
  if (job_begin(&run->job, error) < 0 || make_plan(run, error) < 0) return -1;
  *ret_more = run->plan.count > 0;
  if (!*ret_more) return job_commit(&run->job, error);
  if (!run->schema.current && create_history(run, error) < 0) return -1;
  const struct migration *m = &run->migrations[run->plan.first];
  log_info("migration begins", log_str("file", m->file->name), log_int("left", (int64_t)run->plan.count));
  return m->no_transaction ? apply_bare(run, m, error) : apply(run, m, error);
}

static void leave_success(const struct run *run) {
  struct buffer json;
  buffer_init(&json, 4096);
  buffer_printf(&json, "{\"schemaVersion\":%d,\"servesFrom\":%d,\"applied\":[", run->schema.current, run->schema.serves_from);
  for (size_t i = 0; i < run->done_count; i++) buffer_printf(&json, "%s%d", i ? "," : "", run->done[i]);
  buffer_printf(&json, "],\"accepts\":[%d,%d]}\n", run->image.min, run->image.max);
  job_leave_message(buffer_text(&json));
  buffer_done(&json);
}

static int migrate_up(struct run *run, struct error *error) {
  if (job_lock(&run->job, error) < 0) return -1;
  for (bool more = true; more;)
    if (step(run, &more, error) < 0) return -1;
  if (!run->to && job_check_schema(&run->job, run->image, error) < 0) return -1;
  log_info(run->done_count ? "schema is up to date" : "schema was up to date", log_int("schemaVersion", run->schema.current),
           log_int("servesFrom", run->schema.serves_from), log_int("applied", (int64_t)run->done_count));
  leave_success(run);
  return 0;
}

/* ---- what only tells ---- */

static void print_plan_text(const struct run *run, struct buffer *to) {
  for (size_t i = 0; i < run->plan.count; i++) {
    const struct migration *m = &run->migrations[run->plan.first + i];
    buffer_printf(to, "would apply %s%s\n", m->file->name, m->no_transaction ? ", outside of a transaction" : "");
  }
  if (!run->plan.count) buffer_printf(to, "nothing to apply: the schema is at %d\n", run->schema.current);
}

static void print_plan_json(const struct run *run, struct buffer *to) {
  buffer_printf(to, "{\"schemaVersion\":%d,\"servesFrom\":%d,\"accepts\":[%d,%d],\"wouldApply\":[", run->schema.current,
                run->schema.serves_from, run->image.min, run->image.max);
  for (size_t i = 0; i < run->plan.count; i++) {
    const struct migration *m = &run->migrations[run->plan.first + i];
    buffer_printf(to, "%s{\"version\":%d,\"file\":\"%s\",\"noTransaction\":%s}", i ? "," : "", m->version, m->file->name,
                  m->no_transaction ? "true" : "false");
  }
  buffer_puts(to, "]}\n");
}

static int print_plan(struct run *run, struct error *error) {
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, REPORT_MAX);
  if (make_plan(run, error) < 0) return -1;
  (run->json ? print_plan_json : print_plan_text)(run, &text);
  (void)fputs(buffer_text(&text), stdout);
  return 0;
}

static int print_status(struct run *run, struct error *error) {
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, REPORT_MAX);
  if (read_history(run, error) < 0) return -1;
  struct migrate_view view = {.own = run->migrations,
                              .own_count = run->count,
                              .applied = run->applied,
                              .applied_count = run->applied_count,
                              .schema = run->schema,
                              .image = run->image};
  (run->json ? migrate_status_json : migrate_status_text)(&view, &text);
  (void)fputs(buffer_text(&text), stdout);
  return make_plan(run, error); /* refuses what `up` would refuse */
}

int migrate_review(struct job *job, struct schema_database *ret, size_t *ret_pending, struct error *error) {
  static struct run run;
  run = (struct run){.job = *job};
  if (prepare_files(&run, migration_files, migration_file_count, error) < 0 || make_plan(&run, error) < 0) return -1;
  *ret = run.schema;
  *ret_pending = run.plan.count;
  return 0;
}

/* Where a run that failed has left the database, as far as it was read: what was committed stays. */
static int fail(const struct run *run, const struct error *error) {
  char members[128] = "";
  if (run->command == COMMAND_UP && run->schema.current)
    (void)snprintf(members, sizeof members, ",\"schemaVersion\":%d,\"servesFrom\":%d,\"accepts\":[%d,%d]", run->schema.current,
                   run->schema.serves_from, run->image.min, run->image.max);
  return job_failed("migration failed", error, run->place, members);
}

int migrate_files(const struct sql_file *files, size_t count, int argc, char **argv) {
  static int (*const commands[])(struct run *, struct error *) = {migrate_up, print_status, print_plan};
  static struct run run; /* too large for a stack, and there is one a process */
  struct error error = {0};
  run = (struct run){0};
  if (parse_arguments(argc, argv, &run) < 0) {
    fprintf(stderr, "usage: supernova-server migrate [up | status | --dry-run] [--to N] [--output text|json]\n");
    return JOB_USAGE;
  }
  int status = JOB_DONE;
  if (prepare_files(&run, files, count, &error) < 0 || job_connect(&run.job, &error) < 0 || commands[run.command](&run, &error) < 0)
    status = fail(&run, &error);
  job_disconnect(&run.job);
  return status;
}

int migrate_main(int argc, char **argv) { return migrate_files(migration_files, migration_file_count, argc, argv); }
