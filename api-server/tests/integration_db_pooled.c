/* The way of db.h that needs no session, on a PostgreSQL that tells what reached it; PgBouncer itself stands in test_pgbouncer.py. */
#include "store/db.h"
#include "store/resolver.h"
#include "support.h"

enum { READ, PATH, SLEEP, WRONG, PREPARED };

static const struct db_statement table[] = {
    [READ] = {.name = "read", .sql = "SELECT $1::bigint", .parameters = 1},
    [PATH] = {.name = "path", .sql = "SELECT (current_setting('search_path') = 'public')::int"},
    [SLEEP] = {.name = "sleep", .sql = "SELECT 1 FROM pg_sleep(60)"},
    [WRONG] = {.name = "wrong", .sql = "SELECT 1 / $1::int", .parameters = 1},
    [PREPARED] = {.name = "prepared", .sql = "SELECT count(*) FROM pg_prepared_statements"},
};

static struct support_database database;
static struct loop *loop;
static struct resolver *resolver;
static struct db_stats stats;
static struct db *db;

static void setup(void) {
  struct error error = {0};
  database = support_database_create();
  loop = loop_new(NULL);
  resolver = resolver_new(loop, NULL);
  db = db_new(loop, resolver,
              &(struct db_settings){
                  .url = database.url, .pooled = true, .pool = 4, .statements = table, .statement_count = ELEMENTS(table), .stats = &stats},
              &error);
  cr_assert_not_null(db, "%s", error.message);
}

static void teardown(void) {
  db_free(db);
  resolver_free(resolver);
  loop_free(loop);
  support_database_drop(&database);
}

TestSuite(db_pooled, .init = setup, .fini = teardown, .timeout = 60);

struct request {
  struct db_query query;
  char value[24];
  bool done;
  enum error_kind kind;
  int64_t number;
};

static void on_done(struct db_query *query, const PGresult *result, const struct error *error) {
  struct request *request = CONTAINER_OF(query, struct request, query);
  request->done = true;
  request->kind = error ? error->kind : ERROR_NONE;
  if (result) cr_assert_eq(db_int64(result, 0, 0, &request->number, NULL), 0);
}

static void submit(struct request *request, unsigned statement, int64_t value) {
  *request = (struct request){.query = {.statement = statement, .done = on_done}};
  (void)snprintf(request->value, sizeof request->value, "%" PRId64, value);
  db_parameter(&request->query, 0, request->value);
  cr_assert_eq(db_submit(db, &request->query, NULL), 0);
}

static bool is_done(void *argument) { return ((struct request *)argument)->done; }

static int64_t ask(unsigned statement) {
  struct request request;
  submit(&request, statement, 0);
  support_until(loop, is_done, &request);
  cr_assert_eq(request.kind, ERROR_NONE);
  return request.number;
}

/* Answers and errors, mixed, to each its own. */
Test(db_pooled, each_gets_its_own) {
  enum { N = 200 };
  static struct request requests[N];
  for (int i = 0; i < N; i++) submit(&requests[i], i % 7 ? READ : WRONG, i % 7 ? i : 0);
  for (int i = 0; i < N; i++) support_until(loop, is_done, &requests[i]);
  for (int i = 0; i < N; i++) {
    cr_expect_eq(requests[i].kind, i % 7 ? ERROR_NONE : ERROR_INVALID, "request %d", i);
    if (i % 7) cr_expect_eq(requests[i].number, i);
  }
  cr_expect(db_idle(db));
}

Test(db_pooled, settings_come_with_each_request) {
  struct request request;
  for (int i = 0; i < 8; i++) cr_expect_eq(ask(PATH), 1);
  int64_t begun_ms = clock_monotonic_ms();
  submit(&request, SLEEP, 0);
  support_until(loop, is_done, &request);
  cr_expect_eq(request.kind, ERROR_RETRY); /* the statement's time-out, before that of the connection */
  cr_expect_lt(clock_monotonic_ms() - begun_ms, 8000);
  cr_expect_eq(stats.drops, 0);
}

Test(db_pooled, nothing_is_prepared) {
  for (int i = 0; i < 8; i++) cr_expect_eq(ask(READ), 0);
  for (int i = 0; i < 4; i++) cr_expect_eq(ask(PREPARED), 0);
}
