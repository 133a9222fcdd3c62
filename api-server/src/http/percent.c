#include "http/percent.h"

#include "http/bytes.h"

#include <limits.h>
#include <string.h>

/* How many bytes the UTF-8 sequence at S takes (RFC 3629: no overlong forms, no surrogates), or 0. */
static size_t utf8_length(const unsigned char *s, size_t n) {
  static const struct {
    unsigned char first, last, second_min, second_max, len;
  } forms[] = {
      {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
      {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
      {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
  };
  for (size_t f = 0; f < ELEMENTS(forms); f++) {
    if (*s < forms[f].first || *s > forms[f].last) continue;
    if (forms[f].len > n) return 0;
    if (forms[f].len > 1 && (s[1] < forms[f].second_min || s[1] > forms[f].second_max)) return 0;
    for (size_t i = 2; i < forms[f].len; i++)
      if ((s[i] & 0xc0) != 0x80) return 0;
    return forms[f].len;
  }
  return 0;
}

static bool is_plain_text(const char *text, size_t n) {
  for (size_t i = 0, step; i < n; i += step) {
    if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) return false;
    step = utf8_length((const unsigned char *)text + i, n - i);
    if (!step) return false;
  }
  return true;
}

/* The byte at *I of RAW, decoded; *I moves behind it. -1: not an encoding. */
static int decode_byte(struct span raw, size_t *i) {
  char c = raw.at[*i];
  if (c != '%') return (*i)++, (unsigned char)c;
  if (raw.len - *i < 3) return -1;
  int high = byte_hex(raw.at[*i + 1]), low = byte_hex(raw.at[*i + 2]);
  *i += 3;
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static int decode(struct span raw, char *to, size_t size, bool form) {
  size_t n = 0;
  for (size_t i = 0; i < raw.len;) {
    bool plus = form && raw.at[i] == '+';
    int byte = decode_byte(raw, &i);
    if (byte < 0 || n + 1 >= size) return -1;
    to[n++] = plus ? ' ' : (char)byte;
  }
  if (n >= size || n > INT_MAX || !is_plain_text(to, n)) return -1;
  to[n] = 0;
  return (int)n;
}

int percent_segment(struct span raw, char *to, size_t size) {
  int n = decode(raw, to, size, false);
  if (n < 0 || strpbrk(to, "/\\") || !strcmp(to, ".") || !strcmp(to, "..")) return -1;
  return n;
}

int percent_query(struct span raw, char *to, size_t size) { return decode(raw, to, size, true); }
