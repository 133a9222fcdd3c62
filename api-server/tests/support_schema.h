/* What integration tests of the schema share: a database of their own with all migrations, the serving role beside it, and a connection.
 *
 *     TestSuite(ledger, .init = schema_up, .fini = schema_down, .timeout = 120);        // schema_up_seeded: with the seeds' catalogue
 *     int64_t coins = schema_number("SELECT coins FROM ent_balance WHERE profile = $1", "u-1");
 */
#pragma once

#include "store/migrate.h"
#include "store/seed.h"
#include "support.h"

static struct support_database schema_database;
static char schema_base_url[512];
static PGconn *schema_conn;

static inline void schema_up(void) {
  (void)snprintf(schema_base_url, sizeof schema_base_url, "%s", support_environment("DATABASE_URL"));
  /* of the whole server: suites that run at the same time may make it at the same time */
  support_run_sql(schema_base_url,
                  "DO $$ BEGIN CREATE ROLE supernova_app; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$");
  schema_database = support_database_create();
  setenv("DATABASE_URL", schema_database.url, 1);
  setenv("TERMINATION_LOG", "/nonexistent", 1);
  cr_assert_eq(migrate_main(1, (char *[]){"migrate", NULL}), 0);
  schema_conn = PQconnectdb(schema_database.url);
  cr_assert_eq(PQstatus(schema_conn), CONNECTION_OK);
}

static inline void schema_up_seeded(void) {
  schema_up();
  cr_assert_eq(seed_main(1, (char *[]){"seed", NULL}), 0);
}

static inline void schema_down(void) {
  PQfinish(schema_conn);
  setenv("DATABASE_URL", schema_base_url, 1);
  support_database_drop(&schema_database);
}

/* Rows or none, but no error; the caller PQclears them. */
static inline PGresult *schema_query(const char *sql, int count, const char *const *values) {
  PGresult *result = PQexecParams(schema_conn, sql, count, NULL, values, NULL, NULL, 0);
  cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s: %s", sql, PQerrorMessage(schema_conn));
  return result;
}

/* The first column of the first row of SQL, whose $1 is PARAMETER; -1 without a row. */
static inline int64_t schema_number(const char *sql, const char *parameter) {
  PGresult *result = schema_query(sql, 1, &parameter);
  int64_t value = PQntuples(result) ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : -1;
  PQclear(result);
  return value;
}

struct schema_right {
  const char *sql;
  bool allowed;
};

/* That the serving role may do exactly this. */
static inline void schema_expect_rights(const struct schema_right *rights, size_t n) {
  PQclear(PQexec(schema_conn, "SET ROLE supernova_app"));
  for (size_t i = 0; i < n; i++) {
    PGresult *result = PQexec(schema_conn, rights[i].sql);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    cr_expect(rights[i].allowed ? !state : state && strcmp(state, "42501") == 0, "%s: %s", rights[i].sql, PQresultErrorMessage(result));
    PQclear(result);
  }
  PQclear(PQexec(schema_conn, "RESET ROLE"));
}
