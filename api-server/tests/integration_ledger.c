/* The ledger as PostgreSQL keeps it: exactly once, a chain that anybody can recompute, and no way to change it. */
#include "base/buffer.h"
#include "store/db.h"
#include "store/entitlements.h"
#include "store/resolver.h"
#include "store/statements.h"
#include "support_schema.h"

#include <openssl/sha.h>

TestSuite(ledger, .init = schema_up, .fini = schema_down, .timeout = 120);

static const char *hex(const unsigned char digest[SHA256_DIGEST_LENGTH]) {
  static char text[4][65];
  static int turn;
  char *to = text[turn++ % 4];
  for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++) (void)snprintf(to + 2 * i, 3, "%02x", digest[i]);
  return to;
}

static const char *sha256_hex(const char *bytes, size_t n) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256((const unsigned char *)bytes, n, digest);
  return hex(digest);
}

static void put_field(struct buffer *b, const char *value) {
  if (value) {
    buffer_printf(b, "%zu:%s\n", strlen(value), value);
  } else {
    buffer_puts(b, "-\n");
  }
}

/* The example of the migration's comment, line by line, and what it says the head is. */
Test(ledger, the_written_example_is_true) {
  FILE *file = fopen(SOURCE_DIR "/api-server/migrations/0001_ledger.sql", "re");
  char line[512], head[65] = "";
  struct buffer bytes;
  cr_assert_not_null(file);
  buffer_init(&bytes, 4096);
  while (fgets(line, sizeof line, file)) {
    if (strncmp(line, "--   ", 5) == 0) buffer_puts(&bytes, line + 5);
    if (sscanf(line, "-- has the head %64[0-9a-f]", head) == 1) break;
  }
  (void)fclose(file);
  cr_expect_str_eq(sha256_hex(bytes.data, bytes.len), head);
  char *in_database =
      support_sql(schema_database.url,
                  "SELECT encode(sha256(ledger_bytes(ROW('example', 1, '2026-01-02T03:04:05.678Z', 'coins', 500, NULL, NULL, "
                  "'welcome', 'admin', 'admin', 'order-1', 'alice/é', sha256(''), 500, 0, '{}', "
                  "decode(repeat('00', 32), 'hex'), NULL)::ent_ledger)), 'hex')");
  cr_expect_str_eq(in_database, head);
  free(in_database);
  buffer_done(&bytes);
}

/* Recomputes the whole ledger without any of the database's functions. */
static void expect_chains(void) {
  PGconn *conn = PQconnectdb(schema_database.url);
  PGresult *rows =
      PQexec(conn,
             "SELECT profile, seq, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), kind, amount, plan,"
             " to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), reason, source, origin, external_ref,"
             " actor, encode(body_sha256, 'hex'), coins, debt, answer, encode(head, 'hex') FROM ent_ledger ORDER BY profile, seq");
  char profile[300] = "", head[65];
  int64_t seq = 0;
  for (int row = 0; row < PQntuples(rows); row++) {
    if (strcmp(profile, PQgetvalue(rows, row, 0)) != 0) {
      (void)snprintf(profile, sizeof profile, "%s", PQgetvalue(rows, row, 0));
      memset(head, '0', 64), head[64] = 0;
      seq = 0;
    }
    struct buffer bytes;
    buffer_init(&bytes, 65536);
    put_field(&bytes, "supernova-ledger/1");
    put_field(&bytes, head);
    for (int column = 0; column < 15; column++) put_field(&bytes, db_text(rows, row, column));
    put_field(&bytes, sha256_hex(db_text(rows, row, 15), strlen(db_text(rows, row, 15))));
    (void)snprintf(head, sizeof head, "%s", sha256_hex(bytes.data, bytes.len));
    cr_assert_str_eq(head, db_text(rows, row, 16), "row %d of %s", row, profile);
    cr_assert_eq(strtoll(PQgetvalue(rows, row, 1), NULL, 10), ++seq);
    buffer_done(&bytes);
  }
  PQclear(rows);
  PQfinish(conn);
  cr_expect_eq(
      support_sql_number(
          schema_database.url,
          "SELECT count(*) FROM ent_balance b WHERE (coins, debt, seq, head) IS DISTINCT FROM"
          " (SELECT (coins, debt, seq, head) FROM ent_ledger l WHERE l.profile = b.profile ORDER BY seq DESC LIMIT 1)::record AND seq > 0"),
      0);
}

