#include "base/number.h"

#include <criterion/criterion.h>
#include <string.h>

Test(number, integers) {
  static const struct {
    const char *text;
    int64_t min, max;
    bool taken;
    int64_t value;
  } table[] = {
      {"0", 0, 9, true, 0},
      {"42", 0, 42, true, 42},
      {"43", 0, 42, false, 0},
      {"-1", 0, 42, false, 0},
      {"-7", -9, 0, true, -7},
      {"9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX},
      {"-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN},
      {"9223372036854775808", INT64_MIN, INT64_MAX, false, 0},
      {"-9223372036854775809", INT64_MIN, INT64_MAX, false, 0},
      {"99999999999999999999999", INT64_MIN, INT64_MAX, false, 0},
      {"", 0, 9, false, 0},
      {"-", -9, 9, false, 0},
      {"-0", -9, 9, false, 0},
      {"01", 0, 9, false, 0},
      {"00", 0, 9, false, 0},
      {"+1", 0, 9, false, 0},
      {" 1", 0, 9, false, 0},
      {"1 ", 0, 9, false, 0},
      {"1x", 0, 9, false, 0},
      {"0x1", 0, 9, false, 0},
      {"1.0", 0, 9, false, 0},
      {NULL, 0, 9, false, 0},
  };
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    int64_t value = 77;
    cr_expect_eq(parse_int64(table[i].text, table[i].min, table[i].max, &value), table[i].taken ? 0 : -1, "row %zu", i);
    cr_expect_eq(value, table[i].taken ? table[i].value : 77, "row %zu", i);
  }
}

Test(number, of_a_part_of_a_text) {
  int64_t value = 0;
  cr_expect_eq(parse_int64_n("123456", 3, 0, 1000, &value), 0);
  cr_expect_eq(value, 123);
  cr_expect_eq(parse_int64_n("123", 0, 0, 1000, &value), -1);
  cr_expect_eq(parse_int64_n(NULL, 0, 0, 1000, &value), -1);
}

Test(number, decimals) {
  static const struct {
    const char *text;
    bool taken;
    double value;
  } table[] = {{"0.05", true, 0.05}, {"1", true, 1},     {"0", true, 0},    {"-0.5", true, -0.5},
               {"99.9", true, 99.9}, {"101", false, 0},  {"-1", false, 0},  {"1.", false, 0},
               {".5", false, 0},     {"01.5", false, 0}, {"1e3", false, 0}, {"+1", false, 0},
               {"1.2.3", false, 0},  {" 1", false, 0},   {"1 ", false, 0},  {"", false, 0},
               {"-", false, 0},      {"inf", false, 0},  {"nan", false, 0}, {"0x1p3", false, 0},
               {NULL, false, 0},     {"1,5", false, 0},  {"--1", false, 0}, {"0.0000000000000000000000000000001", false, 0}};
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    double value = 77;
    cr_expect_eq(parse_decimal(table[i].text, -0.5, 100, &value), table[i].taken ? 0 : -1, "row %zu", i);
    cr_expect_eq(value, table[i].taken ? table[i].value : 77, "row %zu", i);
  }
}

Test(number, booleans) {
  static const char *const refused[] = {"True", "1", "yes", "", "true ", NULL};
  bool value = false;
  cr_expect_eq(parse_bool("true", &value), 0);
  cr_expect(value);
  for (size_t i = 0; i < ELEMENTS(refused); i++) cr_expect_eq(parse_bool(refused[i], &value), -1);
  cr_expect(value);
  cr_expect_eq(parse_bool("false", &value), 0);
  cr_expect_not(value);
}
