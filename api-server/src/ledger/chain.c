#include "ledger/chain.h"

#include "base/number.h"
#include "store/entitlements.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int blame(struct chain_fault *fault, const char *what, const char *expected, const char *found) {
  fault->what = what;
  (void)snprintf(fault->expected, sizeof fault->expected, "%.*s", CHAIN_SHOWN_MAX, expected ? expected : "null");
  (void)snprintf(fault->found, sizeof fault->found, "%.*s", CHAIN_SHOWN_MAX, found ? found : "null");
  return -1;
}

static bool same(const char *a, const char *b) { return a && b ? !strcmp(a, b) : a == b; }

static int expect_text(struct chain_fault *fault, const char *what, const char *expected, const char *found) {
  return same(expected, found) ? 0 : blame(fault, what, expected, found);
}

static int expect_number(struct chain_fault *fault, const char *what, int64_t expected, const char *found) {
  char text[24];
  (void)snprintf(text, sizeof text, "%" PRId64, expected);
  return expect_text(fault, what, text, found);
}

void chain_start(struct chain *chain) {
  *chain = (struct chain){0};
  memset(chain->head, '0', SHA256_HEX_SIZE - 1);
}

/* What a credit has yet to pay. */
static int64_t owed(const struct chain *chain) { return chain->coins < chain->debt ? chain->coins : chain->debt; }

/* ---- what a kind does ---- */

/* The kinds that move coins, by their names. Once they have run, coins and debt are what they should be, within bounds or not. */
static void credit(struct chain *chain, int64_t amount) { chain->coins += amount; }

static void take(struct chain *chain, int64_t amount) { chain->coins -= amount; }

static void settle(struct chain *chain, int64_t amount) {
  chain->coins -= amount;
  chain->debt -= amount;
}

static void refund(struct chain *chain, int64_t amount) {
  int64_t taken = amount < chain->coins ? amount : chain->coins;
  chain->coins -= taken;
  chain->debt += amount - taken;
}

static const struct kind {
  const char *name;
  void (*move)(struct chain *chain, int64_t amount);
} kinds[] = {{"coins", credit}, {"settle", settle}, {"revoke", take}, {"refund", refund}, {"subscription", NULL}};

static const struct kind *kind_of(const char *name) {
  for (size_t i = 0; name && i < ELEMENTS(kinds); i++)
    if (!strcmp(kinds[i].name, name)) return &kinds[i];
  return NULL;
}

static int move_coins(struct chain *chain, const struct kind *kind, const struct ledger_row *row, struct chain_fault *fault) {
  int64_t amount, to_settle = owed(chain);
  bool settles = kind->move == settle;
  if (parse_int64(row->values[LEDGER_AMOUNT], 1, COINS_MAX, &amount) < 0)
    return blame(fault, "amount", "1 to 9007199254740991", row->values[LEDGER_AMOUNT]);
  if (settles && expect_number(fault, "amount", to_settle, row->values[LEDGER_AMOUNT]) < 0) return -1;
  kind->move(chain, amount);
  if (chain->coins < 0 || chain->coins > COINS_MAX) return blame(fault, "coins", "0 to 9007199254740991", row->values[LEDGER_COINS]);
  if (chain->debt < 0 || chain->debt > COINS_MAX) return blame(fault, "debt", "0 to 9007199254740991", row->values[LEDGER_DEBT]);
  return 0;
}

static void subscribe(struct chain_subscription *to, const struct ledger_row *row) {
  const char *end = row->values[LEDGER_EXPIRES_AT], *source = row->values[LEDGER_SOURCE];
  *to = (struct chain_subscription){.is_there = true, .has_end = end, .has_source = source};
  (void)snprintf(to->plan, sizeof to->plan, "%s", row->values[LEDGER_PLAN]);
  (void)snprintf(to->expires_at, sizeof to->expires_at, "%s", end ? end : "");
  (void)snprintf(to->source, sizeof to->source, "%s", source ? source : "");
}

