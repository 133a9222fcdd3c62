/* The whole ledger, proved: each chain, balance and subscription, and each signed head, as of one moment (REPEATABLE READ, read-only), in
 * memory that doesn't grow with the ledger (a few hundred bytes a signature alone).
 *
 *     struct audit audit = {.keys = keys};
 *     if (audit_run(&audit, &job, &error) < 0) ...                  // the database is away, or the schema another one: nothing is proved
 *     if (audit.broken_profiles || audit.broken_heads) puts(audit.first.what);
 *
 * The database is believed in nothing but its rows: what follows from them is computed here. A row whose chain, balance or subscription does not
 * follow ends the replay of its profile; the others go on. What was signed and isn't in the ledger any more, and rows of no profile, are found too. Not
 * found is what was never signed and is gone without a trace: the log of signatures, kept elsewhere, says which was the last.
 */
#pragma once

#include "crypto/jwks.h"
#include "ledger/chain.h"
#include "store/job.h"

enum { AUDIT_NAME_SIZE = 1025 };

/* Where something was first found broken: of a profile (then `seq`, 0: of what it has now, no row), or of a signature (then `heads`). */
struct audit_break {
  char profile[AUDIT_NAME_SIZE];
  int64_t seq, heads;
  struct chain_fault fault; /* `what` is NULL: nothing is broken */
};

struct audit {
  const struct jwks *keys;                                  /* NULL: no signature can be checked */
  const char *profile;                                      /* of one alone, and no signed heads; NULL: all */
  void (*progress)(void *owner, const struct audit *audit); /* every few thousand rows; may be NULL */
  void *owner;

  /* what came of it */
  int64_t profiles, rows, broken_profiles;
  int64_t heads, heads_unsigned, heads_unknown_key, broken_heads;
  char newest_hour[CHAIN_TIME_SIZE]; /* for which heads are whole and signed; "" */
  struct audit_break first;
};

/* -1: it couldn't be done; ERROR_RETRY where the database is away. */
int audit_run(struct audit *audit, struct job *job, struct error *error) _must_check_;
