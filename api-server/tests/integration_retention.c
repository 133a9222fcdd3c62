/* What PostgreSQL forgets, what it keeps, and that nothing takes effect twice for it. */
#include "support_schema.h"

TestSuite(retention, .init = schema_up_seeded, .fini = schema_down, .timeout = 60);

static void run(const char *sql) { support_run_sql(schema_database.url, sql); }

static void expect(const char *sql, const char *wanted) {
  char *got = support_sql(schema_database.url, sql);
  cr_expect_str_eq(got, wanted, "%s gave %s", sql, got);
  free(got);
}

static const char left[] = "SELECT coalesce(string_agg(id, ' ' ORDER BY id), '') FROM webhook_event";

/* Ages are in days. */
Test(retention, events_go_when_they_are_old_and_over) {
  static const struct {
    const char *source, *id, *outcome, *payload;
    int age;
    bool in_ledger, stays;
  } rows[] = {
      {"google", "a-new", "done", NULL, 89, false, true},
      {"google", "b-old", "done", NULL, 91, false, false},
      {"google", "c-kept", "unknown_product", "{}", 400, false, true},
      {"google", "d-noted", "test", NULL, 400, false, false},
      {"apple", "e-new", "noted", NULL, 31, false, true},
      {"apple", "f-old", "unknown_purchase", NULL, 91, false, false},
      {"collabpay", "g-old", "applied", NULL, 91, true, false},
      {"collabpay", "h-new", "applied", NULL, 89, true, true},
      {"collabpay", "i-without-row", "applied", NULL, 4000, false, true}, /* a cancellation that took nothing */
      {"collabpay", "j-full", "too_many", NULL, 4000, false, true},
      {"collabpay", "k-kept", "unknown_product", "{}", 4000, false, true},
  };
  char wanted[400] = "", sql[600];
  int gone = 0;
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    (void)snprintf(sql, sizeof sql, "INSERT INTO webhook_event VALUES ('%s', '%s', sha256(''), now() - interval '%d days', '%s', %s%s%s)",
                   rows[i].source, rows[i].id, rows[i].age, rows[i].outcome, rows[i].payload ? "'" : "",
                   rows[i].payload ? rows[i].payload : "NULL", rows[i].payload ? "'" : "");
    run(sql);
    (void)snprintf(sql, sizeof sql,
                   "SELECT entitlement_grant('u', 'coins', 1, NULL, NULL, NULL, NULL, 'collabpay', '%s', NULL, sha256(''))", rows[i].id);
    if (rows[i].in_ledger) run(sql);
    if (rows[i].stays)
      (void)snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), "%s%s", *wanted ? " " : "", rows[i].id);
    else
      gone++;
  }
  (void)snprintf(sql, sizeof sql, "%d", gone);
  expect("SELECT events FROM retention_purge(500)", sql);
  expect(left, wanted);
  expect("SELECT events FROM retention_purge(500)", "0");
}

Test(retention, as_many_at_a_time_as_were_asked_for) {
  run("INSERT INTO webhook_event SELECT 'google', i::text, sha256(''), now() - interval '91 days', 'done' FROM generate_series(1, 25) i");
  expect("SELECT concat_ws(' ', events, calls) FROM retention_purge(10)", "10 0");
  expect("SELECT concat_ws(' ', events, calls) FROM retention_purge(10)", "10 0");
  expect("SELECT concat_ws(' ', events, calls) FROM retention_purge(10)", "5 0");
  expect(left, "");
}

/* Two that meet pass over each other's. */
Test(retention, what_another_holds_is_left_to_it) {
  run("INSERT INTO webhook_event SELECT 'google', i::text, sha256(''), now() - interval '91 days', 'done' FROM generate_series(1, 5) i");
  PQclear(PQexec(schema_conn, "BEGIN; SELECT FROM webhook_event WHERE id IN ('2', '3') FOR UPDATE"));
  expect("SELECT events FROM retention_purge(10)", "3");
  PQclear(PQexec(schema_conn, "ROLLBACK"));
  expect(left, "2 3");
}

#define PAID(amount, body) "SELECT collabpay_apply('coins.credited', 'p-1', 'u', NULL, NULL, " amount ", NULL, NULL, sha256('" body "'))"

Test(retention, a_payment_that_is_told_again_when_it_is_forgotten) {
  expect(PAID("5", "a"), "done");
  run("UPDATE webhook_event SET received_at = now() - interval '91 days'");
  expect("SELECT events FROM retention_purge(10)", "1");
  expect(PAID("5", "a"), "repeated");
  expect(PAID("6", "b"), "conflict");
  expect(PAID("5", "a"), "repeated");
  expect("SELECT concat_ws(' ', coins, seq) FROM ent_balance", "5 1");
}

