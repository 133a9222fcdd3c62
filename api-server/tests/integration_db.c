#include "store/db.h"
#include "store/entitlements.h"
#include "store/migrate.h"
#include "store/resolver.h"
#include "store/schema_watch.h"
#include "store/statements.h"
#include "support.h"

static struct support_database database;
static struct loop *loop;
static struct resolver *resolver;
static struct db_stats stats;
static struct db *db;

static void migrate(void) {
  setenv("DATABASE_URL", database.url, 1);
  setenv("TERMINATION_LOG", "/nonexistent", 1);
  cr_assert_eq(migrate_main(1, (char *[]){"migrate", NULL}), 0);
}

static struct db *open_db(const char *url, int pool, const struct db_statement *table, size_t count) {
  struct error error = {0};
  struct db *made =
      db_new(loop, resolver,
             &(struct db_settings){.url = url, .pool = pool, .statements = table, .statement_count = count, .stats = &stats}, &error);
  cr_assert_not_null(made, "%s", error.message);
  return made;
}

static char base_url[512];

static void setup(void) {
  (void)snprintf(base_url, sizeof base_url, "%s", support_environment("DATABASE_URL"));
  database = support_database_create();
  migrate();
  loop = loop_new(NULL);
  resolver = resolver_new(loop, NULL);
  db = open_db(database.url, 4, statements, STATEMENT_COUNT);
}

static void teardown(void) {
  db_free(db);
  resolver_free(resolver);
  loop_free(loop);
  setenv("DATABASE_URL", base_url, 1);
  support_database_drop(&database);
}

TestSuite(db, .init = setup, .fini = teardown, .timeout = 60);

/* One request of these tests: what came back. */
struct request {
  union {
    struct db_query query;
    struct grant_call call;
  };
  bool done;
  struct error error;
  enum grant_result result;
  int64_t number;
  char text[512];
};

static void on_number(struct db_query *query, const PGresult *result, const struct error *error) {
  struct request *r = CONTAINER_OF(query, struct request, query);
  r->done = true;
  if (error) {
    r->error = *error;
  } else if (db_rows(result) > 0) {
    cr_assert_eq(db_int64(result, 0, 0, &r->number, &r->error), 0);
  }
}

static void on_grant(struct db_query *query, const PGresult *result, const struct error *error) {
  struct request *r = CONTAINER_OF(query, struct request, query);
  struct grant_outcome outcome;
  r->done = true;
  if (error) {
    r->error = *error;
    return;
  }
  cr_assert_eq(grant_read(result, &outcome, &r->error), 0, "%s", r->error.message);
  r->result = outcome.result;
  r->number = outcome.seq;
  if (outcome.answer) (void)snprintf(r->text, sizeof r->text, "%s", outcome.answer);
}

static bool is_done(void *request) { return ((struct request *)request)->done; }
static bool is_up(void *unused) { return (void)unused, db_health(db).up; }
static bool are_all_ready(void *unused) { return (void)unused, stats.connections == 4; }

static void submit(struct request *r, unsigned statement, const char *parameter) {
  *r = (struct request){.query = {.statement = statement, .done = on_number}};
  db_parameter(&r->query, 0, parameter);
  cr_assert_eq(db_submit(db, &r->query, &r->error), 0, "%s", r->error.message);
}

static int64_t coins_of(const char *profile) {
  struct request r;
  submit(&r, STATEMENT_ENTITLEMENTS, profile);
  support_until(loop, is_done, &r);
  cr_assert_eq(r.error.kind, ERROR_NONE, "%s", r.error.message);
  return r.number;
}

static const char body_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char body_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

static void submit_grant(struct request *r, struct grant grant) {
  *r = (struct request){.query = {.done = on_grant}};
  if (!grant.origin) grant.origin = "admin";
  if (!grant.body_sha256) grant.body_sha256 = body_a;
  grant_query(&r->call, &grant);
  cr_assert_eq(db_submit(db, &r->query, &r->error), 0, "%s", r->error.message);
}

static struct request grant_now(struct grant grant) {
  struct request r;
  submit_grant(&r, grant);
  support_until(loop, is_done, &r);
  cr_assert_eq(r.error.kind, ERROR_NONE, "%s", r.error.message);
  return r;
}

