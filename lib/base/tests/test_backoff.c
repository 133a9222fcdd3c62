#include "base/backoff.h"

#include "base/cleanup.h"

#include <criterion/criterion.h>

Test(backoff, delay_doubles_up_to_its_bound) {
  static const struct {
    int64_t initial, max;
    unsigned attempt;
    int64_t expected;
  } table[] = {{5, 300000, 0, 5},
               {5, 300000, 1, 5},
               {5, 300000, 2, 10},
               {5, 300000, 3, 20},
               {5, 300000, 17, 300000},
               {5, 300000, UINT32_MAX, 300000},
               {7, 7, 9, 7},
               {10, 3, 1, 3},
               {1, INT64_MAX, 63, INT64_C(1) << 62},
               {1, INT64_MAX, 64, INT64_MAX},
               {1, INT64_MAX, 65, INT64_MAX}};
  for (size_t i = 0; i < ELEMENTS(table); i++)
    cr_expect_eq(backoff_delay(table[i].initial, table[i].max, table[i].attempt), table[i].expected, "row %zu", i);
}

Test(backoff, steps_and_resets) {
  struct backoff b = {.initial_ms = 5, .max_ms = 12};
  cr_expect_eq(backoff_next(&b), 5);
  cr_expect_eq(backoff_next(&b), 10);
  cr_expect_eq(backoff_next(&b), 12);
  cr_expect_eq(b.attempts, 3);
  backoff_reset(&b);
  cr_expect_eq(backoff_next(&b), 5);
}

Test(backoff, jitter_takes_away_up_to_a_quarter) {
  int64_t least = INT64_MAX, most = 0;
  for (int i = 0; i < 1000; i++) {
    struct backoff b = {.initial_ms = 1000, .max_ms = 1000, .jitter = true};
    int64_t delay = backoff_next(&b);
    if (delay < least) least = delay;
    if (delay > most) most = delay;
  }
  cr_expect_geq(least, 750);
  cr_expect_leq(most, 1000);
  cr_expect_lt(least, most);
}

Test(backoff, counts_no_further_than_its_type) {
  struct backoff b = {.initial_ms = 1, .max_ms = 2, .attempts = UINT32_MAX};
  cr_expect_eq(backoff_next(&b), 2);
  cr_expect_eq(b.attempts, UINT32_MAX);
}
