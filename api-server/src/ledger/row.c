#include "ledger/row.h"

#include <string.h>

static void put(struct buffer *to, const char *value) {
  if (!value) {
    buffer_puts(to, "-\n");
    return;
  }
  buffer_printf(to, "%zu:", strlen(value));
  buffer_puts(to, value);
  buffer_puts(to, "\n");
}

int ledger_row_head(const struct ledger_row *row, const char *prev, struct buffer *scratch, char to[SHA256_HEX_SIZE]) {
  const char *answer = row->values[LEDGER_ANSWER] ? row->values[LEDGER_ANSWER] : "";
  char answer_sha256[SHA256_HEX_SIZE];
  if (sha256_hex(answer, strlen(answer), answer_sha256) < 0) return -1;
  buffer_clear(scratch);
  put(scratch, "supernova-ledger/1");
  put(scratch, prev);
  for (int field = 0; field < LEDGER_ANSWER; field++) put(scratch, row->values[field]);
  put(scratch, answer_sha256);
  return scratch->failed ? -1 : sha256_hex(scratch->data, scratch->len, to);
}
