#include "store/migration.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct sql_file file(const char *name, const char *text) { return (struct sql_file){name, text, text + strlen(text)}; }

Test(migration, parse) {
  static const struct {
    const char *name, *text;
    int version, serves_from; /* version 0: refused */
    bool no_transaction;
  } rows[] = {
      {"0001_a.sql", "-- serves-from: 1\nSELECT 1", 1, 1, false},
      {"0012_a.sql", "-- about\n-- serves-from:  11\n-- no-transaction\nSELECT 1", 12, 11, true},
      {"0012_a.sql", "-- serves-from: 11", 12, 11, false},
      {"0012_a.sql", "-- serves-from: 13\n", 0, 0, false},
      {"0012_a.sql", "-- serves-from: 0\n", 0, 0, false},
      {"0012_a.sql", "-- serves-from: x\n", 0, 0, false},
      {"0012_a.sql", "-- serves-from: 1 \n", 0, 0, false},
      {"0012_a.sql", "SELECT 1;\n-- serves-from: 11\n", 0, 0, false},
      {"0012_a.sql", "", 0, 0, false},
      {"a.sql", "-- serves-from: 1\n", 0, 0, false},
      {"0000_a.sql", "-- serves-from: 1\n", 0, 0, false},
      {"99999999999999999999_a.sql", "-- serves-from: 1\n", 0, 0, false},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    struct sql_file f = file(rows[i].name, rows[i].text);
    struct migration m = {0};
    struct error error = {0};
    int result = migration_parse(&f, &m, &error);
    cr_expect_eq(result, rows[i].version ? 0 : -1, "%s: %s", rows[i].name, rows[i].text);
    cr_expect_eq(m.version, rows[i].version);
    cr_expect_eq(m.serves_from, rows[i].serves_from);
    cr_expect_eq(m.no_transaction, rows[i].no_transaction);
    if (result < 0) cr_expect_not_null(strstr(error.message, rows[i].name));
  }
}

Test(migration, statements_that_a_file_may_not_hold) {
  static const struct {
    const char *text, *says; /* "": fine */
  } rows[] = {
      {"-- serves-from: 1\nSELECT 1;\nCOMMIT;", "line 3: COMMIT can't stand"},
      {"-- serves-from: 1\n/* x */ begin; SELECT 1", "line 2: BEGIN"},
      {"-- serves-from: 1\n-- no-transaction\nROLLBACK TO a", "line 3: ROLLBACK"},
      {"-- serves-from: 1\nCOPY t FROM STDIN;", "line 2: COPY"},
      {"-- serves-from: 1\nSET lock_timeout = 0", "line 2: SET would outlive"},
      {"-- serves-from: 1\nSET SESSION lock_timeout = 0", "SET would outlive"},
      {"-- serves-from: 1\nSET LOCAL lock_timeout = 0;\nset constraints all deferred;", ""},
      {"-- serves-from: 1\n-- no-transaction\nSET lock_timeout = 0", ""},
      {"-- serves-from: 1\nCREATE INDEX CONCURRENTLY i ON t (x)", "needs the mark"},
      {"-- serves-from: 1\n-- no-transaction\nCREATE INDEX CONCURRENTLY ON t (x)", "name the index"},
      {"-- serves-from: 1\n-- no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (x)", ""},
      {"-- serves-from: 1\nDO $$ BEGIN COMMIT; END $$; SELECT 'BEGIN'; CREATE TABLE begin_ (x int); UPDATE t SET x = 1", ""},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    struct sql_file f = file("0001_a.sql", rows[i].text);
    struct migration m;
    struct error error = {0};
    cr_expect_eq(migration_parse(&f, &m, &error), *rows[i].says ? -1 : 0, "%s: %s", rows[i].text, error.message);
    cr_expect_not_null(strstr(error.message, rows[i].says), "%s: %s", rows[i].text, error.message);
  }
}

Test(migration, names_of_indexes) {
  static const struct {
    const char *text;
    int result;
    const char *name;
  } rows[] = {
      {"CREATE INDEX CONCURRENTLY i ON t (x)", 1, "i"},
      {"create unique index concurrently if not exists Some_i\non t (x)", 1, "Some_i"},
      {"CREATE INDEX CONCURRENTLY \"of \"\"t\"\"\" ON t (x)", 1, "\"of \"\"t\"\"\""},
      {"CREATE INDEX CONCURRENTLY ON t (x)", 0, NULL},
      {"CREATE INDEX CONCURRENTLY on_t ON t (x)", 1, "on_t"},
      {"CREATE INDEX CONCURRENTLY", 0, NULL},
      {"CREATE INDEX i ON t (x)", -1, NULL},
      {"CREATE INDEXCONCURRENTLY i ON t (x)", -1, NULL},
      {"CREATE TABLE t (x int)", -1, NULL},
      {"", -1, NULL},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    const char *name = "";
    size_t n = 0;
    cr_expect_eq(migration_index_name(rows[i].text, strlen(rows[i].text), &name, &n), rows[i].result, "%s", rows[i].text);
    if (rows[i].name) cr_expect(n == strlen(rows[i].name) && !memcmp(name, rows[i].name, n), "%s: %.*s", rows[i].text, (int)n, name);
  }
}

