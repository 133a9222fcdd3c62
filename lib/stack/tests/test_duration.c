#include "stack/duration.h"

#include <criterion/criterion.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

Test(duration, whole_seconds_in_falling_units) {
  static const struct {
    const char *text;
    int64_t ms; /* -1: refused */
  } rows[] = {
      {"2160h", 2160LL * HOUR},
      {"10m", 10 * MINUTE},
      {"45s", 45 * SECOND},
      {"1h30m", 90 * MINUTE},
      {"1h5s", HOUR + 5 * SECOND},
      {"90m", 90 * MINUTE},
      {"0h", 0},
      {"0s", 0},
      {"87840h", 87840LL * HOUR},
      {"", -1},
      {"h", -1},
      {"10", -1},
      {"10d", -1},
      {"-1h", -1},
      {"1.5h", -1},
      {"1m1h", -1},
      {"1h1h", -1},
      {" 1h", -1},
      {"1h ", -1},
      {"500ms", -1},
      {"87841h", -1},
      {"87840h1s", -1},
      {"99999999999999999999h", -1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int64_t ms = -1;
    cr_assert_eq(duration_parse(rows[i].text, &ms), rows[i].ms >= 0, "%s", rows[i].text);
    cr_assert_eq(ms, rows[i].ms, "%s", rows[i].text);
  }
}
