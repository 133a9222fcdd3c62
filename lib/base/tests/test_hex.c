#include "base/hex.h"

#include <criterion/criterion.h>

Test(hex, prints) {
  static const unsigned char bytes[] = {0x00, 0x09, 0x0a, 0x7f, 0x80, 0xff};
  char text[2 * sizeof bytes + 1] = "x";
  hex_print(bytes, sizeof bytes, text);
  cr_expect_str_eq(text, "00090a7f80ff");
  hex_print(bytes, 0, text);
  cr_expect_str_eq(text, "");
}