Test(db, becomes_ready_and_tells_the_schema) {
  struct schema_watch watch;
  schema_watch_start(&watch, loop, db);
  support_until(loop, are_all_ready, NULL);
  while (!watch.known) cr_assert_eq(loop_turn(loop, 100, NULL), 0);
  cr_expect(db_health(db).up);
  cr_expect(watch.fitted);
  cr_expect_eq(watch.database.current, schema_of_image().max);
  cr_expect_geq(db_health(db).latency_us, 0);
  schema_watch_stop(&watch);
}

Test(db, an_unknown_profile_has_nothing) { cr_expect_eq(coins_of("nobody"), 0); }

Test(db, a_turn_of_requests_all_get_their_own_answer) {
  enum { N = 300, WRITES = 50 }; /* in a turn: so many pass one connection in the 2 s that they may wait, on a busy machine too */
  static struct request r[N];
  static char names[N][16];
  for (int i = 0; i < N; i++) {
    (void)snprintf(names[i], sizeof names[i], "p%d", i);
    submit_grant(&r[i], (struct grant){.profile = names[i], .kind = GRANT_COINS, .amount = i + 1});
    if ((i + 1) % WRITES == 0) support_until(loop, is_done, &r[i]); /* one connection writes, in order */
  }
  for (int i = 0; i < N; i++) submit(&r[i], STATEMENT_ENTITLEMENTS, names[i]);
  for (int i = 0; i < N; i++) support_until(loop, is_done, &r[i]);
  for (int i = 0; i < N; i++) cr_assert_eq(r[i].number, i + 1, "profile %d has %" PRId64, i, r[i].number);
  cr_expect(db_idle(db));
}

Test(db, grants_by_their_rules) {
  struct {
    const char *what;
    struct grant grant;
    enum grant_result expect;
    int64_t seq, coins;
  } rows[] = {
      {"coins", {.kind = GRANT_COINS, .amount = 500, .external_ref = "r1"}, GRANT_DONE, 1, 500},
      {"the same again", {.kind = GRANT_COINS, .amount = 500, .external_ref = "r1"}, GRANT_REPEATED, 1, 500},
      {"same reference, other body",
       {.kind = GRANT_COINS, .amount = 9, .external_ref = "r1", .body_sha256 = body_b},
       GRANT_CONFLICT,
       1,
       500},
      {"same reference, other origin", {.kind = GRANT_COINS, .amount = 1, .external_ref = "r1", .origin = "collabpay"}, GRANT_DONE, 2, 501},
      {"without a reference", {.kind = GRANT_COINS, .amount = 1}, GRANT_DONE, 3, 502},
      {"revoke", {.kind = GRANT_REVOKE, .amount = 502, .external_ref = "r2"}, GRANT_DONE, 4, 0},
      {"the revoke again, with nothing left", {.kind = GRANT_REVOKE, .amount = 502, .external_ref = "r2"}, GRANT_REPEATED, 4, 0},
      {"revoke too much", {.kind = GRANT_REVOKE, .amount = 1, .external_ref = "r3"}, GRANT_INSUFFICIENT, 0, 0},
      {"as much as there can be", {.kind = GRANT_COINS, .amount = COINS_MAX}, GRANT_DONE, 5, COINS_MAX},
      {"one more", {.kind = GRANT_COINS, .amount = 1}, GRANT_TOO_MANY, 0, COINS_MAX},
      {"subscription", {.kind = GRANT_SUBSCRIPTION, .plan = "pro", .expires_at = "2099-01-01T00:00:00Z"}, GRANT_DONE, 6, COINS_MAX},
      {"revoke another plan", {.kind = GRANT_REVOKE, .plan = "basic"}, GRANT_NO_PLAN, 0, COINS_MAX},
      {"revoke the plan", {.kind = GRANT_REVOKE, .plan = "pro"}, GRANT_DONE, 7, COINS_MAX},
      {"revoke it twice", {.kind = GRANT_REVOKE, .plan = "pro"}, GRANT_NO_PLAN, 0, COINS_MAX},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    rows[i].grant.profile = "user";
    struct request r = grant_now(rows[i].grant);
    cr_expect_eq(r.result, rows[i].expect, "%s: result %d", rows[i].what, r.result);
    cr_expect_eq(r.number, rows[i].seq, "%s: seq %" PRId64, rows[i].what, r.number);
    cr_expect_eq(coins_of("user"), rows[i].coins, "%s: coins", rows[i].what);
  }
}

