#include "serve/cpu_limit.h"

#include <criterion/criterion.h>

Test(cpu_limit, quotas) {
  cr_expect_eq(cpu_limit_parse("max 100000\n"), 0);
  cr_expect_eq(cpu_limit_parse("-1\n100000\n"), 0);
  cr_expect_eq(cpu_limit_parse("50000 100000\n"), 1);
  cr_expect_eq(cpu_limit_parse("100000 100000\n"), 1);
  cr_expect_eq(cpu_limit_parse("250000\n100000\n"), 2);
  cr_expect_eq(cpu_limit_parse(""), 0);
  cr_expect_eq(cpu_limit_parse("1 0"), 0);
}

Test(cpu_limit, is_within_bounds) {
  unsigned workers = cpu_limit_workers();
  cr_expect(workers >= 1 && workers <= WORKERS_USUAL_MAX);
}
