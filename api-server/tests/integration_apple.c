/* What the App Store says, as PostgreSQL keeps it: whatever order its statements come in, however often, and whether they were told or shown by the
 * client, the world ends as the last of them says. */
#include "iap/apple_event.h"
#include "store/statements.h"
#include "support_schema.h"

enum { ROUNDS = 60, PERIODS = 3, TOLD = 3, DAY_MS = 86400000 };
static const int64_t begin_ms = 1700000000000, far_ms = 4000000000000;

TestSuite(apple_store, .init = schema_up_seeded, .fini = schema_down, .timeout = 120);

/* Said by the client, or told in an event of its own. */
struct said {
  struct purchase seen;
  bool bare, reversed;
  char event[48];
};

static enum purchase_result apply(const struct said *s, const char *profile) {
  struct arena *arena = arena_new(65536);
  struct db_query query = {0};
  struct purchase_outcome outcome;
  struct error error;
  struct purchase_claim claim = {.profile = s->bare ? profile : NULL,
                                 .event = s->bare ? NULL : s->event,
                                 .event_sha256 = "00000000000000000000000000000000000000000000000000000000000000aa"};
  cr_assert_eq(apple_apply(&query, &s->seen, &claim, s->bare, s->reversed, arena, &error), 0);
  PGresult *result = schema_query(statements[query.statement].sql, statements[query.statement].parameters, query.values);
  cr_assert_eq(purchase_read(result, &outcome, &error), 0);
  cr_assert(!s->bare || outcome.answer, "%s", purchase_result_name(outcome.result));
  PQclear(result);
  arena_free(arena);
  return outcome.result;
}

static void shuffle(struct said *all, size_t n) {
  for (size_t i = n; i > 1; i--) {
    size_t other = random_below(i);
    struct said held = all[i - 1];
    all[i - 1] = all[other];
    all[other] = held;
  }
}

static struct said statement(const char *token, const char *order, int64_t purchased_ms, int64_t told_ms) {
  static int events;
  struct said s = {.seen = {.store = "apple",
                            .environment = "production",
                            .token = token,
                            .type = PURCHASE_PRODUCT,
                            .state = PURCHASE_ACTIVE,
                            .product_id = "coins_100",
                            .order_id = order,
                            .quantity = 5,
                            .observed_ms = told_ms,
                            .purchased_ms = purchased_ms}};
  (void)snprintf(s.event, sizeof s.event, "e-%d", ++events);
  return s;
}

static void as_subscription(struct said *s, enum purchase_state state, int64_t expires_ms) {
  s->seen.type = PURCHASE_SUBSCRIPTION;
  s->seen.product_id = "pro_monthly";
  s->seen.quantity = 1;
  s->seen.state = state;
  s->seen.expires_ms = expires_ms;
}

/* Each period is told of several times, and shown once; what is told last of the last period is how it is. */
Test(apple_store, periods_in_any_order) {
  static const char *const orders[PERIODS] = {"1", "2", "3"};
  static const enum purchase_state states[] = {PURCHASE_ACTIVE, PURCHASE_GRACE,   PURCHASE_CANCELLED,
                                               PURCHASE_HOLD,   PURCHASE_EXPIRED, PURCHASE_REFUNDED};
  for (int round = 0; round < ROUNDS; round++) {
    struct said all[2 * PERIODS * (TOLD + 1)], last;
    char token[32], profile[32];
    size_t n = 0;
    (void)snprintf(token, sizeof token, "9%d", round);
    (void)snprintf(profile, sizeof profile, "s-%d", round);
    for (int period = 0; period < PERIODS; period++) {
      int64_t at_ms = begin_ms + period * 30 * (int64_t)DAY_MS;
      int64_t told_ms = at_ms;
      for (int i = 0; i < TOLD; i++) {
        /* also long after the next one has begun */
        told_ms += 1 + (int64_t)random_below(100 * (size_t)DAY_MS);
        last = statement(token, orders[period], at_ms, told_ms);
        as_subscription(&last, states[random_below(ELEMENTS(states))], far_ms + (int64_t)random_below(1000) * DAY_MS);
        all[n++] = last;
      }
      all[n] = statement(token, orders[period], at_ms, at_ms);
      as_subscription(&all[n], PURCHASE_ACTIVE, far_ms);
      all[n++].bare = true;
    }
    memcpy(all + n, all, n * sizeof *all);
    shuffle(all, 2 * n);
    for (size_t i = 0; i < 2 * n; i++) (void)apply(&all[i], profile);
    bool gives = last.seen.state <= PURCHASE_CANCELLED;
    cr_expect_eq(schema_number("SELECT count(*) FROM ent_subscription WHERE expires_at > now() AND profile = $1", profile), gives,
                 "round %d", round);
    if (gives)
      cr_expect_eq(schema_number("SELECT extract(epoch FROM expires_at) * 1000 FROM ent_subscription WHERE profile = $1", profile),
                   last.seen.expires_ms, "round %d", round);
    cr_expect_eq(schema_number("SELECT count(*) FROM iap_purchase WHERE order_id = '3' AND profile = $1", profile), 1);
    cr_expect_eq(schema_number("SELECT count(*) FROM apple_early WHERE $1 <> ''", profile), 0);
  }
}