static char read_json[512];

static void on_json(struct db_query *query, const PGresult *result, const struct error *error) {
  struct request *r = CONTAINER_OF(query, struct request, query);
  struct entitlements e;
  struct buffer json;
  cr_assert_null(error);
  cr_assert_eq(entitlements_read(result, &e, NULL), 0);
  buffer_init(&json, sizeof read_json - 1);
  entitlements_json(&e, &json);
  (void)snprintf(read_json, sizeof read_json, "%s", buffer_text(&json));
  buffer_done(&json);
  r->done = true;
}

Test(db, a_grant_answers_what_a_read_shows_next) {
  static const struct grant grants[] = {
      {.profile = "u", .kind = GRANT_COINS, .amount = 5},
      {.profile = "u", .kind = GRANT_SUBSCRIPTION, .plan = "pro \"é\"", .source = "s\\s\n", .expires_at = "2099-01-01T01:00:00+01:00"},
      {.profile = "u", .kind = GRANT_SUBSCRIPTION, .plan = "forever"},
      {.profile = "u", .kind = GRANT_REVOKE, .plan = "forever"},
  };
  for (size_t i = 0; i < ELEMENTS(grants); i++) {
    char expect[600];
    struct request answer = grant_now(grants[i]), r = {.query = {.done = on_json}};
    entitlements_query(&r.query, "u");
    cr_assert_eq(db_submit(db, &r.query, NULL), 0);
    support_until(loop, is_done, &r);
    (void)snprintf(expect, sizeof expect, "{\"ok\":true,\"entitlements\":%s,\"ledger\":{\"seq\":%zu,", read_json, i + 1);
    cr_expect(strncmp(answer.text, expect, strlen(expect)) == 0, "%s\n%s", answer.text, expect);
  }
}

Test(db, a_bad_value_is_told_and_harms_nobody) {
  struct request bad, good;
  submit_grant(&bad, (struct grant){.profile = "u", .kind = GRANT_SUBSCRIPTION, .plan = "pro", .expires_at = "tomorrow-ish"});
  submit_grant(&good, (struct grant){.profile = "u", .kind = GRANT_COINS, .amount = 1});
  support_until(loop, is_done, &bad);
  support_until(loop, is_done, &good);
  cr_expect_eq(bad.error.kind, ERROR_INVALID, "%s", bad.error.message);
  cr_expect_eq(good.error.kind, ERROR_NONE, "%s", good.error.message);
}

Test(db, a_cancelled_query_is_never_called_back) {
  struct request waiting = {0}, other;
  submit(&waiting, STATEMENT_ENTITLEMENTS, "a");
  db_cancel(&waiting.query);
  db_cancel(&waiting.query);
  support_until(loop, is_up, NULL);
  submit(&waiting, STATEMENT_ENTITLEMENTS, "a");
  cr_assert_eq(loop_turn(loop, 0, NULL), 0); /* it leaves at the end of this turn */
  db_cancel(&waiting.query);
  submit(&other, STATEMENT_ENTITLEMENTS, "a");
  support_until(loop, is_done, &other);
  cr_expect_not(waiting.done);
}

