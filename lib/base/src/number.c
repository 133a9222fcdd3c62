#include "base/number.h"

#include <stdlib.h>
#include <string.h>

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

int parse_int64_n(const char *text, size_t n, int64_t min, int64_t max, int64_t *ret) {
  if (!text) return -1;
  bool negative = n && *text == '-';
  size_t i = negative;
  if (i == n || (text[i] == '0' && (n > i + 1 || negative))) return -1;
  int64_t value = 0;
  for (; i < n; i++) {
    if (!is_digit(text[i])) return -1;
    int digit = negative ? '0' - text[i] : text[i] - '0'; /* the negative side reaches one further */
    if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value)) return -1;
  }
  if (value < min || value > max) return -1;
  *ret = value;
  return 0;
}

int parse_int64(const char *text, int64_t min, int64_t max, int64_t *ret) {
  return text ? parse_int64_n(text, strlen(text), min, max, ret) : -1;
}

static size_t count_digits(const char *text) { return strspn(text, "0123456789"); }

int parse_decimal(const char *text, double min, double max, double *ret) {
  if (!text || strlen(text) > 32) return -1;
  const char *p = text + (*text == '-');
  size_t whole = count_digits(p);
  if (!whole || (whole > 1 && *p == '0')) return -1;
  p += whole;
  if (*p == '.') {
    size_t fraction = count_digits(++p);
    if (!fraction) return -1;
    p += fraction;
  }
  double value = strtod(text, NULL);
  if (*p || value < min || value > max) return -1;
  *ret = value;
  return 0;
}

int parse_bool(const char *text, bool *ret) {
  if (!text) return -1;
  if (!strcmp(text, "true")) return *ret = true, 0;
  if (!strcmp(text, "false")) return *ret = false, 0;
  return -1;
}
