#include "store/ledger_page.h"

#include "codec/base64.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

Test(ledger_page, cursors_come_back) {
  static const int64_t seqs[] = {1, 50, INT64_C(9007199254740991), INT64_MAX};
  for (size_t i = 0; i < ELEMENTS(seqs); i++) {
    char cursor[LEDGER_CURSOR_SIZE];
    int64_t seq = 0;
    ledger_cursor_print(seqs[i], cursor);
    cr_expect_eq(strspn(cursor, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), strlen(cursor), "%s", cursor);
    cr_expect_eq(ledger_cursor_parse(cursor, &seq), 0, "%s", cursor);
    cr_expect_eq(seq, seqs[i]);
  }
}

Test(ledger_page, what_is_no_cursor_is_refused) {
  static const char *const plain[] = {
      "", "7", "ledger/", "ledger/0", "ledger/-1", "ledger/7 ", "ledger/07", "Ledger/7", "ledger/9223372036854775808"};
  for (size_t i = 0; i < ELEMENTS(plain); i++) {
    struct buffer cursor;
    int64_t seq = 42;
    buffer_init(&cursor, 256);
    base64url_encode(plain[i], strlen(plain[i]), &cursor);
    cr_expect_eq(ledger_cursor_parse(buffer_text(&cursor), &seq), -1, "%s", plain[i]);
    cr_expect_eq(seq, 42);
    buffer_done(&cursor);
  }
  int64_t seq;
  cr_expect_eq(ledger_cursor_parse("not base64!", &seq), -1);
}