/* What was granted before each row stays; `rows` are the ledger's new ones, `held` is what the profile has afterwards. */
Test(ledger, refunds_and_the_debt_they_leave) {
  static const struct {
    const char *what, *result, *rows, *held;
  } rows[] = {
      {"'coins', 100, NULL, NULL, NULL, NULL, 'google', 'g1'", "done", "coins 100 0", "100 0"},
      {"'refund', 30, NULL, NULL, NULL, NULL, 'google', 'g2'", "done", "refund 70 0", "70 0"},
      {"'revoke', 60, NULL, NULL, NULL, NULL, 'admin', 'a1'", "done", "revoke 10 0", "10 0"},
      {"'revoke', 60, NULL, NULL, NULL, NULL, 'admin', 'a2'", "insufficient", "", "10 0"},
      {"'refund', 70, NULL, NULL, NULL, NULL, 'google', 'g3'", "done", "refund 0 60", "0 60"},
      {"'refund', 70, NULL, NULL, NULL, NULL, 'google', 'g3'", "repeated", "", "0 60"},
      {"'refund', 9007199254740991, NULL, NULL, NULL, NULL, 'google', 'g4'", "too_many", "", "0 60"},
      {"'coins', 40, NULL, NULL, NULL, NULL, 'admin', 'a3'", "done", "coins 40 60,settle 0 20", "0 20"},
      {"'coins', 40, NULL, NULL, NULL, NULL, 'admin', 'a3'", "repeated", "", "0 20"},
      {"'coins', 9007199254740991, NULL, NULL, NULL, NULL, 'admin', 'a4'", "done", "coins 9007199254740991 20,settle 9007199254740971 0",
       "9007199254740971 0"},
      {"'coins', 21, NULL, NULL, NULL, NULL, 'admin', 'a5'", "too_many", "", "9007199254740971 0"},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    char sql[400];
    int64_t before = support_sql_number(schema_database.url, "SELECT count(*) FROM ent_ledger");
    (void)snprintf(sql, sizeof sql,
                   "SELECT result || coalesce(substring(answer, '\"coins\":.*\"debt\":[0-9]*'), '')"
                   " FROM entitlement_grant('u', %s, 'boss', sha256(''))",
                   rows[i].what);
    char *result = support_sql(schema_database.url, sql);
    cr_expect(strncmp(result, rows[i].result, strlen(rows[i].result)) == 0, "%s: %s", rows[i].what, result);
    (void)snprintf(sql, sizeof sql,
                   "SELECT string_agg(concat_ws(' ', kind, coins, debt), ',' ORDER BY seq) FROM ent_ledger WHERE seq > %" PRId64, before);
    char *added = support_sql(schema_database.url, sql),
         *held = support_sql(schema_database.url, "SELECT concat_ws(' ', coins, debt) FROM ent_balance");
    cr_expect_str_eq(added, rows[i].rows, "%s: %s", rows[i].what, added);
    cr_expect_str_eq(held, rows[i].held, "%s: %s", rows[i].what, held);
    /* the answer is about the balance after the settling */
    long long coins = 0, debt = 0;
    if (!strcmp(rows[i].result, "done")) {
      cr_expect_eq(sscanf(result, "done\"coins\":%lld,\"debt\":%lld", &coins, &debt), 2, "%s", result);
      (void)snprintf(sql, sizeof sql, "%lld %lld", coins, debt);
      cr_expect_str_eq(sql, rows[i].held);
    }
    free(result), free(added), free(held);
  }
  expect_chains();
}

