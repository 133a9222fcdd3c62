/* What PostgreSQL holds about credentials: one use of a ticket, the end of a session, and what the serving role may do. */
#include "store/credentials.h"

#include "support_schema.h"

TestSuite(credentials, .init = schema_up, .fini = schema_down, .timeout = 60);

#define ID  "00112233445566778899aabbccddeeff"
#define SID "ffeeddccbbaa99887766554433221100"

static void expect(const char *sql, const char *wanted) {
  char *got = support_sql(schema_database.url, sql);
  cr_expect_str_eq(got, wanted, "%s gave %s", sql, got);
  free(got);
}

Test(credentials, a_ticket_is_redeemed_once) {
  expect("SELECT ticket_redeem('" ID "', now() + interval '1 minute', NULL)", "redeemed");
  expect("SELECT ticket_redeem('" ID "', now() + interval '1 minute', NULL)", "used");
  expect("SELECT ticket_redeem('" ID "', now() + interval '1 minute', '" SID "')", "used");
}

Test(credentials, a_ticket_of_a_revoked_session_is_none) {
  expect("SELECT session_revoke('" SID "', now() + interval '1 hour')", "");
  expect("SELECT session_revoke('" SID "', now() + interval '1 hour')", "");
  expect("SELECT ticket_redeem('" ID "', now() + interval '1 minute', '" SID "')", "revoked");
  expect("SELECT count(*) FROM ticket_used", "0");
}

Test(credentials, what_expired_goes_a_hundred_at_a_time) {
  support_run_sql(schema_database.url,
                  "INSERT INTO ticket_used SELECT gen_random_uuid(), now() - interval '1 day' FROM generate_series(1, 150)");
  support_run_sql(schema_database.url, "INSERT INTO ticket_used VALUES (gen_random_uuid(), now() - interval '1 minute')");
  expect("SELECT ticket_redeem('" ID "', now() + interval '1 minute', NULL)", "redeemed");
  expect("SELECT count(*) FROM ticket_used", "52");
  expect("SELECT ticket_redeem('" SID "', now() + interval '1 minute', NULL)", "redeemed");
  expect("SELECT count(*) FROM ticket_used", "3");
}

/* Many try at once: exactly one is told that it was the first. */
Test(credentials, of_many_at_once_one_redeems) {
  enum { CLIENTS = 8 };
  PGconn *clients[CLIENTS];
  int redeemed = 0;
  for (size_t i = 0; i < CLIENTS; i++) {
    clients[i] = PQconnectdb(schema_database.url);
    cr_assert_eq(PQsendQuery(clients[i], "SELECT ticket_redeem('" ID "', now() + interval '1 minute', NULL)"), 1);
  }
  for (size_t i = 0; i < CLIENTS; i++) {
    PGresult *result = PQgetResult(clients[i]);
    redeemed += !strcmp(PQgetvalue(result, 0, 0), "redeemed");
    PQclear(result);
    PQfinish(clients[i]);
  }
  cr_expect_eq(redeemed, 1);
}

Test(credentials, the_serving_role_has_no_right_but_these) {
  static const struct schema_right rights[] = {
      {"SELECT EXISTS (SELECT FROM session_revoked WHERE sid = '" SID "')", true},
      {"SELECT session_revoke('" SID "', now())", true},
      {"SELECT ticket_redeem('" ID "', now(), NULL)", true},
      {"DELETE FROM session_revoked", false},
      {"UPDATE session_revoked SET expires_at = now()", false},
      {"INSERT INTO session_revoked VALUES ('" SID "', now())", false},
      {"SELECT * FROM ticket_used", false},
      {"DELETE FROM ticket_used", false},
  };
  schema_expect_rights(rights, ELEMENTS(rights));
}
