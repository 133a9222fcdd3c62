#include "stack/quantity.h"

#include <criterion/criterion.h>
#include <stddef.h>

Test(quantity, what_amounts_are) {
  static const struct {
    const char *text;
    double value;
  } cases[] = {{"2000m", 2},  {"2", 2},     {"512Mi", 536870912}, {"2Gi", 2147483648.0},
               {"1e3", 1000}, {"0.5", 0.5}, {"1k", 1000},         {"3E", 3e18}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double value = -1;
    cr_assert(quantity_parse(cases[i].text, &value), "%s", cases[i].text);
    cr_assert_eq(value, cases[i].value, "%s is %g", cases[i].text, value);
  }
}

Test(quantity, what_is_none) {
  static const char *const cases[] = {"", "m", "2GB", "two", "2 Gi", "Gi"};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double value = -1;
    cr_assert_not(quantity_parse(cases[i], &value), "%s", cases[i]);
    cr_assert_eq(value, -1);
  }
}
