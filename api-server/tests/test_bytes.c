/* The classes of bytes, against the characters that the RFCs list. */
#include "http/bytes.h"

#include <criterion/criterion.h>
#include <string.h>

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define PCHARS  DIGITS LETTERS "-._~!$&'()*+,;=:@" /* RFC 3986, 3.3 */

static const struct {
  unsigned class;
  const char *members;
} listed[] = {
    {BYTE_TOKEN, DIGITS LETTERS "!#$%&'*+-.^_`|~"}, /* RFC 9110, 5.6.2 */
    {BYTE_PATH, PCHARS "/"},
    {BYTE_QUERY, PCHARS "/?"},
    {BYTE_NAME, DIGITS LETTERS "-._"},
    {BYTE_BASE64, DIGITS LETTERS "+/"}, /* RFC 4648, 4 */
    {BYTE_HEX, DIGITS "abcdefABCDEF"},
    {BYTE_DIGIT, DIGITS},
    {BYTE_LETTER, LETTERS},
    {BYTE_CR, "\r"},
    {BYTE_LF, "\n"},
    {BYTE_COLON, ":"},
    {BYTE_SEMICOLON, ";"},
    {BYTE_EQUALS, "="},
    {BYTE_QUOTE, "\""},
    {BYTE_BACKSLASH, "\\"},
};

Test(bytes, each_class_holds_what_its_rfc_lists_and_nothing_else) {
  for (size_t i = 0; i < sizeof listed / sizeof *listed; i++)
    for (int c = 0; c < 256; c++)
      cr_expect_eq(byte_is((char)c, listed[i].class), c && strchr(listed[i].members, c), "class %#x, byte %#x", listed[i].class,
                   (unsigned)c);
}

/* RFC 9110, 5.5: HTAB, SP, VCHAR and obs-text. */
Test(bytes, a_field_s_value_holds_no_control_but_the_tab) {
  for (int c = 0; c < 256; c++) cr_expect_eq(byte_is((char)c, BYTE_TEXT), c == '\t' || (c >= ' ' && c != 0x7f), "byte %#x", (unsigned)c);
}

static bool are(const char *text, unsigned classes) { return bytes_are((struct span){.at = text, .len = strlen(text)}, classes); }

Test(bytes, a_text_is_of_a_class_when_it_has_bytes_and_all_are) {
  cr_expect(are("a-name.1", BYTE_NAME));
  cr_expect(are("12ab", BYTE_DIGIT | BYTE_LETTER), "any of several classes");
  cr_expect_not(are("", BYTE_NAME), "nothing is of no class");
  cr_expect_not(are("a name", BYTE_NAME));
  cr_expect_not(are("name ", BYTE_NAME), "the last byte counts");
  cr_expect_not(bytes_are((struct span){.at = "a\0b", .len = 3}, BYTE_NAME), "a zero is a byte");
}

Test(bytes, a_hexadecimal_digit_has_a_value) {
  static const char digits[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
  for (int c = 0; c < 256; c++) {
    const char *at = c ? strchr(digits, c) : NULL, *at_upper = c ? strchr(upper, c) : NULL;
    cr_expect_eq(byte_hex((char)c), at ? at - digits : at_upper ? at_upper - upper : -1, "byte %#x", (unsigned)c);
  }
}
