#include "codec/base64.h"

#include <string.h>

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(const unsigned char *bytes, size_t n, const char *alphabet, bool padded, struct buffer *to) {
  size_t rest = n % 3, length = n / 3 * 4 + (rest ? padded ? 4 : rest + 1 : 0);
  char *out = buffer_reserve(to, length);
  if (!out || !length) return;
  for (size_t i = 0; i + 2 < n; i += 3) {
    uint32_t group = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) *out++ = alphabet[group >> shift & 63];
  }
  if (rest) {
    uint32_t group = (uint32_t)bytes[n - rest] << 16 | (rest == 2 ? (uint32_t)bytes[n - 1] << 8 : 0);
    *out++ = alphabet[group >> 18];
    *out++ = alphabet[group >> 12 & 63];
    if (rest == 2) *out++ = alphabet[group >> 6 & 63];
    for (size_t i = rest; padded && i < 3; i++) *out++ = '=';
  }
  buffer_grew(to, length);
}

void base64_encode(const void *bytes, size_t n, struct buffer *to) { encode(bytes, n, standard, true, to); }
void base64url_encode(const void *bytes, size_t n, struct buffer *to) { encode(bytes, n, url_safe, false, to); }

static int value_of(char c, const char *alphabet) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == alphabet[62]) return 62;
  return c == alphabet[63] ? 63 : -1;
}

/* N characters without padding. */
static int decode_unpadded(const char *text, size_t n, const char *alphabet, struct buffer *to) {
  size_t rest = n % 4, length = n / 4 * 3 + (rest ? rest - 1 : 0);
  char *out = rest == 1 ? NULL : buffer_reserve(to, length);
  if (!out) return -1;
  uint32_t bits = 0;
  unsigned held = 0;
  int value = 0;
  for (size_t i = 0; i < n && (value = value_of(text[i], alphabet)) >= 0; i++) {
    bits = bits << 6 | (uint32_t)value;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    *out++ = (char)(bits >> held);
    bits &= (1u << held) - 1;
  }
  bool refused = value < 0 || bits;
  buffer_grew(to, refused ? 0 : length); /* puts the NUL back in either case */
  return refused ? -1 : 0;
}

int base64_decode(const char *text, size_t n, struct buffer *to) {
  if (n % 4) return -1;
  size_t padding = n && text[n - 1] == '=' ? text[n - 2] == '=' ? 2 : 1 : 0;
  return decode_unpadded(text, n - padding, standard, to);
}

int base64url_decode(const char *text, size_t n, struct buffer *to) { return decode_unpadded(text, n, url_safe, to); }