/* What is in this binary keeps its own rules. */
Test(migration, own_files) {
  static struct migration own[MIGRATIONS_MAX];
  struct error error = {0};
  cr_expect_eq(migrations_parse(migration_files, migration_file_count, own, &error), 0, "%s", error.message);
}

Test(migration, sets) {
  static const struct {
    const char *first, *first_text, *second, *second_text;
    int result;
  } rows[] = {
      {"0001_a.sql", "-- serves-from: 1", "0002_b.sql", "-- serves-from: 2", 0},
      {"0001_a.sql", "-- serves-from: 1", "0005_b.sql", "-- serves-from: 1", 0},
      {"0001_a.sql", "-- serves-from: 1", "0001_b.sql", "-- serves-from: 1", -1},
      {"0010_a.sql", "-- serves-from: 1", "0009_b.sql", "-- serves-from: 1", -1},
      {"0002_a.sql", "-- serves-from: 2", "0003_b.sql", "-- serves-from: 1", -1},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    struct sql_file files[] = {file(rows[i].first, rows[i].first_text), file(rows[i].second, rows[i].second_text)};
    struct migration parsed[2];
    cr_expect_eq(migrations_parse(files, 2, parsed, NULL), rows[i].result, "row %zu", i);
  }
}

Test(migration, plan) {
  struct sql_file files[] = {file("0001_a.sql", "-- serves-from: 1\na"), file("0002_b.sql", "-- serves-from: 1\nb"),
                             file("0004_d.sql", "-- serves-from: 2\nd")};
  struct migration own[3];
  cr_assert_eq(migrations_parse(files, 3, own, NULL), 0);
  static const struct {
    int applied[4];
    const char *edit; /* instead of the last one's digest */
    int to, result;
    size_t first, count;
    const char *says;
  } rows[] = {
      {{0}, NULL, 0, 0, 0, 3, ""},
      {{1}, NULL, 0, 0, 1, 2, ""},
      {{1}, NULL, 2, 0, 1, 1, ""},
      {{1, 2, 4}, NULL, 0, 0, 3, 0, ""},
      {{1, 2, 4}, NULL, 4, 0, 3, 0, ""},
      {{1, 2, 4, 9}, NULL, 0, 0, 3, 0, ""},
      {{1, 2}, "beef", 0, -1, 0, 0, "0002_b.sql was edited"},
      {{1, 4}, NULL, 0, -1, 0, 0, "0002_b.sql came too late"},
      {{1, 2, 3}, NULL, 0, -1, 0, 0, "this image doesn't"},
      {{1, 2}, NULL, 1, -1, 0, 0, "can't go back to 1"},
      {{1}, NULL, 3, -1, 0, 0, "no migration 3"},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    struct applied_migration applied[4] = {0};
    struct migration_plan plan = {0};
    struct error error = {0};
    size_t n = 0;
    for (; n < 4 && rows[i].applied[n]; n++) {
      applied[n].version = rows[i].applied[n];
      (void)snprintf(applied[n].name, sizeof applied[n].name, "%04d_then.sql", applied[n].version);
      for (size_t k = 0; k < 3; k++)
        if (own[k].version == applied[n].version) memcpy(applied[n].sha256, own[k].sha256, SHA256_HEX);
    }
    if (rows[i].edit) (void)snprintf(applied[n - 1].sha256, SHA256_HEX, "%s", rows[i].edit);
    cr_expect_eq(migration_plan(own, 3, applied, n, rows[i].to, &plan, &error), rows[i].result, "row %zu: %s", i, error.message);
    cr_expect_eq(plan.first, rows[i].first, "row %zu", i);
    cr_expect_eq(plan.count, rows[i].count, "row %zu", i);
    cr_expect_not_null(strstr(error.message, rows[i].says), "row %zu: %s", i, error.message);
  }
}

Test(migration, which_schema_fits_which_image) {
  static const struct {
    struct schema_database database;
    struct schema_image image;
    bool fits;
  } rows[] = {
      {{12, 11}, {10, 12}, true}, {{12, 11}, {10, 11}, true}, {{12, 11}, {10, 10}, false}, {{9, 8}, {10, 12}, false},
      {{10, 8}, {10, 12}, true},  {{0, 0}, {1, 1}, false},    {{14, 12}, {10, 12}, true},  {{14, 13}, {10, 12}, false},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) cr_expect_eq(schema_fits(rows[i].database, rows[i].image), rows[i].fits, "row %zu", i);
  cr_expect_geq(schema_of_image().max, 1);
}