Test(ledger, stores_renew_change_end_and_refund_subscriptions) {
  static const struct {
    const char *what, *result, *held;
  } rows[] = {
      {"'refund', NULL, 'pro', NULL", "done", ""}, /* never had one: the reference is used up all the same */
      {"'subscription', NULL, 'pro', '2090-01-01'", "done", "pro 2090-01-01T00:00:00.000Z t"},
      {"'subscription', NULL, 'pro', '2091-01-01'", "done", "pro 2091-01-01T00:00:00.000Z t"},
      {"'subscription', NULL, 'gold', '2090-06-01'", "done", "gold 2090-06-01T00:00:00.000Z t"},
      {"'refund', NULL, 'pro', NULL", "done", "gold 2090-06-01T00:00:00.000Z t"},
      {"'subscription', NULL, 'gold', '2020-01-01'", "done", "gold 2020-01-01T00:00:00.000Z f"},
      {"'refund', NULL, 'gold', NULL", "done", "gold 2020-01-01T00:00:00.000Z f"},
      {"'revoke', NULL, 'gold', NULL", "no_plan", "gold 2020-01-01T00:00:00.000Z f"},
      {"'subscription', NULL, 'gold', NULL", "done", "gold t"},
      {"'refund', NULL, 'gold', NULL", "done", NULL},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    char sql[400];
    (void)snprintf(sql, sizeof sql, "SELECT result FROM entitlement_grant('u', %s, NULL, 'apple', 'apple', 'n%zu', NULL, sha256(''))",
                   rows[i].what, i);
    char *result = support_sql(schema_database.url, sql);
    char *held = support_sql(schema_database.url,
                             "SELECT concat_ws(' ', plan, utc(expires_at), coalesce(expires_at > now(), true)) FROM ent_subscription");
    cr_expect_str_eq(result, rows[i].result, "%s: %s", rows[i].what, result);
    if (rows[i].held) cr_expect_str_eq(held, rows[i].held, "%s: %s", rows[i].what, held);
    free(result), free(held);
  }
  cr_expect_eq(support_sql_number(schema_database.url,
                                  "SELECT count(*) FROM ent_subscription WHERE expires_at <= now() AND expires_at > '2021-01-01'"),
               1);
  expect_chains();
}

/* Functions of the stores call it within their own transaction; what they undo is undone whole. */
Test(ledger, grants_join_a_transaction_that_is_under_way) {
  support_run_sql(schema_database.url,
                  "DO $$ BEGIN PERFORM entitlement_grant('u', 'coins', 5, NULL, NULL, NULL, NULL, 'google', 'kept', NULL, sha256(''));"
                  " PERFORM entitlement_grant('u', 'refund', 7, NULL, NULL, NULL, NULL, 'google', 'kept-2', NULL, sha256(''));"
                  " BEGIN PERFORM entitlement_grant('u', 'coins', 5, NULL, NULL, NULL, NULL, 'google', 'undone', NULL, sha256(''));"
                  " RAISE 'no'; EXCEPTION WHEN raise_exception THEN NULL; END;"
                  " PERFORM entitlement_grant('u', 'coins', 3, NULL, NULL, NULL, NULL, 'google', 'kept-3', NULL, sha256('')); END $$");
  cr_expect_eq(support_sql_number(schema_database.url, "SELECT coins FROM ent_balance WHERE debt = 0 AND seq = 4"), 1);
  cr_expect_eq(support_sql_number(schema_database.url, "SELECT count(*) FROM ent_ledger WHERE external_ref = 'undone'"), 0);
  expect_chains();
}

