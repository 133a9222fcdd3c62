/* The hashed bytes, as migrations/0001_ledger.sql writes them down. */
#include "ledger/row.h"

#include <criterion/criterion.h>
#include <string.h>

static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";

static const struct ledger_row example = {
    .values = {[LEDGER_PROFILE] = "example",
               [LEDGER_SEQ] = "1",
               [LEDGER_AT] = "2026-01-02T03:04:05.678Z",
               [LEDGER_KIND] = "coins",
               [LEDGER_AMOUNT] = "500",
               [LEDGER_REASON] = "welcome",
               [LEDGER_SOURCE] = "admin",
               [LEDGER_ORIGIN] = "admin",
               [LEDGER_REF] = "order-1",
               [LEDGER_ACTOR] = "alice/\xc3\xa9",
               [LEDGER_BODY_SHA256] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
               [LEDGER_COINS] = "500",
               [LEDGER_DEBT] = "0",
               [LEDGER_ANSWER] = "{}"}};

static const char *head_of(const struct ledger_row *row, const char *prev) {
  static char head[SHA256_HEX_SIZE];
  struct buffer scratch;
  buffer_init(&scratch, 65536);
  cr_assert_eq(ledger_row_head(row, prev, &scratch, head), 0);
  buffer_done(&scratch);
  return head;
}

Test(row, the_written_example) {
  cr_expect_str_eq(head_of(&example, zeros), "ae6d0dd55595a153518f694448b82368b406f0cebe265a50ce05009a94e8066b");
}

Test(row, every_field_counts_and_null_is_no_text) {
  char before[SHA256_HEX_SIZE];
  strcpy(before, head_of(&example, zeros));
  cr_expect_str_neq(head_of(&example, before), before);
  for (int field = 0; field < LEDGER_PREV; field++) {
    struct ledger_row changed = example;
    changed.values[field] = example.values[field] ? NULL : "";
    if (field != LEDGER_ANSWER) cr_expect_str_neq(head_of(&changed, zeros), before, "field %d", field);
    changed.values[field] = "-";
    cr_expect_str_neq(head_of(&changed, zeros), before, "field %d", field);
  }
}

Test(row, what_moves_from_one_field_to_the_next_counts) {
  struct ledger_row a = example, b = example;
  a.values[LEDGER_REASON] = "x\n1:y", a.values[LEDGER_SOURCE] = "z";
  b.values[LEDGER_REASON] = "x", b.values[LEDGER_SOURCE] = "y\n1:z";
  char head[SHA256_HEX_SIZE];
  strcpy(head, head_of(&a, zeros));
  cr_expect_str_neq(head_of(&b, zeros), head);
}

Test(row, what_does_not_fit_is_a_failure) {
  struct buffer scratch;
  char head[SHA256_HEX_SIZE];
  buffer_init(&scratch, 16);
  cr_expect_eq(ledger_row_head(&example, zeros, &scratch, head), -1);
  buffer_done(&scratch);
}
