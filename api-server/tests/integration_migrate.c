#include "store/migrate.h"
#include "store/seed.h"
#include "support.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct support_database database;
static char base_url[512], log_path[64];

static void setup(void) {
  (void)snprintf(base_url, sizeof base_url, "%s", support_environment("DATABASE_URL"));
  database = support_database_create();
  (void)snprintf(log_path, sizeof log_path, "/tmp/termination-log-XXXXXX");
  close(mkstemp(log_path));
  setenv("DATABASE_URL", database.url, 1);
  setenv("TERMINATION_LOG", log_path, 1);
}

static void teardown(void) {
  setenv("DATABASE_URL", base_url, 1);
  support_database_drop(&database);
  (void)unlink(log_path);
}

TestSuite(migrate, .init = setup, .fini = teardown, .timeout = 60);

static const char *message(void) {
  static char text[4096];
  FILE *file = fopen(log_path, "re");
  size_t n = fread(text, 1, sizeof text - 1, file);
  text[n] = 0;
  (void)fclose(file);
  return text;
}

#define FILE_OF(file_name, sql) \
  { file_name, sql, sql + sizeof(sql) - 1 }

static const struct sql_file files[] = {
    FILE_OF("0001_a.sql", "-- serves-from: 1\nCREATE TABLE a (x int);\nCREATE TABLE b (x int);\n"),
    FILE_OF("0002_b.sql",
            "-- serves-from: 1\n-- no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a (x);\nINSERT INTO a VALUES (1);"),
    FILE_OF("0003_c.sql", "-- serves-from: 2\nALTER TABLE a ADD y text DEFAULT ';';\n"),
};

static int up(const struct sql_file *set, size_t count) { return migrate_files(set, count, 1, (char *[]){"migrate", NULL}); }

static int64_t schema(void) { return support_sql_number(database.url, "SELECT coalesce(max(version), 0) FROM schema_migration"); }

Test(migrate, own_files_twice) {
  cr_expect_eq(migrate_main(2, (char *[]){"migrate", "up", NULL}), 0);
  char first[4096];
  (void)snprintf(first, sizeof first, "%s", message());
  cr_expect_not_null(strstr(first, "\"applied\":[1"), "%s", first);
  cr_expect_not_null(strstr(first, "\"accepts\":["), "%s", first);
  cr_expect_eq(migrate_main(1, (char *[]){"migrate", NULL}), 0);
  cr_expect_not_null(strstr(message(), "\"applied\":[]"), "%s", message());
}