Test(ledger, nobody_refunds_by_hand_and_no_kind_is_invented) {
  static const char *const wrong[] = {"'refund', 5, NULL, NULL, NULL, NULL, 'admin'", "'settle', 5, NULL, NULL, NULL, NULL, 'google'",
                                      "'gift', 5, NULL, NULL, NULL, NULL, 'google'"};
  for (size_t i = 0; i < ELEMENTS(wrong); i++) {
    char sql[300];
    (void)snprintf(sql, sizeof sql, "SELECT entitlement_grant('u', %s, 'r', NULL, sha256(''))", wrong[i]);
    PGconn *conn = PQconnectdb(schema_database.url);
    PGresult *result = PQexec(conn, sql);
    cr_expect_str_eq(PQresultErrorField(result, PG_DIAG_SQLSTATE), "22023", "%s", wrong[i]);
    PQclear(result);
    PQfinish(conn);
  }
  cr_expect_eq(support_sql_number(schema_database.url, "SELECT count(*) FROM profile"), 0);
}

/* Five profiles, two a step: what a server is told to do, what is covered then, and what it is told once nothing is new. */
Test(ledger, heads_are_signed_in_parts) {
  static const char grant[] =
      "SELECT count(*) FROM generate_series(1, 5) i, LATERAL entitlement_grant('p' || i, 'coins', 1, NULL, NULL, NULL, NULL,"
      " 'admin', NULL, NULL, sha256(''))";
  static const struct {
    const char *before, *after, *told;
  } rows[] = {
      {grant, "", "sign p2 1 f 2"},
      {NULL, "p2", "sign p2 1 f 2"}, /* whoever should have signed it has died */
      {"SELECT ledger_heads_sign(1, 'k', 'x')", "p2", "sign p4 2 f 2"},
      {"SELECT ledger_heads_sign(2, 'k', 'x')", "p4", "sign p5 3 t 1"},
      {"SELECT ledger_heads_sign(3, 'k', 'x')", "", "done "},
      {"ALTER TABLE ledger_heads DISABLE TRIGGER ALL; UPDATE ledger_heads SET hour = hour - interval '1 hour'", "", "more p2"},
      {"SELECT entitlement_grant('p4', 'coins', 1, NULL, NULL, NULL, NULL, 'admin', NULL, NULL, sha256(''))", "p2", "sign p4 4 f 1"},
      {"SELECT ledger_heads_sign(4, 'k', 'x')", "p4", "sign p5 5 t 0"},
      {"SELECT ledger_heads_sign(5, 'k', 'x')", "p5", "done p5"},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    char sql[200];
    if (rows[i].before) support_run_sql(schema_database.url, rows[i].before);
    (void)snprintf(sql, sizeof sql, "SELECT concat_ws(' ', result, upto, id, whole, profiles) FROM ledger_heads_next('%s', 2)",
                   rows[i].after);
    char *told = support_sql(schema_database.url, sql);
    cr_expect_str_eq(told, rows[i].told, "row %zu: %s", i, told);
    free(told);
  }
  cr_expect_eq(support_sql_number(schema_database.url, "SELECT count(*) FROM ledger_heads_entry"), 6);
  cr_expect_eq(support_sql_number(schema_database.url,
                                  "SELECT count(*) FROM ledger_heads a JOIN ledger_heads b ON b.id = a.id + 1 AND b.prev = a.digest"),
               4);
  cr_expect_eq(support_sql_number(schema_database.url, "SELECT count(*) FROM ledger_heads_sign(5, 'k', 'y') AS signed WHERE signed"), 0);
}

Test(ledger, heads_are_left_to_the_one_that_is_at_it) {
  PGconn *conn = PQconnectdb(schema_database.url);
  PQclear(PQexec(conn, "BEGIN; SELECT * FROM ledger_heads_next('', 2)"));
  char *told = support_sql(schema_database.url, "SELECT result FROM ledger_heads_next('', 2)");
  cr_expect_str_eq(told, "busy");
  free(told);
  PQfinish(conn);
  cr_expect_eq(support_sql_number(schema_database.url, "SELECT count(*) FROM ledger_heads"), 0);
}