/* Bought, taken back, given again, taken back once more: as far as it goes. */
Test(apple_store, refunds_and_reversals_in_any_order) {
  for (int round = 0; round < ROUNDS; round++) {
    struct said all[2 * 8];
    char token[32], profile[32];
    size_t n = 0, turns = random_below(5);
    (void)snprintf(token, sizeof token, "8%d", round);
    (void)snprintf(profile, sizeof profile, "p-%d", round);
    all[n] = statement(token, token, begin_ms, begin_ms);
    all[n++].bare = true;
    for (size_t turn = 1; turn <= turns; turn++) {
      all[n] = statement(token, token, begin_ms, begin_ms + (int64_t)turn * 1000);
      all[n].reversed = turn % 2 == 0;
      if (turn % 2) {
        all[n].seen.state = PURCHASE_REFUNDED;
        all[n].seen.refunded_quantity = 5;
        /* the client shows it, too */
        all[n + 1] = all[n];
        all[++n].seen.observed_ms += 500;
        all[n].bare = true;
      }
      n++;
    }
    memcpy(all + n, all, n * sizeof *all);
    shuffle(all, 2 * n);
    for (size_t i = 0; i < 2 * n; i++) (void)apply(&all[i], profile);
    int64_t worth = turns % 2 ? 0 : 500;
    cr_expect_eq(schema_number("SELECT coins FROM ent_balance WHERE profile = $1", profile), worth, "round %d, %zu turns", round, turns);
    cr_expect_eq(schema_number("SELECT debt FROM ent_balance WHERE profile = $1", profile), 0);
    cr_expect_eq(schema_number("SELECT granted - debited FROM iap_purchase WHERE profile = $1", profile), worth);
    cr_expect_eq(schema_number("SELECT count(*) FROM webhook_event e WHERE outcome = 'duplicate' AND $1 <> ''", profile), 0);
  }
}

static bool claims(const char *owner) {
  return schema_number("SELECT count(*) FROM iap_sweep_claim('apple', $1, '10 min', '6 h')", owner) == 1;
}

static void ends(const char *owner) {
  cr_expect_eq(schema_number("SELECT iap_sweep_done('apple', $1, 1800000000000000, '6 h')::integer", owner), 1);
}

/* One at a time; again when it is due; and again where it became due while it was made. */
Test(apple_store, whose_turn_it_is_to_sweep) {
  cr_expect(claims("a") && !claims("b"));
  ends("a");
  cr_expect_not(claims("b"), "it is not due");
  PQclear(PQexec(schema_conn, "SELECT iap_sweep_hasten('apple')"));
  cr_expect(claims("b") && !claims("a"));
  PQclear(PQexec(schema_conn, "SELECT iap_sweep_hasten('apple')"));
  cr_expect_not(claims("a"));
  ends("b");
  cr_expect(claims("a"), "it became due");
  PQclear(PQexec(schema_conn, "UPDATE iap_sweep SET leased_until = clock_timestamp(), due_at = clock_timestamp()")); /* it died */
  cr_expect(claims("b"));
  ends("b");
  cr_expect(!claims("a") && !claims("b"));
}

/* However soon it is looked for: what was made due a moment ago is due. */
Test(apple_store, what_is_due_is_due_at_once) {
  enum { TIMES = 300 };
  int64_t claimed = 0;
  cr_expect(claims("a"));
  ends("a");
  for (int i = 0; i < TIMES; i++) {
    PQclear(PQexec(schema_conn, "SELECT iap_sweep_hasten('apple')"));
    bool ours = claims("a");
    claimed += ours;
    if (ours) ends("a");
  }
  cr_expect_eq(claimed, TIMES);
  struct said s = statement("7", "7", begin_ms, begin_ms);
  s.bare = true;
  (void)apply(&s, "u-1");
  PQclear(
      PQexec(schema_conn,
             "INSERT INTO outbox (store, environment, token, action, deadline_at) VALUES ('apple', 'production', '7', 'consume', now())"));
  claimed = 0;
  for (int i = 0; i < TIMES; i++) {
    PQclear(PQexec(schema_conn, "UPDATE outbox SET leased_until = clock_timestamp(), due_at = clock_timestamp()"));
    claimed += schema_number("SELECT count(*) FROM outbox_claim('apple', $1, '1 h', 1)", "a");
  }
  cr_expect_eq(claimed, TIMES);
}

/* The role that serves calls what it needs, and can change nothing past it. */
Test(apple_store, the_serving_role) {
  struct said s = statement("7", "7", begin_ms, begin_ms);
  s.bare = true;
  PQclear(PQexec(schema_conn, "SET ROLE supernova_app"));
  cr_expect_eq(apply(&s, "u-1"), PURCHASE_DONE);
  s = statement("7", "7", begin_ms, begin_ms + 1);
  s.seen.state = PURCHASE_REFUNDED;
  cr_expect_eq(apply(&s, NULL), PURCHASE_DONE);
  s = statement("7", "7", begin_ms, begin_ms + 2);
  s.reversed = true;
  cr_expect_eq(apply(&s, NULL), PURCHASE_DONE);
  cr_expect_eq(schema_number("SELECT coins FROM ent_balance WHERE profile = $1", "u-1"), 500);
  static const struct schema_right rights[] = {
      {"SELECT * FROM apple_account, apple_early", true},
      {"SELECT payload, received_at::text FROM webhook_event WHERE source = 'apple' AND payload IS NOT NULL", true},
      {"SELECT apple_reverse(p) FROM iap_purchase p", false},
      {"INSERT INTO apple_account VALUES ('a', 'b')", false},
      {"DELETE FROM apple_early", false},
  };
  schema_expect_rights(rights, ELEMENTS(rights));
}
