/* Purchases as PostgreSQL keeps them: whatever order a store's answers come in, however often, the world is what the newest one says; and nobody
 * but the functions may change it. */
#include "base/buffer.h"
#include "iap/purchase.h"
#include "store/statements.h"
#include "support_schema.h"

TestSuite(purchase_store, .init = schema_up_seeded, .fini = schema_down, .timeout = 120);

static enum purchase_result apply(const struct purchase *seen, const char *profile, const char *event) {
  struct arena *arena = arena_new(65536);
  struct db_query query = {0};
  struct purchase_outcome outcome;
  struct error error;
  const char *hash = "00000000000000000000000000000000000000000000000000000000000000aa";
  struct purchase_claim claim = {.profile = profile, .event = event, .event_sha256 = event ? hash : NULL};
  cr_assert_eq(purchase_apply(&query, seen, &claim, arena, &error), 0);
  PGresult *result = schema_query(statements[query.statement].sql, statements[query.statement].parameters, query.values);
  cr_assert_eq(purchase_read(result, &outcome, &error), 0);
  PQclear(result);
  arena_free(arena);
  return outcome.result;
}

static struct purchase product(const char *token) {
  return (struct purchase){.store = "google",
                           .environment = "production",
                           .token = token,
                           .type = PURCHASE_PRODUCT,
                           .state = PURCHASE_ACTIVE,
                           .product_id = "coins_100",
                           .quantity = 5,
                           .observed_ms = 1700000000000};
}

static void shuffle(struct purchase *all, size_t n) {
  for (size_t i = n; i > 1; i--) {
    size_t other = random_below(i);
    struct purchase held = all[i - 1];
    all[i - 1] = all[other];
    all[other] = held;
  }
}

enum { STEPS = 8, ROUNDS = 60 };

/* A product's life: pending, bought, part by part given back, perhaps all of it. */
Test(purchase_store, products_in_any_order) {
  for (int round = 0; round < ROUNDS; round++) {
    struct purchase seen[STEPS * 2];
    char token[32], profile[32];
    (void)snprintf(token, sizeof token, "tok-%d", round);
    (void)snprintf(profile, sizeof profile, "p-%d", round);
    int paid_at = (int)random_below(3), given_up_at = 4 + (int)random_below(8), refunded = 0;
    for (int i = 0; i < STEPS; i++) {
      seen[i] = product(token);
      seen[i].observed_ms += i * 1000;
      if (i > paid_at && refunded < 4) refunded += (int)random_below(2);
      seen[i].refunded_quantity = refunded;
      seen[i].state = i < paid_at ? PURCHASE_PENDING : i >= given_up_at ? PURCHASE_REFUNDED : PURCHASE_ACTIVE;
      seen[STEPS + i] = seen[i];
    }
    int64_t worth = seen[STEPS - 1].state == PURCHASE_REFUNDED ? 0 : 100 * (5 - refunded);
    shuffle(seen, STEPS * 2);
    for (size_t i = 0; i < STEPS * 2; i++) cr_expect_leq(apply(&seen[i], profile, NULL), PURCHASE_STALE);
    cr_expect_eq(schema_number("SELECT coins FROM ent_balance WHERE profile = $1", profile), worth, "round %d", round);
    cr_expect_eq(schema_number("SELECT debt FROM ent_balance WHERE profile = $1", profile), 0);
    cr_expect_eq(schema_number("SELECT granted - debited FROM iap_purchase WHERE profile = $1", profile), worth);
    cr_expect_leq(schema_number("SELECT count(*) FROM ent_ledger WHERE kind = 'coins' AND profile = $1", profile), 1);
    cr_expect_leq(schema_number("SELECT count(*) FROM outbox WHERE token = 'tok-' || substr($1, 3)", profile), 1);
  }
}

/* A subscription goes through its states in any order of theirs. */
Test(purchase_store, subscriptions_in_any_order) {
  for (int round = 0; round < ROUNDS; round++) {
    struct purchase seen[STEPS * 2];
    char token[32], profile[32];
    (void)snprintf(token, sizeof token, "sub-%d", round);
    (void)snprintf(profile, sizeof profile, "s-%d", round);
    for (int i = 0; i < STEPS; i++) {
      seen[i] = product(token);
      seen[i].type = PURCHASE_SUBSCRIPTION;
      seen[i].product_id = "pro_monthly";
      seen[i].quantity = 1;
      seen[i].observed_ms += i * 1000;
      seen[i].state = PURCHASE_ACTIVE + (enum purchase_state)random_below(PURCHASE_EXPIRED);
      seen[i].expires_ms = 4000000000000 + (int64_t)random_below(1000) * 86400000;
      seen[STEPS + i] = seen[i];
    }
    struct purchase newest = seen[STEPS - 1];
    bool gives = newest.state <= PURCHASE_CANCELLED;
    shuffle(seen, STEPS * 2);
    for (size_t i = 0; i < STEPS * 2; i++) cr_expect_leq(apply(&seen[i], profile, NULL), PURCHASE_STALE);
    cr_expect_eq(schema_number("SELECT count(*) FROM ent_subscription WHERE expires_at > now() AND profile = $1", profile), gives,
                 "round %d", round);
    if (gives)
      cr_expect_eq(schema_number("SELECT extract(epoch FROM expires_at) * 1000 FROM ent_subscription WHERE profile = $1", profile),
                   newest.expires_ms);
  }
}

