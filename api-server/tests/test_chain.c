/* What follows from the rows of one profile: tables of rows, each chained by the test as the database would. */
#include "ledger/chain.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 6 };

struct short_row {
  const char *kind, *amount, *plan, *expires_at, *coins, *debt;
};

static struct chain chain;
static struct chain_fault fault;
static struct buffer scratch;

/* Adds a row whose hashes are right. */
static int add(const struct short_row *short_row, const char *seq, const char *at) {
  char head[SHA256_HEX_SIZE];
  struct ledger_row row = {.values = {"u", seq, at, short_row->kind, short_row->amount, short_row->plan, short_row->expires_at, NULL,
                                      "shop", "admin", NULL, NULL, "00", short_row->coins, short_row->debt, "{}", chain.head, head}};
  cr_assert_eq(ledger_row_head(&row, chain.head, &scratch, head), 0);
  return chain_row(&chain, &row, &scratch, &fault);
}

static void setup(void) {
  buffer_init(&scratch, 65536);
  chain_start(&chain);
}

static void teardown(void) { buffer_done(&scratch); }

TestSuite(chain, .init = setup, .fini = teardown);

/* BROKEN: the row, from 1 on, that doesn't follow, and WHAT of it; 0: all do. */
Test(chain, what_each_kind_does) {
  static const struct {
    struct short_row rows[ROWS];
    int broken;
    const char *what;
  } cases[] = {
      {{{"coins", "5", NULL, NULL, "5", "0"}, {"revoke", "5", NULL, NULL, "0", "0"}}, 0, NULL},
      {{{"coins", "5", NULL, NULL, "6", "0"}}, 1, "coins"},
      {{{"coins", "5", NULL, NULL, "5", "1"}}, 1, "debt"},
      {{{"coins", "0", NULL, NULL, "0", "0"}}, 1, "amount"},
      {{{"coins", NULL, NULL, NULL, "0", "0"}}, 1, "amount"},
      {{{"coins", "5", "pro", NULL, "5", "0"}}, 1, "plan"},
      {{{"coins", "9007199254740991", NULL, NULL, "9007199254740991", "0"}, {"coins", "1", NULL, NULL, "9007199254740992", "0"}},
       2,
       "coins"},
      {{{"revoke", "5", NULL, NULL, "-5", "0"}}, 1, "coins"},
      {{{"gift", "5", NULL, NULL, "5", "0"}}, 1, "kind"},
      {{{NULL, "5", NULL, NULL, "5", "0"}}, 1, "kind"},
      {{{"coins", "5", NULL, NULL, "5", "0"}, {"refund", "3", NULL, NULL, "2", "0"}, {"refund", "3", NULL, NULL, "0", "1"}}, 0, NULL},
      {{{"refund", "7", NULL, NULL, "0", "7"}, {"coins", "5", NULL, NULL, "5", "7"}, {"settle", "5", NULL, NULL, "0", "2"}}, 0, NULL},
      {{{"refund", "7", NULL, NULL, "0", "7"}, {"coins", "9", NULL, NULL, "9", "7"}, {"settle", "7", NULL, NULL, "2", "0"}}, 0, NULL},
      {{{"refund", "7", NULL, NULL, "0", "7"}, {"coins", "9", NULL, NULL, "9", "7"}, {"settle", "6", NULL, NULL, "3", "1"}}, 3, "amount"},
      {{{"refund", "7", NULL, NULL, "0", "7"}, {"coins", "9", NULL, NULL, "9", "7"}, {"coins", "1", NULL, NULL, "10", "7"}}, 3, "settle"},
      {{{"coins", "5", NULL, NULL, "5", "0"}, {"settle", "5", NULL, NULL, "0", "0"}}, 2, "amount"},
      {{{"refund", "7", NULL, NULL, "-7", "0"}}, 1, "coins"},
      {{{"subscription", NULL, "pro", NULL, "0", "0"}, {"revoke", NULL, "pro", NULL, "0", "0"}, {"revoke", NULL, "pro", NULL, "0", "0"}},
       3,
       "plan"},
      {{{"subscription", NULL, "pro", "2026-01-01T00:00:00.000Z", "0", "0"}, {"revoke", NULL, "pro", NULL, "0", "0"}}, 2, "plan"},
      {{{"subscription", NULL, "pro", NULL, "0", "0"}, {"revoke", NULL, "gold", NULL, "0", "0"}}, 2, "plan"},
      {{{"refund", NULL, "pro", NULL, "0", "0"}, {"subscription", NULL, "pro", NULL, "0", "0"}, {"refund", NULL, "pro", NULL, "0", "0"}},
       0,
       NULL},
      {{{"subscription", "5", NULL, NULL, "0", "0"}}, 1, "plan"},
      {{{"subscription", NULL, "pro", NULL, "1", "0"}}, 1, "coins"},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    int broken = 0;
    chain_start(&chain);
    for (int row = 0; row < ROWS && cases[i].rows[row].coins && !broken; row++) {
      char seq[16];
      (void)snprintf(seq, sizeof seq, "%d", row + 1);
      if (add(&cases[i].rows[row], seq, "2026-06-01T00:00:00.000Z") < 0) broken = row + 1;
    }
    cr_expect_eq(broken, cases[i].broken, "case %zu: row %d, %s", i, broken, broken ? fault.what : "");
    if (broken && cases[i].what) cr_expect_str_eq(fault.what, cases[i].what, "case %zu: %s", i, fault.what);
  }
}

