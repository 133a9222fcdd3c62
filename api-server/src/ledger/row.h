/* A row of the ledger, and the head that follows from it (migrations/0001_ledger.sql defines the bytes and has an example). Pure: recomputes
 * in C what the database's own function computed.
 *
 *     struct ledger_row row = {.values = {[LEDGER_PROFILE] = "example", [LEDGER_SEQ] = "1", …}};
 *     if (ledger_row_head(&row, prev, &scratch, head) < 0) ...              // without memory
 */
#pragma once

#include "base/buffer.h"
#include "crypto/digest.h"

/* In the order in which they are hashed, between the format and its own head. */
enum ledger_field {
  LEDGER_PROFILE,
  LEDGER_SEQ,
  LEDGER_AT,
  LEDGER_KIND,
  LEDGER_AMOUNT,
  LEDGER_PLAN,
  LEDGER_EXPIRES_AT,
  LEDGER_REASON,
  LEDGER_SOURCE,
  LEDGER_ORIGIN,
  LEDGER_REF,
  LEDGER_ACTOR,
  LEDGER_BODY_SHA256,
  LEDGER_COINS,
  LEDGER_DEBT,
  LEDGER_ANSWER, /* hashed as its SHA-256 */
  LEDGER_PREV,   /* hashed second */
  LEDGER_HEAD,
  LEDGER_FIELDS
};

/* Each as the text that is hashed: numbers in decimal, times in RFC 3339, UTC, with milliseconds, digests in hex; NULL is SQL's null. Borrowed. */
struct ledger_row {
  const char *values[LEDGER_FIELDS];
};

/* The head of ROW, were it to follow PREV. SCRATCH is cleared first. -1 without memory. */
int ledger_row_head(const struct ledger_row *row, const char *prev, struct buffer *scratch, char to[SHA256_HEX_SIZE]) _must_check_;