Test(purchase_store, an_event_has_no_effect_twice) {
  struct purchase seen = product("t");
  cr_expect_eq(apply(&seen, NULL, "e-0"), PURCHASE_UNKNOWN_PURCHASE);
  cr_expect_eq(apply(&seen, "u-1", NULL), PURCHASE_DONE);
  seen.observed_ms++;
  seen.refunded_quantity = 2;
  cr_expect_eq(apply(&seen, NULL, "e-1"), PURCHASE_DONE);
  seen.observed_ms++;
  seen.refunded_quantity = 4;
  cr_expect_eq(apply(&seen, NULL, "e-1"), PURCHASE_DUPLICATE);
  cr_expect_eq(schema_number("SELECT coins FROM ent_balance WHERE profile = $1", "u-1"), 300);
}

/* The plan is the one of the purchase that lasts longest, whichever was applied last. */
Test(purchase_store, the_longest_of_several_counts) {
  struct purchase long_one = product("long"), short_one = product("short");
  long_one.type = short_one.type = PURCHASE_SUBSCRIPTION;
  long_one.product_id = short_one.product_id = "pro_monthly";
  long_one.expires_ms = 4102444800000;
  short_one.expires_ms = 4002444800000;
  cr_expect_eq(apply(&long_one, "u-2", NULL), PURCHASE_DONE);
  cr_expect_eq(apply(&short_one, "u-2", NULL), PURCHASE_DONE);
  const char *ends = "SELECT extract(epoch FROM expires_at) * 1000 FROM ent_subscription WHERE profile = $1";
  cr_expect_eq(schema_number(ends, "u-2"), 4102444800000);
  long_one.observed_ms++;
  long_one.state = PURCHASE_EXPIRED;
  cr_expect_eq(apply(&long_one, "u-2", NULL), PURCHASE_DONE);
  cr_expect_eq(schema_number(ends, "u-2"), 4002444800000);
}

Test(purchase_store, coins_that_find_no_room_are_not_owed) {
  struct purchase seen = product("t");
  PQclear(
      PQexec(schema_conn,
             "SELECT * FROM entitlement_grant('full', 'coins', 9007199254740991, NULL, NULL, NULL, NULL, 'admin', 'r', NULL, sha256(''))"));
  cr_expect_eq(apply(&seen, "full", NULL), PURCHASE_TOO_MANY);
  cr_expect_eq(schema_number("SELECT count(*) FROM outbox WHERE $1 <> ''", "full"), 0);
  PQclear(PQexec(schema_conn,
                 "SELECT * FROM entitlement_grant('full', 'revoke', 500, NULL, NULL, NULL, NULL, 'admin', 's', NULL, sha256(''))"));
  seen.observed_ms++;
  cr_expect_eq(apply(&seen, "full", NULL), PURCHASE_DONE);
  cr_expect_eq(schema_number("SELECT count(*) FROM outbox WHERE $1 <> ''", "full"), 1);
}

/* The role that serves calls what it needs, and can change nothing past it. */
Test(purchase_store, the_serving_role) {
  struct purchase seen = product("t");
  PQclear(PQexec(schema_conn, "SET ROLE supernova_app"));
  cr_expect_eq(apply(&seen, "u-3", NULL), PURCHASE_DONE);
  static const struct schema_right rights[] = {
      {"SELECT count(*) FROM outbox", true},
      {"SELECT product_id, profile FROM iap_purchase", true},
      {"SELECT * FROM outbox_claim('google', 'me', '30 s', 16)", true},
      {"SELECT outbox_done(1, 'me', 'done', NULL)", true},
      {"SELECT webhook_note('google', 'm', sha256(''), 'test', NULL)", true},
      {"SELECT webhook_replayed('google', 'm', 'done')", true},
      {"SELECT * FROM iap_void('google', 't', NULL)", true},
      {"SELECT * FROM iap_sweep_claim('google', 'me', '1 min', '6 h')", true},
      {"SELECT iap_sweep_done('google', 'me', 1700000000000, '6 h')", true},
      {"SELECT iap_sweep_hasten('google')", true},
      {"UPDATE iap_purchase SET granted = 0", false},
      {"DELETE FROM iap_purchase", false},
      {"DELETE FROM webhook_event", false},
      {"UPDATE outbox SET done_at = now(), outcome = 'done'", false},
      {"INSERT INTO iap_conflict (store, environment, token, why, claimant, holder) VALUES ('a','b','c','token','e','f')", false},
      {"SELECT iap_effect(p, true) FROM iap_purchase p", false},
      {"SELECT iap_entry(p, 'coins', 1, NULL, NULL, '') FROM iap_purchase p", false},
  };
  schema_expect_rights(rights, ELEMENTS(rights));
  PGresult *result = PQexec(schema_conn, "UPDATE iap_purchase SET profile = 'u-4'"); /* not even the owner */
  cr_expect_str_eq(PQresultErrorField(result, PG_DIAG_SQLSTATE), "42501");
  PQclear(result);
}