Test(ledger, refuses_every_change) {
  support_run_sql(schema_database.url, "SELECT entitlement_grant('u', 'coins', 5, NULL, NULL, NULL, NULL, 'admin', 'r', NULL, sha256(''))");
  static const char *const changes[] = {"UPDATE ent_ledger SET coins = 6", "DELETE FROM ent_ledger", "TRUNCATE ent_ledger",
                                        "TRUNCATE profile CASCADE", "SET session_replication_role = replica; DELETE FROM ent_ledger"};
  for (size_t i = 0; i < ELEMENTS(changes); i++) {
    PGconn *conn = PQconnectdb(schema_database.url);
    PGresult *result = PQexec(conn, changes[i]);
    cr_expect_not_null(strstr(PQresultErrorMessage(result), "append-only"), "%s: %s", changes[i], PQresultErrorMessage(result));
    PQclear(result);
    PQfinish(conn);
  }
  cr_expect_eq(support_sql_number(schema_database.url, "SELECT coins FROM ent_ledger"), 5);
}

/* The role that serves may read and grant, and nothing else. */
Test(ledger, the_serving_role_owns_nothing) {
  static const struct schema_right rights[] = {
      {"SELECT entitlement_grant('u', 'coins', 5, NULL, NULL, NULL, NULL, 'admin', 'r', NULL, sha256(''))", true},
      {"SELECT b.coins, utc(s.expires_at) FROM ent_balance b LEFT JOIN ent_subscription s USING (profile)", true},
      {"SELECT max(version) FROM schema_migration", true},
      {"INSERT INTO ent_ledger SELECT * FROM ent_ledger", false},
      {"UPDATE ent_balance SET coins = 1000", false},
      {"DELETE FROM ent_ledger", false},
      {"TRUNCATE ent_ledger", false},
      {"ALTER TABLE ent_ledger DISABLE TRIGGER ALL", false},
      {"DROP TABLE ent_ledger", false},
      {"CREATE TABLE mine ()", false},
  };
  schema_expect_rights(rights, ELEMENTS(rights));
}

enum { CLIENTS = 64, GRANTS = 6 };

struct call {
  struct grant_call grant;
  struct db *db;
  struct grant_outcome outcome;
  struct error error;
  char answer[512];
  bool done;
};

static int left;

static void on_grant(struct db_query *query, const PGresult *result, const struct error *error) {
  struct call *call = CONTAINER_OF(query, struct call, grant.query);
  /* a machine with too much to do: whoever has a reference, or surely wasn't served, asks again */
  if (error && error->kind == ERROR_RETRY && (strstr(error->message, "57014") || strstr(error->message, "55P03"))) {
    cr_assert_eq(db_submit(call->db, query, NULL), 0);
    return;
  }
  left--;
  if (error) {
    call->error = *error;
    return;
  }
  cr_assert_eq(grant_read(result, &call->outcome, NULL), 0);
  if (call->outcome.answer) (void)snprintf(call->answer, sizeof call->answer, "%s", call->outcome.answer);
}

static bool are_done(void *unused) { return (void)unused, left == 0; }
static bool is_up(void *db) { return db_health(db).up; }

/* Each of 64 servers sends the same six grants: two references on one profile, one reference that two profiles fight for, and three without
 * rivals. All pipelined, all at once. */
