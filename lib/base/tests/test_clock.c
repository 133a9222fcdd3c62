#include "base/clock.h"

#include <criterion/criterion.h>
#include <stdbool.h>

Test(clock, formats_and_reads_back) {
  static const struct {
    int64_t real_ms;
    const char *text;
  } table[] = {{0, "1970-01-01T00:00:00Z"},
               {1764248280000, "2025-11-27T12:58:00Z"},
               {951782400000, "2000-02-29T00:00:00Z"},
               {-1000, "1969-12-31T23:59:59Z"},
               {253402300799000, "9999-12-31T23:59:59Z"}};
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    char text[RFC3339_SIZE];
    int64_t back = -7;
    format_rfc3339(table[i].real_ms, text);
    cr_expect_str_eq(text, table[i].text);
    cr_expect_eq(parse_rfc3339(text, &back), 0, "%s", text);
    cr_expect_eq(back, table[i].real_ms, "%s", text);
  }
}

Test(clock, formats_micro_times) {
  char text[RFC3339_SIZE];
  format_rfc3339_micro(1764248280000007, text);
  cr_expect_str_eq(text, "2025-11-27T12:58:00.000007Z");
  format_rfc3339_micro(-1, text);
  cr_expect_str_eq(text, "1969-12-31T23:59:59.999999Z");
  format_rfc3339(-1, text);
  cr_expect_str_eq(text, "1969-12-31T23:59:59Z");
}

Test(clock, reads_rfc_3339) {
  static const struct {
    const char *text;
    bool taken;
    int64_t real_ms;
  } table[] = {
      /* the examples of RFC 3339, 5.8 */
      {"1985-04-12T23:20:50.52Z", true, 482196050520},
      {"1996-12-19T16:39:57-08:00", true, 851042397000},
      {"1990-12-31T23:59:60Z", true, 662688000000},
      {"1937-01-01T12:00:27.87+00:20", true, -1041337172130},
      {"2025-11-27t12:58:00z", true, 1764248280000},
      {"2025-11-27T12:58:00.1234567Z", true, 1764248280123},
      {"2024-02-29T00:00:00Z", true, 1709164800000},
      {"2025-02-29T00:00:00Z", false, 0},
      {"2025-02-29T00:00:01Z", false, 0},
      {"1900-02-29T00:00:00Z", false, 0},
      {"2025-04-31T10:00:00Z", false, 0},
      {"2025-13-01T00:00:00Z", false, 0},
      {"2025-00-01T00:00:00Z", false, 0},
      {"2025-01-00T00:00:00Z", false, 0},
      {"2025-01-01T24:00:00Z", false, 0},
      {"2025-01-01T00:60:00Z", false, 0},
      {"2025-01-01T00:00:61Z", false, 0},
      {"2025-01-01T00:00:00", false, 0},
      {"2025-01-01 00:00:00Z", false, 0},
      {"2025-01-01T00:00:00.Z", false, 0},
      {"2025-01-01T00:00:00+24:00", false, 0},
      {"2025-01-01T00:00:00+0100", false, 0},
      {"2025-01-01T00:00:00Zx", false, 0},
      {"2025-01-01", false, 0},
      {"", false, 0},
      {NULL, false, 0},
  };
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    int64_t real_ms = -7;
    int rc = parse_rfc3339(table[i].text, &real_ms);
    cr_expect_eq(rc, table[i].taken ? 0 : -1, "%s", table[i].text ? table[i].text : "NULL");
    cr_expect_eq(real_ms, table[i].taken ? table[i].real_ms : -7, "%s gives %lld", table[i].text ? table[i].text : "NULL",
                 (long long)real_ms);
  }
}

Test(clock, clocks_go_forward) {
  int64_t monotonic = clock_monotonic_ns(), boottime = clock_boottime_ms(), real = clock_real_ms();
  cr_expect_geq(clock_monotonic_ns(), monotonic);
  cr_expect_geq(clock_monotonic_ms(), monotonic / 1000000);
  cr_expect_geq(clock_boottime_ms(), boottime);
  cr_expect_gt(real, 1700000000000);
}
