/* What `check` asks of PostgreSQL: that it is there, that its schema fits or can be made to, and that the role may do what the server will. */
#include "base/clock.h"
#include "check/check.h"
#include "store/migrate.h"
#include "store/sqlstate.h"
#include "store/statements.h"

#include <stdio.h>
#include <string.h>

DEFINE_CLEANUP(PGresult, result_freep, PQclear)

static const char *next_step(const char *message) {
  static const struct {
    const char *words, *next;
  } steps[] = {
      {"unsupported startup parameter", "this looks like PgBouncer: set DATABASE_POOLER=pgbouncer, and leave options= out of the URL"},
      {"password authentication failed", "put the role's present password into the Secret's DATABASE_URL"},
      {"certificate", "see whether sslrootcert is the CA that signed the server's certificate, and the host is a name in it"},
      {"SSL", "see whether sslmode in the URL is one that the server takes"},
      {"does not exist", "create the database or the role, or correct the URL"},
      {"Connection refused", "see whether PostgreSQL runs there, and whether a NetworkPolicy lets this pod reach it"},
      {"translate host name", "correct the host's name in the URL"},
      {"too many clients", "raise max_connections, lower DB_POOL, or put PgBouncer before it"},
      {"encoding", "create the database anew with ENCODING 'UTF8'"},
      {"expected 15", "upgrade the server"},
  };
  for (size_t i = 0; i < ELEMENTS(steps); i++)
    if (strstr(message, steps[i].words)) return steps[i].next;
  return "correct the URL, or see what the server's own log says";
}

static void describe(const PGconn *conn, int64_t took_ms, struct check_finding *ret) {
  int version = PQserverVersion(conn);
  check_tell(ret, CHECK_OK, "PostgreSQL %d.%d at %s:%s, %s, in %lld ms", version / 10000, version % 10000, PQhost(conn), PQport(conn),
             PQsslInUse((PGconn *)conn) ? "with TLS" : "without TLS", (long long)took_ms);
}

void check_database(struct checkup *checkup, struct check_finding *ret) {
  struct error error = {0};
  int64_t begun_ms = clock_monotonic_ms();
  if (job_open(&checkup->job, &checkup->settings, false, &error) < 0) {
    check_fail(ret, &error, next_step(error.message));
    job_disconnect(&checkup->job);
    return;
  }
  describe(checkup->job.conn, clock_monotonic_ms() - begun_ms, ret);
}

void check_direct(struct checkup *checkup, struct check_finding *ret) {
  struct error error = {0};
  struct job direct = {0};
  int64_t begun_ms = clock_monotonic_ms();
  if (!checkup->settings.database_direct_url) {
    check_tell(ret, CHECK_NOTE, "DATABASE_DIRECT_URL is not set: migrations that can't run in a transaction will be refused");
    return;
  }
  if (job_open(&direct, &checkup->settings, true, &error) < 0)
    check_fail(ret, &error, next_step(error.message));
  else
    describe(direct.conn, clock_monotonic_ms() - begun_ms, ret);
  job_disconnect(&direct);
}

/* A schema that is behind is no fault: migrations come after the preflight. */
void check_schema(struct checkup *checkup, struct check_finding *ret) {
  struct error error = {0};
  struct schema_image image = schema_of_image();
  size_t pending = 0;
  if (!checkup->job.conn) return;
  struct job job = checkup->job; /* borrowed: as `migrate` would go */
  job.pooled = job.pooled && !checkup->settings.database_direct_url;
  if (migrate_review(&job, &checkup->schema, &pending, &error) < 0) {
    check_fail(ret, &error, "bring image and database together: `supernova-server migrate status` lists both");
    return;
  }
  checkup->schema_known = true;
  checkup->schema_fits = schema_fits(checkup->schema, image);
  const struct schema_database *schema = &checkup->schema;
  if (checkup->schema_fits && !pending) {
    check_tell(ret, CHECK_OK, "it is %d, this image works with %d to %d", schema->current, image.min, image.max);
  } else if (pending) {
    check_tell(ret, CHECK_NOTE, "it is %d, this image works with %d to %d: `supernova-server migrate` has %zu files for it",
               schema->current, image.min, image.max, pending);
  } else {
    check_tell(ret, CHECK_NEVER, "it is %d and serves images from %d on; this image works with %d to %d", schema->current,
               schema->serves_from, image.min, image.max);
    (void)snprintf(ret->next, sizeof ret->next, "take an image whose newest migration is %d or later", schema->serves_from);
  }
}

/* PostgreSQL looks for names and rights when it begins a statement, and EXPLAIN begins one without running it. */
static int explain(struct job *job, const struct db_statement *statement, struct error *error) {
  static const char *const nothing[DB_PARAMETERS];
  char sql[4096];
  struct error ignored;
  if (snprintf(sql, sizeof sql, "EXPLAIN %s", statement->sql) >= (int)sizeof sql)
    return error_set(error, ERROR_BUG, "statement %s is too long to be tried", statement->name);
  if (job_run(job, "BEGIN READ ONLY", 0, NULL, NULL, error) < 0) return -1;
  int result = job_run(job, "SELECT set_config('search_path', 'public', true)", 0, NULL, NULL, error);
  if (result == 0) result = job_run(job, sql, statement->parameters, nothing, NULL, error);
  if (result < 0) (void)error_wrap(error, "statement %s", statement->name);
  return job_run(job, "ROLLBACK", 0, NULL, NULL, result < 0 ? &ignored : error) < 0 ? -1 : result;
}

/* The serving role should own nothing: what it owns it can change, the ledger too. */
static int is_mighty(struct job *job, bool *ret, struct error *error) {
  static const char sql[] =
      "SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) OR EXISTS (SELECT FROM pg_class WHERE oid ="
      " to_regclass('public.ent_ledger') AND pg_has_role(relowner, 'USAGE'))";
  _cleanup_(result_freep) PGresult *result = NULL;
  if (job_run(job, sql, 0, NULL, &result, error) < 0) return -1;
  return *ret = *PQgetvalue(result, 0, 0) == 't', 0;
}

void check_rights(struct checkup *checkup, struct check_finding *ret) {
  struct error error = {0};
  bool mighty = false;
  if (!checkup->schema_known || !checkup->schema_fits) return;
  for (size_t i = 0; i < STATEMENT_COUNT; i++) {
    if (explain(&checkup->job, &statements[i], &error) == 0) continue;
    check_fail(ret, &error, "give this role the rights of supernova_app: GRANT supernova_app TO it, or run the migrations' GRANTs for it");
    return;
  }
  if (is_mighty(&checkup->job, &mighty, &error) < 0) {
    check_fail(ret, &error, "");
  } else if (mighty) {
    check_tell(ret, CHECK_NOTE, "role %s may change the ledger itself; serve with one that owns nothing, such as supernova_app",
               PQuser(checkup->job.conn));
  } else {
    check_tell(ret, CHECK_OK, "role %s may run all %d statements", PQuser(checkup->job.conn), STATEMENT_COUNT);
  }
}