Test(migrate, step_by_step_and_what_the_database_keeps) {
  cr_expect_eq(migrate_files(files, 3, 2, (char *[]){"migrate", "--dry-run", NULL}), 0);
  cr_expect_eq(support_sql_number(database.url, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"), 0);
  cr_expect_eq(migrate_files(files, 3, 3, (char *[]){"migrate", "--to", "1", NULL}), 0);
  cr_expect_eq(schema(), 1);
  cr_expect_eq(up(files, 3), 0);
  cr_expect_str_eq(message(), "{\"schemaVersion\":3,\"servesFrom\":2,\"applied\":[2,3],\"accepts\":[1,3]}\n");
  cr_expect_eq(support_sql_number(database.url, "SELECT max(serves_from) FROM schema_migration"), 2);
  cr_expect_eq(migrate_files(files, 3, 3, (char *[]){"migrate", "--to", "2", NULL}), 65);
  cr_expect_eq(migrate_files(files, 3, 3, (char *[]){"migrate", "--to", "4", NULL}), 65);
  cr_expect_eq(migrate_files(files, 3, 2, (char *[]){"migrate", "status", NULL}), 0);
  cr_expect_eq(migrate_files(files, 3, 2, (char *[]){"migrate", "sideways", NULL}), 64);
  cr_expect_eq(migrate_files(files, 3, 3, (char *[]){"migrate", "status", "--dry-run", NULL}), 64);
  cr_expect_eq(migrate_files(files, 3, 3, (char *[]){"migrate", "--output", "xml", NULL}), 64);
  cr_expect_eq(migrate_files(files, 3, 2, (char *[]){"migrate", "--to", NULL}), 64);
}

Test(migrate, an_older_image_goes_on_while_it_is_served) {
  cr_assert_eq(up(files, 3), 0);
  cr_expect_eq(up(files, 2), 0);  /* schema 3 serves from 2 */
  cr_expect_eq(up(files, 1), 65); /* but not images of schema 1 */
  cr_expect_not_null(strstr(message(), "serves images from 2 on"), "%s", message());
}

Test(migrate, refuses_what_was_changed) {
  static const struct sql_file edited[] = {FILE_OF("0001_a.sql", "-- serves-from: 1\nCREATE TABLE a (x bigint);"),
                                           FILE_OF("0003_c.sql", "-- serves-from: 1\nSELECT 1")};
  static const struct sql_file without_second[] = {
      FILE_OF("0001_a.sql", "-- serves-from: 1\nCREATE TABLE a (x int);\nCREATE TABLE b (x int);\n"),
      FILE_OF("0003_c.sql", "-- serves-from: 1\nSELECT 1")};
  cr_assert_eq(up(without_second, 2), 0);
  cr_expect_eq(up(edited, 2), 65);
  cr_expect_not_null(strstr(message(), "0001_a.sql was edited"), "%s", message());
  static const struct sql_file late[] = {FILE_OF("0001_a.sql", "-- serves-from: 1\nCREATE TABLE a (x int);\nCREATE TABLE b (x int);\n"),
                                         FILE_OF("0002_late.sql", "-- serves-from: 1\nSELECT 1"),
                                         FILE_OF("0003_c.sql", "-- serves-from: 1\nSELECT 1")};
  cr_expect_eq(up(late, 3), 65);
  cr_expect_not_null(strstr(message(), "0002_late.sql came too late"), "%s", message());
  cr_expect_eq(schema(), 3);
}

Test(migrate, a_wrong_file_names_its_line_and_leaves_nothing) {
  static const struct {
    struct sql_file file;
    const char *line;
  } rows[] = {
      {FILE_OF("0001_x.sql", "-- serves-from: 1\nCREATE TABLE t (x int);\n\nCREATE TABEL u (x int);\n"), "\"line\":4}"},
      {FILE_OF("0001_x.sql", "-- serves-from: 1\nCREATE TABLE t (x int);\nSELECT 1,\n 'é;', $$;\n;$$,\n  nope FROM t;\n"), "\"line\":6}"},
      {FILE_OF("0001_x.sql", "-- serves-from: 1\nCREATE TABLE t (x int);\n/* ; */\nINSERT INTO t\nVALUES (1/0);\n"), "\"line\":4}"},
      {FILE_OF("0001_x.sql", "-- serves-from: 1\nCREATE TABLE t (x int); DO $$ BEGIN\nRAISE 'no'; END $$"), "\"line\":2}"},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    cr_expect_eq(up(&rows[i].file, 1), 65);
    cr_expect_not_null(strstr(message(), rows[i].line), "%zu: %s", i, message());
    cr_expect_not_null(strstr(message(), "\"file\":\"0001_x.sql\""), "%s", message());
    cr_expect_eq(support_sql_number(database.url, "SELECT count(*) FROM pg_class WHERE relname IN ('t', 'schema_migration')"), 0);
  }
}

Test(migrate, marks_that_are_missing) {
  static const struct sql_file rows[] = {FILE_OF("0001_x.sql", "SELECT 1"), FILE_OF("x.sql", "-- serves-from: 1\nSELECT 1"),
                                         FILE_OF("0001_x.sql", "-- serves-from: 2\nSELECT 1")};
  for (size_t i = 0; i < ELEMENTS(rows); i++) cr_expect_eq(up(&rows[i], 1), 65, "%s", rows[i].name);
}

static void expect_status(const char *url, int status) {
  setenv("DATABASE_URL", url, 1);
  cr_expect_eq(migrate_main(1, (char *[]){"migrate", NULL}), status, "%s", message());
  cr_expect_null(strstr(message(), "hunter2"), "%s", message());
  cr_expect_eq(seed_main(1, (char *[]){"seed", NULL}), status);
}

Test(migrate, tries_again_what_passes) {
  char url[600];
  expect_status("postgresql://u:hunter2@127.0.0.1:1/d", 75);
  expect_status("postgresql://u:hunter2@no-such-name.invalid/d", 75);
  (void)snprintf(url, sizeof url, "postgresql://supernova:hunter2%s", strchr(database.url + 13, '@'));
  expect_status(url, 75);
  expect_status("postgresql://u:hunter2/x@127.0.0.1/d", 65);
  expect_status("mysql://u:hunter2@127.0.0.1/d", 65);
  expect_status("", 65);
}

/* A lock that somebody else holds on a table is a reason to come again. */
Test(migrate, a_held_lock_is_tried_again) {
  static const struct sql_file second[] = {FILE_OF("0001_a.sql", "-- serves-from: 1\nCREATE TABLE a (x int);"),
                                           FILE_OF("0002_b.sql", "-- serves-from: 1\nSET LOCAL lock_timeout = '50ms';\nDROP TABLE a;")};
  cr_assert_eq(up(second, 1), 0);
  PGconn *holder = PQconnectdb(database.url);
  PQclear(PQexec(holder, "BEGIN; LOCK TABLE a"));
  cr_expect_eq(up(second, 2), 75);
  cr_expect_not_null(strstr(message(), "\"line\":3"), "%s", message());
  PQfinish(holder);
  cr_expect_eq(up(second, 2), 0);
}

/* An index that couldn't be built is there all the same, invalid: the next run must not take it for done. */
Test(migrate, a_file_without_transaction_is_begun_again) {
  static const struct sql_file set[] = {
      FILE_OF("0001_a.sql", "-- serves-from: 1\nCREATE TABLE a (x int);\nINSERT INTO a VALUES (1), (1);"),
      FILE_OF("0002_b.sql",
              "-- serves-from: 1\n-- no-transaction\nSET lock_timeout = '7s';\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS\n\"I\" ON a "
              "(x);"),
      FILE_OF("0003_c.sql", "-- serves-from: 1\nCREATE TABLE seen AS SELECT current_setting('lock_timeout') AS v;"),
  };
  cr_assert_eq(up(set, 3), 65);
  cr_expect_not_null(strstr(message(), "is left invalid, and the next run begins the file again"), "%s", message());
  cr_expect_not_null(strstr(message(), "\"file\":\"0002_b.sql\",\"line\":4,\"schemaVersion\":1,"), "%s", message());
  cr_expect_eq(schema(), 1);
  cr_expect_eq(support_sql_number(database.url, "SELECT count(*) FROM pg_index WHERE NOT indisvalid"), 1);
  support_run_sql(database.url, "DELETE FROM a WHERE ctid = (SELECT min(ctid) FROM a)");
  cr_expect_eq(up(set, 3), 0, "%s", message());
  cr_expect_eq(support_sql_number(database.url, "SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid = '\"I\"'::regclass"), 1);
  cr_expect_eq(support_sql_number(database.url, "SELECT count(*) FROM seen WHERE v = '5s'"), 1);
}

/* Behind a pooler there is no session for what can't run in a transaction; said before anything is done. */
Test(migrate, a_pooler_needs_a_direct_way_past_it) {
  setenv("DATABASE_POOLER", "pgbouncer", 1);
  cr_expect_eq(up(files, 3), 65);
  cr_expect_not_null(strstr(message(), "0002_b.sql runs outside of a transaction"), "%s", message());
  cr_expect_not_null(strstr(message(), "set DATABASE_DIRECT_URL"), "%s", message());
  cr_expect_eq(support_sql_number(database.url, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"), 0);
  cr_expect_eq(up(files, 1), 0, "%s", message());
  cr_expect_eq(migrate_files(files, 3, 2, (char *[]){"migrate", "--dry-run", NULL}), 65);
  setenv("DATABASE_DIRECT_URL", database.url, 1);
  cr_expect_eq(up(files, 3), 0, "%s", message());
  cr_expect_eq(schema(), 3);
}

/* The client is gone in the middle of a statement that runs for long: the next run has the lock soon, and nothing of the first stays. */
Test(migrate, killed_in_the_middle) {
  static const struct sql_file slow[] = {FILE_OF("0001_a.sql", "-- serves-from: 1\nCREATE TABLE a (x int);\nSELECT pg_sleep(300);")};
  static const struct sql_file quick[] = {FILE_OF("0001_a.sql", "-- serves-from: 1\nCREATE TABLE a (x int);")};
  const char *sleeping = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
  pid_t pid = fork();
  cr_assert_geq(pid, 0);
  if (pid == 0) _exit(up(slow, 1));
  while (!support_sql_number(database.url, sleeping)) usleep(10000);
  kill(pid, SIGKILL);
  cr_assert_eq(waitpid(pid, NULL, 0), pid);
  int64_t begun_ms = clock_monotonic_ms();
  cr_expect_eq(up(quick, 1), 0, "%s", message());
  cr_expect_lt(clock_monotonic_ms() - begun_ms, 20000);
  cr_expect_eq(schema(), 1);
}

/* Several at once: one applies, the others wait and find nothing to do. */
Test(migrate, several_at_once) {
  enum { MIGRATORS = 6 };
  pid_t pids[MIGRATORS];
  for (int i = 0; i < MIGRATORS; i++) {
    pids[i] = fork();
    cr_assert_geq(pids[i], 0);
    if (pids[i] == 0) _exit(up(files, 3));
  }
  for (int i = 0; i < MIGRATORS; i++) {
    int status = -1;
    cr_assert_eq(waitpid(pids[i], &status, 0), pids[i]);
    cr_expect_eq(status, 0);
  }
  cr_expect_eq(schema(), 3);
  cr_expect_eq(support_sql_number(database.url, "SELECT count(*) FROM a"), 1);
}

Test(migrate, seeds_need_their_schema) {
  cr_expect_eq(seed_main(1, (char *[]){"seed", NULL}), 65);
  cr_expect_eq(seed_main(2, (char *[]){"seed", "more", NULL}), 64);
}