/* What the balance could not hold has not taken effect: it does when it is told again and there is room. */
Test(retention, a_payment_that_found_no_room_is_tried_again) {
  run("SELECT entitlement_grant('u', 'coins', 9007199254740991, NULL, NULL, NULL, NULL, 'admin', NULL, NULL, sha256(''))");
  expect(PAID("5", "a"), "too_many");
  expect(PAID("5", "a"), "too_many");
  run("SELECT entitlement_grant('u', 'revoke', 5, NULL, NULL, NULL, NULL, 'admin', NULL, NULL, sha256(''))");
  expect(PAID("6", "b"), "conflict");
  expect(PAID("5", "a"), "done");
  expect(PAID("5", "a"), "repeated");
  expect("SELECT coins FROM ent_balance", "9007199254740991");
}

static const char bought[] =
    "SELECT result FROM iap_apply(jsonb_build_object('store', 'google', 'environment', 'production', 'token', 't', 'type', 'product',"
    " 'state', 'active', 'product_id', 'coins_100', 'observed_at', clock_timestamp(), 'consumed', %s), 'u', NULL, NULL, NULL)";

/* Done rows go; what is owed stays, and what is owed anew gets a row whether the old one is there or not. */
Test(retention, calls_go_when_they_are_done) {
  char sql[500];
  (void)snprintf(sql, sizeof sql, bought, "false");
  expect(sql, "done");
  run("UPDATE outbox SET created_at = now() - interval '400 days'");
  expect("SELECT calls FROM retention_purge(10)", "0");
  run("UPDATE outbox SET done_at = now() - interval '89 days', outcome = 'done'");
  expect("SELECT calls FROM retention_purge(10)", "0");
  run("UPDATE outbox SET done_at = now() - interval '91 days'");
  expect("SELECT calls FROM retention_purge(10)", "1");
  expect("SELECT count(*) FROM outbox", "0");
  expect(sql, "repeated");
  expect("SELECT count(*) FROM outbox WHERE done_at IS NULL", "1"); /* Google still says that it isn't consumed */
  run("DELETE FROM outbox");
  (void)snprintf(sql, sizeof sql, bought, "true");
  expect(sql, "repeated");
  expect("SELECT count(*) FROM outbox", "0");
}

/* Whoever holds the purchase, as a notification does, can always get at its rows of the outbox: the report waits before it locks them. */
Test(retention, a_report_and_a_notification_of_one_purchase_never_wait_for_each_other) {
  char sql[500];
  (void)snprintf(sql, sizeof sql, bought, "false");
  expect(sql, "done");
  expect("SELECT count(*) FROM outbox_claim('google', 'me', '30 s', 1)", "1");
  PQclear(PQexec(schema_conn, "BEGIN; SET LOCAL lock_timeout = '10s'; SELECT FROM iap_purchase FOR UPDATE"));
  PGconn *reporting = PQconnectdb(schema_database.url);
  cr_assert_eq(PQsendQuery(reporting, "SELECT outbox_done((SELECT id FROM outbox), 'me', 'done', NULL)"), 1);
  (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = %d", PQbackendPID(reporting));
  int64_t until_ms = clock_monotonic_ms() + SUPPORT_WAIT_MS;
  /* where the machine is slow it may have given up: its lock_timeout is 1 s */
  while (PQisBusy(reporting) && support_sql_number(schema_database.url, sql) == 0) {
    cr_assert_lt(clock_monotonic_ms(), until_ms, "the report does not wait for the purchase");
    cr_assert_eq(PQconsumeInput(reporting), 1);
  }
  PGresult *result = PQexec(schema_conn, "SELECT FROM outbox FOR UPDATE NOWAIT");
  cr_expect_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s", PQresultErrorMessage(result));
  PQclear(result);
  PQclear(PQexec(schema_conn, "ROLLBACK"));
  while ((result = PQgetResult(reporting))) PQclear(result);
  PQfinish(reporting);
}

Test(retention, the_serving_role) {
  static const struct schema_right rights[] = {
      {"SELECT events, calls FROM retention_purge(10)", true},
      {"DELETE FROM webhook_event", false},
      {"DELETE FROM outbox", false},
  };
  schema_expect_rights(rights, ELEMENTS(rights));
}
