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

int parse_decimal(const char *text, double min, double max, double *ret) {
  if (!text || strlen(text) > 32) return -1;
  size_t digits = 0, points = 0;
  for (const char *p = text + (*text == '-'); *p; p++) {
    if (*p == '.')
      points++;
    else if (is_digit(*p))
      digits++;
    else
      return -1;
  }
  if (!digits || points > 1) return -1;
  double value = strtod(text, NULL);
  if (value < min || value > max) return -1;
  *ret = value;
  return 0;
}

int parse_bool(const char *text, bool *ret) {
  if (!text) return -1;
  if (!strcmp(text, "true")) return *ret = true, 0;
  if (!strcmp(text, "false")) return *ret = false, 0;
  return -1;
}
