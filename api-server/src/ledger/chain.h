/* Replays the ledger of one profile, row by row, and says what doesn't follow: from the row before, or what the profile is said to have at the
 * end. What each kind of row does stands in migrations/0003_debt.sql. Pure: no database.
 *
 *     struct chain chain;
 *     struct chain_fault fault;
 *     chain_start(&chain);
 *     if (chain_row(&chain, &row, &scratch, &fault) < 0) ...       // fault.what "head", fault.expected "ae6d…", fault.found "0bad…"
 *     if (chain_end(&chain, &held, &fault) < 0) ...                // fault.what "balance.coins", …
 */
#pragma once

#include "ledger/row.h"

#include <stdint.h>

enum { CHAIN_TEXT_SIZE = 1025, CHAIN_TIME_SIZE = 40, CHAIN_SHOWN_MAX = 159 };

/* A subscription as the rows so far have left it. */
struct chain_subscription {
  bool is_there, has_end, has_source;
  char plan[CHAIN_TEXT_SIZE], expires_at[CHAIN_TIME_SIZE], source[CHAIN_TEXT_SIZE];
};

struct chain {
  char head[SHA256_HEX_SIZE];
  int64_t seq, coins, debt;
  struct chain_subscription subscription;
};

/* `what` names a column ("head", "coins", …), "settle" where coins and debt stand side by side, "memory" where that was missing. */
struct chain_fault {
  const char *what;
  char expected[CHAIN_SHOWN_MAX + 1], found[CHAIN_SHOWN_MAX + 1]; /* cut where longer */
};

/* What the tables say that the profile has now, as texts; NULL is SQL's null. */
struct chain_held {
  const char *coins, *debt, *seq, *head; /* all NULL: no balance */
  bool has_subscription;
  const char *plan, *expires_at, *source;
};

void chain_start(struct chain *chain);

/* -1: the row doesn't follow, and FAULT says why; nothing behind it makes sense then. */
int chain_row(struct chain *chain, const struct ledger_row *row, struct buffer *scratch, struct chain_fault *fault) _must_check_;
int chain_end(const struct chain *chain, const struct chain_held *held, struct chain_fault *fault) _must_check_;