Test(ledger, sixty_four_clients_grant_exactly_once) {
  static const struct grant grants[GRANTS] = {
      {.profile = "a", .kind = GRANT_COINS, .amount = 10, .external_ref = "one"},
      {.profile = "a", .kind = GRANT_REVOKE, .amount = 10, .external_ref = "two"},
      {.profile = "a", .kind = GRANT_COINS, .amount = 3, .external_ref = "three"},
      {.profile = "b", .kind = GRANT_SUBSCRIPTION, .plan = "pro", .external_ref = "four"},
      {.profile = "c", .kind = GRANT_COINS, .amount = 1},
      {.profile = "d", .kind = GRANT_COINS, .amount = 7, .external_ref = "fought-for"},
  };
  static struct call calls[CLIENTS][GRANTS];
  static struct db *dbs[CLIENTS];
  static struct db_stats stats;
  static const char body[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
  struct loop *loop = loop_new(NULL);
  struct resolver *resolver = resolver_new(loop, NULL);
  struct db_settings settings = {
      .url = schema_database.url, .pool = 2, .statements = statements, .statement_count = STATEMENT_COUNT, .stats = &stats};
  left = CLIENTS * GRANTS;
  for (int c = 0; c < CLIENTS; c++) {
    cr_assert_not_null(dbs[c] = db_new(loop, resolver, &settings, NULL));
    support_until(loop, is_up, dbs[c]);
  }
  for (int c = 0; c < CLIENTS; c++) {
    for (int g = 0; g < GRANTS; g++) {
      struct grant grant = grants[g];
      grant.origin = "admin";
      grant.body_sha256 = body;
      if (g == GRANTS - 1 && c % 2) grant.profile = "e";
      calls[c][g].db = dbs[c];
      calls[c][g].grant.query.done = on_grant;
      grant_query(&calls[c][g].grant, &grant);
      cr_assert_eq(db_submit(dbs[c], &calls[c][g].grant.query, NULL), 0);
    }
  }
  support_until(loop, are_done, NULL);

  int first[GRANTS] = {0};
  for (int c = 0; c < CLIENTS; c++)
    for (int g = 0; g < GRANTS; g++) {
      struct call *call = &calls[c][g];
      cr_assert_eq(call->error.kind, ERROR_NONE, "%s", call->error.message);
      first[g] += call->outcome.result == GRANT_DONE;
      if (call->outcome.result != GRANT_DONE) cr_expect_eq(call->outcome.result, GRANT_REPEATED, "client %d, grant %d", c, g);
      if (g != 4) cr_expect_str_eq(call->answer, calls[0][g].answer);
    }
  for (int g = 0; g < GRANTS; g++) cr_expect_eq(first[g], g == 4 ? CLIENTS : 1, "grant %d was applied %d times", g, first[g]);
  cr_expect_eq(support_sql_number(schema_database.url, "SELECT coins FROM ent_balance WHERE profile = 'a'"), 3);
  cr_expect_eq(support_sql_number(schema_database.url, "SELECT coins FROM ent_balance WHERE profile = 'c'"), CLIENTS);
  cr_expect_eq(support_sql_number(schema_database.url, "SELECT sum(coins) FROM ent_balance WHERE profile IN ('d', 'e')"), 7);
  cr_expect_eq(support_sql_number(schema_database.url, "SELECT count(*) FROM ent_ledger"), CLIENTS + GRANTS - 1);
  expect_chains();
  for (int c = 0; c < CLIENTS; c++) db_free(dbs[c]);
  resolver_free(resolver);
  loop_free(loop);
}

Test(ledger, seeds_change_nothing_the_second_time) {
  cr_expect_eq(seed_main(1, (char *[]){"seed", NULL}), 0);
  char *before = support_sql(schema_database.url, "SELECT md5(string_agg(p::text, ',' ORDER BY p)) FROM product p");
  support_run_sql(schema_database.url, "UPDATE product SET coins = 1 WHERE product_id = 'coins_100' AND store = 'apple'");
  cr_expect_eq(seed_main(1, (char *[]){"seed", NULL}), 0);
  cr_expect_eq(support_sql_number(schema_database.url, "SELECT coins FROM product WHERE product_id = 'coins_100' AND store = 'apple'"), 1);
  support_run_sql(schema_database.url, "UPDATE product SET coins = 100 WHERE product_id = 'coins_100'");
  char *after = support_sql(schema_database.url, "SELECT md5(string_agg(p::text, ',' ORDER BY p)) FROM product p");
  cr_expect_str_eq(before, after);
  free(before);
  free(after);
}
