#include "base/hex.h"

void hex_print(const void *bytes, size_t n, char *to) {
  static const char digits[] = "0123456789abcdef";
  const unsigned char *from = bytes;
  for (size_t i = 0; i < n; i++) {
    to[2 * i] = digits[from[i] >> 4];
    to[2 * i + 1] = digits[from[i] & 15];
  }
  to[2 * n] = 0;
}
