#include "stack/quantity.h"

#include "base/cleanup.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

bool quantity_parse(const char *text, double *ret) {
  static const struct {
    const char *suffix;
    double factor;
  } suffixes[] = {{"", 1},        {"n", 1e-9},   {"u", 1e-6}, {"m", 1e-3},  {"k", 1e3},      {"M", 1e6},           {"G", 1e9},
                  {"T", 1e12},    {"P", 1e15},   {"E", 1e18}, {"Ki", 1024}, {"Mi", 1048576}, {"Gi", 1073741824.0}, {"Ti", 1099511627776.0},
                  {"Pi", 0x1p50}, {"Ei", 0x1p60}};
  char *end;
  double number = strtod(text, &end);
  if (end == text) return false;
  for (size_t i = 0; i < ELEMENTS(suffixes); i++)
    if (!strcmp(end, suffixes[i].suffix)) return *ret = number * suffixes[i].factor, true;
  return false;
}
