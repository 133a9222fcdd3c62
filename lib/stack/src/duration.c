#include "stack/duration.h"

#include "base/number.h"

#include <string.h>

enum { HOURS_MAX = 10 * 366 * 24 };

bool duration_parse(const char *text, int64_t *ret_ms) {
  static const struct {
    char unit;
    int64_t ms;
  } units[] = {{'h', 3600 * 1000}, {'m', 60 * 1000}, {'s', 1000}};
  const char *at = text;
  int64_t sum_ms = 0, longest_ms = HOURS_MAX * units[0].ms;
  for (size_t i = 0; i < ELEMENTS(units); i++) {
    size_t n = strspn(at, "0123456789");
    int64_t count;
    if (at[n] != units[i].unit) continue;
    if (parse_int64_n(at, n, 0, longest_ms / units[i].ms, &count) < 0) return false;
    sum_ms += count * units[i].ms;
    at += n + 1;
  }
  if (at == text || *at || sum_ms > longest_ms) return false;
  *ret_ms = sum_ms;
  return true;
}