Test(chain, rows_are_chained) {
  static const struct short_row coins = {"coins", "5", NULL, NULL, "5", "0"};
  cr_expect_eq(add(&coins, "2", "2026-06-01T00:00:00.000Z"), -1);
  cr_expect_str_eq(fault.what, "seq");
  cr_expect(!strcmp(fault.expected, "1") && !strcmp(fault.found, "2"));
  struct ledger_row row = {
      .values = {"u", "1", "t", "coins", "5", NULL, NULL, NULL, NULL, "admin", NULL, NULL, "00", "5", "0", "{}", "ab", "cd"}};
  cr_expect_eq(chain_row(&chain, &row, &scratch, &fault), -1);
  cr_expect_str_eq(fault.what, "prev");
  row.values[LEDGER_PREV] = chain.head;
  cr_expect_eq(chain_row(&chain, &row, &scratch, &fault), -1);
  cr_expect_str_eq(fault.what, "head");
}

Test(chain, the_end_is_what_the_profile_has) {
  static const char end[] = "2030-01-01T00:00:00.000Z";
  static const struct {
    struct chain_held held;
    const char *what; /* NULL: right */
  } cases[] = {
      {{"5", "0", "2", "", true, "pro", end, "shop"}, NULL},
      {{"6", "0", "2", "", true, "pro", end, "shop"}, "balance.coins"},
      {{"5", "1", "2", "", true, "pro", end, "shop"}, "balance.debt"},
      {{"5", "0", "3", "", true, "pro", end, "shop"}, "balance.seq"},
      {{"5", "0", "2", "ab", true, "pro", end, "shop"}, "balance.head"},
      {{NULL, NULL, NULL, NULL, true, "pro", end, "shop"}, "balance.seq"},
      {{"5", "0", "2", "", false, NULL, NULL, NULL}, "subscription.plan"},
      {{"5", "0", "2", "", true, "gold", end, "shop"}, "subscription.plan"},
      {{"5", "0", "2", "", true, "pro", NULL, "shop"}, "subscription.expiresAt"},
      {{"5", "0", "2", "", true, "pro", end, NULL}, "subscription.source"},
  };
  cr_assert_eq(add(&(struct short_row){"coins", "5", NULL, NULL, "5", "0"}, "1", "2026-06-01T00:00:00.000Z"), 0);
  cr_assert_eq(add(&(struct short_row){"subscription", NULL, "pro", end, "5", "0"}, "2", "2026-06-01T00:00:00.000Z"), 0);
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct chain_held held = cases[i].held;
    if (held.head && !*held.head) held.head = chain.head;
    int rc = chain_end(&chain, &held, &fault);
    cr_expect_eq(rc, cases[i].what ? -1 : 0, "case %zu", i);
    if (rc < 0) cr_expect_str_eq(fault.what, cases[i].what, "case %zu: %s", i, fault.what);
  }
}

Test(chain, a_credit_must_have_been_settled_at_the_end) {
  struct chain_held held = {"5", "7", "2", chain.head, false, NULL, NULL, NULL};
  cr_assert_eq(add(&(struct short_row){"refund", "7", NULL, NULL, "0", "7"}, "1", "2026-06-01T00:00:00.000Z"), 0);
  cr_assert_eq(add(&(struct short_row){"coins", "5", NULL, NULL, "5", "7"}, "2", "2026-06-01T00:00:00.000Z"), 0);
  cr_expect_eq(chain_end(&chain, &held, &fault), -1);
  cr_expect_str_eq(fault.what, "settle");
}

Test(chain, a_profile_without_rows_has_nothing) {
  char zeros[SHA256_HEX_SIZE];
  strcpy(zeros, chain.head);
  cr_expect_eq(chain_end(&chain, &(struct chain_held){0}, &fault), 0);
  cr_expect_eq(chain_end(&chain, &(struct chain_held){"0", "0", "0", zeros, false, NULL, NULL, NULL}, &fault), 0);
  cr_expect_eq(chain_end(&chain, &(struct chain_held){"1", "0", "0", zeros, false, NULL, NULL, NULL}, &fault), -1);
  cr_expect_eq(chain_end(&chain, &(struct chain_held){.has_subscription = true, .plan = "pro"}, &fault), -1);
}
