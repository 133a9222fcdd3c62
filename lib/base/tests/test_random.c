#include "base/random.h"

#include <criterion/criterion.h>
#include <string.h>

Test(random, fills_all_bytes) {
  static unsigned char bytes[4096], never[4096];
  for (int round = 0; round < 20; round++) {
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) never[i] |= bytes[i];
  }
  cr_expect_null(memchr(never, 0, sizeof never));
  random_bytes(NULL, 0);
}

Test(random, does_not_repeat) { cr_expect_neq(random_u64(), random_u64()); }

Test(random, ids_are_whole_and_do_not_repeat) {
  char one[RANDOM_ID_SIZE], other[RANDOM_ID_SIZE];
  random_id(one);
  random_id(other);
  cr_expect_eq(strspn(one, "0123456789abcdef"), RANDOM_ID_SIZE - 1);
  cr_expect_eq(strlen(one), RANDOM_ID_SIZE - 1);
  cr_expect_str_neq(one, other);
}

Test(random, below_reaches_every_value_and_no_other) {
  int seen[7] = {0};
  for (int i = 0; i < 7000; i++) {
    uint64_t value = random_below(7);
    cr_assert_lt(value, 7);
    seen[value]++;
  }
  for (int i = 0; i < 7; i++) cr_expect_gt(seen[i], 700);
  cr_expect_eq(random_below(0), 0);
  cr_expect_eq(random_below(1), 0);
  cr_expect_lt(random_below(UINT64_MAX), UINT64_MAX);
}