Test(db, reads_outlive_their_connections) {
  enum { N = 50 };
  static struct request r[N];
  support_until(loop, is_up, NULL);
  for (int round = 0; round < 5; round++) {
    for (int i = 0; i < N; i++) submit(&r[i], STATEMENT_ENTITLEMENTS, "a");
    cr_assert_eq(loop_turn(loop, 0, NULL), 0);
    support_run_sql(database.url,
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'");
    for (int i = 0; i < N; i++) support_until(loop, is_done, &r[i]);
    for (int i = 0; i < N; i++) cr_assert_eq(r[i].error.kind, ERROR_NONE, "%s", r[i].error.message);
  }
  support_until(loop, is_up, NULL);
  cr_expect_gt(stats.drops, 0);
}

Test(db, a_write_on_a_lost_connection_is_a_retry_and_exactly_once) {
  enum { N = 40 };
  static struct request r[N];
  static char refs[N][16];
  for (int i = 0; i < N; i++) (void)snprintf(refs[i], sizeof refs[i], "ref-%d", i);
  bool again = true;
  for (int round = 0; again && round < 20; round++) {
    again = false;
    for (int i = 0; i < N; i++)
      submit_grant(&r[i], (struct grant){.profile = "u", .kind = GRANT_COINS, .amount = 1, .external_ref = refs[i]});
    for (int turn = 0; turn < 3; turn++) cr_assert_eq(loop_turn(loop, 5, NULL), 0);
    if (round < 3)
      support_run_sql(database.url,
                      "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                      " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'");
    for (int i = 0; i < N; i++) {
      support_until(loop, is_done, &r[i]);
      cr_assert(r[i].error.kind == ERROR_NONE || r[i].error.kind == ERROR_RETRY, "%s", r[i].error.message);
      again = again || r[i].error.kind == ERROR_RETRY;
    }
  }
  cr_expect_not(again);
  cr_expect_eq(coins_of("u"), N);
  cr_expect_eq(support_sql_number(database.url, "SELECT count(*) FROM ent_ledger"), N);
}

Test(db, a_statement_whose_result_changes_is_prepared_anew) {
  cr_expect_eq(coins_of("u"), 0);
  support_run_sql(database.url, "INSERT INTO profile VALUES ('u'); INSERT INTO ent_balance VALUES ('u', 7)");
  support_run_sql(database.url,
                  "ALTER FUNCTION utc(timestamptz) RENAME TO utc_was;"
                  "CREATE FUNCTION utc(at timestamptz) RETURNS varchar LANGUAGE sql STABLE AS 'SELECT utc_was(at)::varchar'");
  for (int i = 0; i < 20; i++) cr_expect_eq(coins_of("u"), 7);
}

/* Servers that refuse, or accept and then say nothing. */

static bool has_failed(void *reason) { return stats.failures[*(enum dependency_reason *)reason] > 0; }

static void expect_failure(const char *url, enum dependency_reason reason) {
  struct request r;
  db_free(db);
  db = open_db(url, 2, statements, STATEMENT_COUNT);
  submit(&r, STATEMENT_ENTITLEMENTS, "u");
  int64_t start = clock_monotonic_ms();
  support_until(loop, is_done, &r);
  cr_expect_eq(r.error.kind, ERROR_RETRY, "%s", r.error.message);
  cr_expect_lt(clock_monotonic_ms() - start, 4000);
  support_until(loop, has_failed, &reason);
  cr_expect_eq(db_health(db).reason, reason, "%s", db_health(db).message);
  cr_expect_null(strstr(db_health(db).message, "hunter2"));
}

Test(db, refused) { expect_failure("postgresql://u:hunter2@127.0.0.1:1/d", DEPENDENCY_REFUSED); }

Test(db, no_such_name) { expect_failure("postgresql://u:hunter2@no-such-name.invalid:1/d", DEPENDENCY_UNREACHABLE); }

static void expect_failure_of_liar(const char *answer, enum dependency_reason reason) {
  char url[128];
  pid_t pid;
  (void)snprintf(url, sizeof url, "postgresql://u:hunter2@localhost:%d/d?sslmode=disable", support_liar(answer, &pid));
  expect_failure(url, reason);
  (void)kill(pid, SIGKILL);
}

Test(db, silent) { expect_failure_of_liar("", DEPENDENCY_TIMEOUT); }

Test(db, speaks_http) { expect_failure_of_liar("HTTP/1.1 400 Bad Request\r\n\r\n", DEPENDENCY_UNREACHABLE); }

Test(db, speaks_nonsense) { expect_failure_of_liar("R\377\377\377\377\1\1\1\1", DEPENDENCY_UNREACHABLE); }

Test(db, wrong_password) {
  char url[600];
  const char *at = strchr(database.url + 13, '@');
  (void)snprintf(url, sizeof url, "postgresql://supernova:hunter2%s", at);
  expect_failure(url, DEPENDENCY_AUTH);
}

/* The server's address with other parameters, by its name so that a certificate can be checked. */
static const char *url_with(const char *parameters) {
  static char url[600];
  const char *at = strstr(database.url, "127.0.0.1");
  (void)snprintf(url, sizeof url, "%.*slocalhost%.*s?%s", (int)(at - database.url), database.url, (int)strcspn(at + 9, "?"), at + 9,
                 parameters);
  return url;
}

Test(db, tls_that_is_not_trusted) {
  expect_failure(url_with("sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt"), DEPENDENCY_TLS);
}

Test(db, tls_verified) {
  enum { N = 200 };
  static struct request r[N];
  char parameters[300];
  (void)snprintf(parameters, sizeof parameters, "sslmode=verify-full&sslrootcert=%s", support_environment("PG_CA"));
  db_free(db);
  db = open_db(url_with(parameters), 2, statements, STATEMENT_COUNT);
  for (int i = 0; i < N; i++) submit(&r[i], STATEMENT_ENTITLEMENTS, "u");
  for (int i = 0; i < N; i++) support_until(loop, is_done, &r[i]);
  for (int i = 0; i < N; i++) cr_assert_eq(r[i].error.kind, ERROR_NONE, "%s", r[i].error.message);
  cr_expect_gt(support_sql_number(base_url, "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl"), 0);
}

static void allow_connections(bool allow) {
  char sql[160];
  (void)snprintf(sql, sizeof sql, "ALTER DATABASE %s ALLOW_CONNECTIONS %s", database.name, allow ? "true" : "false");
  support_run_sql(base_url, sql);
  (void)snprintf(sql, sizeof sql, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '%s'", database.name);
  if (!allow) support_run_sql(base_url, sql);
}

/* What is asked while it is away fails after two seconds; what is asked once it is back doesn't wait longer than that. */
Test(db, away_for_a_while_and_back) {
  struct request r;
  support_until(loop, are_all_ready, NULL);
  allow_connections(false);
  submit(&r, STATEMENT_ENTITLEMENTS, "u");
  support_until(loop, is_done, &r);
  cr_expect_eq(r.error.kind, ERROR_RETRY);
  cr_expect_gt(r.error.after_ms, 0);
  cr_expect_eq(db_health(db).reason, DEPENDENCY_REFUSED, "%s", db_health(db).message);
  for (int64_t until = clock_monotonic_ms() + 2000; clock_monotonic_ms() < until;) cr_assert_eq(loop_turn(loop, 50, NULL), 0);
  allow_connections(true);
  submit(&r, STATEMENT_ENTITLEMENTS, "u");
  support_until(loop, is_done, &r);
  cr_expect_eq(r.error.kind, ERROR_NONE, "%s", r.error.message);
  support_until(loop, are_all_ready, NULL);
}

Test(db, a_stalled_server_is_dropped_and_found_again) {
  struct request r;
  support_until(loop, is_up, NULL);
  cr_expect_eq(coins_of("u"), 0);
  char sql[300], *pids;
  (void)snprintf(sql, sizeof sql,
                 "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE datname = '%s' AND pid <> pg_backend_pid()", database.name);
  pids = support_sql(base_url, sql);
  char command[600];
  (void)snprintf(command, sizeof command, "kill -STOP %s", pids);
  cr_assert_eq(system(command), 0);
  submit_grant(&r, (struct grant){.profile = "u", .kind = GRANT_COINS, .amount = 1, .external_ref = "x"});
  int64_t start = clock_monotonic_ms();
  support_until(loop, is_done, &r);
  cr_expect_eq(r.error.kind, ERROR_RETRY, "%s", r.error.message);
  cr_expect_lt(clock_monotonic_ms() - start, 4000);
  (void)snprintf(command, sizeof command, "kill -CONT %s", pids);
  cr_assert_eq(system(command), 0);
  free(pids);
  cr_expect_leq(coins_of("u"), 1);
}