/* Times of one form are in the order of their texts. */
static bool is_active(const struct chain_subscription *subscription, const char *plan, const char *at) {
  if (!subscription->is_there || strcmp(subscription->plan, plan) != 0) return false;
  return !subscription->has_end || strcmp(subscription->expires_at, at) > 0;
}

static int change_plan(struct chain *chain, const struct ledger_row *row, struct chain_fault *fault) {
  struct chain_subscription *held = &chain->subscription;
  const char *kind = row->values[LEDGER_KIND], *plan = row->values[LEDGER_PLAN], *at = row->values[LEDGER_AT];
  if (!strcmp(kind, "subscription")) {
    subscribe(held, row);
  } else if (is_active(held, plan, at)) {
    held->has_end = true;
    (void)snprintf(held->expires_at, sizeof held->expires_at, "%s", at);
  } else if (!strcmp(kind, "revoke")) {
    return blame(fault, "plan", held->is_there ? held->plan : NULL, plan);
  }
  return 0;
}

/* ---- rows ---- */

static int apply(struct chain *chain, const struct ledger_row *row, struct chain_fault *fault) {
  const struct kind *kind = kind_of(row->values[LEDGER_KIND]);
  bool has_plan = row->values[LEDGER_PLAN], plan_only = kind && !kind->move;
  if (!kind) return blame(fault, "kind", "coins, settle, revoke, refund or subscription", row->values[LEDGER_KIND]);
  if (owed(chain) && kind->move != settle) return blame(fault, "settle", "settle", kind->name);
  if ((plan_only && !has_plan) || (has_plan && (kind->move == credit || kind->move == settle)))
    return blame(fault, "plan", has_plan ? NULL : "a plan", row->values[LEDGER_PLAN]);
  return has_plan ? change_plan(chain, row, fault) : move_coins(chain, kind, row, fault);
}

int chain_row(struct chain *chain, const struct ledger_row *row, struct buffer *scratch, struct chain_fault *fault) {
  const char *const *values = row->values;
  char head[SHA256_HEX_SIZE];
  if (expect_number(fault, "seq", chain->seq + 1, values[LEDGER_SEQ]) < 0) return -1;
  if (expect_text(fault, "prev", chain->head, values[LEDGER_PREV]) < 0) return -1;
  if (ledger_row_head(row, chain->head, scratch, head) < 0) return blame(fault, "memory", NULL, NULL);
  if (expect_text(fault, "head", head, values[LEDGER_HEAD]) < 0 || apply(chain, row, fault) < 0) return -1;
  if (expect_number(fault, "coins", chain->coins, values[LEDGER_COINS]) < 0) return -1;
  if (expect_number(fault, "debt", chain->debt, values[LEDGER_DEBT]) < 0) return -1;
  memcpy(chain->head, head, sizeof chain->head);
  chain->seq++;
  return 0;
}

/* ---- the end ---- */

static int check_balance(const struct chain *chain, const struct chain_held *held, struct chain_fault *fault) {
  if (!held->seq && !chain->seq) return 0;
  if (expect_number(fault, "balance.seq", chain->seq, held->seq) < 0) return -1;
  if (expect_text(fault, "balance.head", chain->head, held->head) < 0) return -1;
  if (expect_number(fault, "balance.coins", chain->coins, held->coins) < 0) return -1;
  return expect_number(fault, "balance.debt", chain->debt, held->debt);
}

int chain_end(const struct chain *chain, const struct chain_held *held, struct chain_fault *fault) {
  const struct chain_subscription *s = &chain->subscription;
  if (owed(chain)) return blame(fault, "settle", "settle", NULL);
  if (check_balance(chain, held, fault) < 0) return -1;
  if (expect_text(fault, "subscription.plan", s->is_there ? s->plan : NULL, held->has_subscription ? held->plan : NULL) < 0) return -1;
  if (!s->is_there) return 0;
  if (expect_text(fault, "subscription.expiresAt", s->has_end ? s->expires_at : NULL, held->expires_at) < 0) return -1;
  return expect_text(fault, "subscription.source", s->has_source ? s->source : NULL, held->source);
}
