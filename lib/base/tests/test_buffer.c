#include "base/buffer.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(buffer, grows_and_always_ends_with_nul) {
  _cleanup_buffer_ struct buffer b = {0};
  buffer_init(&b, 100000);
  cr_expect_str_eq(buffer_text(&b), "");
  for (int i = 0; i < 10000; i++) buffer_printf(&b, "%d", i % 10);
  cr_expect_eq(b.len, 10000);
  cr_expect_eq(strlen(b.data), 10000);
  cr_expect_not(b.failed);
}

Test(buffer, failure_is_sticky_and_keeps_what_was_there) {
  _cleanup_buffer_ struct buffer b = {0};
  buffer_init(&b, 5);
  buffer_puts(&b, "abc");
  buffer_puts(&b, "def");
  cr_expect(b.failed);
  buffer_puts(&b, "d");
  buffer_printf(&b, "%s", "e");
  cr_expect_str_eq(buffer_text(&b), "abc");
  cr_expect_null(buffer_take(&b));
  buffer_clear(&b);
  buffer_puts(&b, "fghij");
  cr_expect_str_eq(buffer_text(&b), "fghij");
  cr_expect_not(b.failed);
}

Test(buffer, the_bound_is_exact) {
  for (size_t max = 0; max < 300; max++) {
    struct buffer b;
    buffer_init(&b, max);
    for (size_t i = 0; i < max; i++) buffer_append(&b, "x", 1);
    cr_expect_not(b.failed, "%zu", max);
    buffer_append(&b, "x", 1);
    cr_expect(b.failed, "%zu", max);
    cr_expect_eq(b.len, max);
    buffer_done(&b);
  }
}

Test(buffer, no_bound_is_a_bound_too) {
  struct buffer b;
  buffer_init(&b, SIZE_MAX);
  buffer_puts(&b, "text");
  cr_expect_str_eq(buffer_text(&b), "text");
  cr_expect_null(buffer_reserve(&b, SIZE_MAX));
  cr_expect(b.failed);
  buffer_done(&b);
}

Test(buffer, json_strings) {
  static const struct {
    const char *text;
    size_t n;
    const char *expected;
  } table[] = {
      {"", 0, "\"\""},
      {"plain", 5, "\"plain\""},
      {"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
      {"\n\r\t\x01\x1f", 5, "\"\\n\\r\\t\\u0001\\u001f\""},
      {"a\0b", 3, "\"a\\u0000b\""},
      {"\x7f", 1, "\"\x7f\""},
      {"é€😀", 9, "\"é€😀\""},
      {"\xff", 1, "\"\xEF\xBF\xBD\""},
      {"\xc3", 1, "\"\xEF\xBF\xBD\""},
      {"\xc0\xaf", 2, "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
      {"\xed\xa0\x80", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
      {"\xe0\x9f\xbf!", 4, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD!\""},
      {"\xf4\x8f\xbf\xbf", 4, "\"\xf4\x8f\xbf\xbf\""},
      {"\xf4\x90\x80\x80", 4, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
      {"\xf0\x8f\xbf\xbf", 4, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
  };
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    struct buffer b;
    buffer_init(&b, 100);
    buffer_json_string(&b, table[i].text, table[i].n);
    cr_expect_str_eq(buffer_text(&b), table[i].expected, "row %zu: %s", i, buffer_text(&b));
    buffer_done(&b);
  }
}

Test(buffer, percent_leaves_what_means_nothing_in_an_address) {
  static const struct {
    const char *text, *written;
  } table[] = {{"", ""},
               {"AZaz09-._~", "AZaz09-._~"},
               {"a/../b?c=d&e#f", "a%2F..%2Fb%3Fc%3Dd%26e%23f"},
               {" %+\x7f\n", "%20%25%2B%7F%0A"},
               {"\xc3\xa9", "%C3%A9"}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    _cleanup_buffer_ struct buffer b = {0};
    buffer_init(&b, 100);
    buffer_percent(&b, table[i].text);
    cr_expect_str_eq(buffer_text(&b), table[i].written);
  }
}

Test(buffer, consume_moves_the_rest_to_the_front) {
  _cleanup_buffer_ struct buffer b = {0};
  buffer_init(&b, 100);
  buffer_consume(&b, 3);
  buffer_puts(&b, "abcdef");
  buffer_consume(&b, 2);
  cr_expect_str_eq(buffer_text(&b), "cdef");
  buffer_consume(&b, 100);
  cr_expect_str_eq(buffer_text(&b), "");
}

Test(buffer, reserve_and_grew_write_in_place) {
  _cleanup_buffer_ struct buffer b = {0};
  buffer_init(&b, 10);
  memcpy(buffer_reserve(&b, 4), "word", 4);
  cr_expect_eq(b.len, 0);
  buffer_grew(&b, 4);
  cr_expect_str_eq(buffer_text(&b), "word");
  cr_expect_null(buffer_reserve(&b, 7));
}

Test(buffer, take_hands_the_bytes_over) {
  struct buffer b;
  buffer_init(&b, 10);
  _cleanup_free_ char *empty = buffer_take(&b);
  cr_expect_str_eq(empty, "");
  buffer_puts(&b, "text");
  _cleanup_free_ char *text = buffer_take(&b);
  cr_expect_str_eq(text, "text");
  cr_expect_str_eq(buffer_text(&b), "");
  buffer_puts(&b, "next");
  cr_expect_str_eq(buffer_text(&b), "next");
  buffer_done(&b);
  buffer_done(&b);
}

Test(buffer, a_secret_one_overwrites_what_it_gives_up) {
  _cleanup_buffer_ struct buffer b = {0};
  buffer_init_secret(&b, 1000);
  buffer_puts(&b, "secret key");
  buffer_consume(&b, 4);
  cr_expect_str_eq(buffer_text(&b), "et key");
  for (size_t i = b.len; i < 10; i++) cr_expect_eq(b.data[i], 0);
  for (int i = 0; i < 200; i++) buffer_puts(&b, "key");
  cr_expect_eq(b.len, 606);
  cr_expect(!strncmp(b.data, "et keykey", 9));
  buffer_clear(&b);
  for (size_t i = 0; i < 606; i++) cr_expect_eq(b.data[i], 0);
}

Test(buffer, done_secret_frees) {
  struct buffer b;
  buffer_init(&b, 100);
  buffer_done_secret(&b);
  buffer_puts(&b, "secret");
  buffer_done_secret(&b);
  cr_expect_null(b.data);
  cr_expect_eq(b.len, 0);
}
