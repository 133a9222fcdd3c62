#include "auth/bypass.h"

#include <criterion/criterion.h>
#include <string.h>

static void no_line(const char *line, size_t n, void *owner) { (void)line, (void)n, (void)owner; }

Test(bypass, when_it_is_open) {
  enum { NOW_MS = 1000 };
  static const struct {
    int64_t environment;
    bool wanted;
    const char *until;
    int64_t ends_ms;
  } cases[] = {
      {ENVIRONMENT_DEVELOPMENT, false, "", 0},
      {ENVIRONMENT_DEVELOPMENT, true, "", INT64_MAX},
      {ENVIRONMENT_PRODUCTION, true, "", 0},
      {ENVIRONMENT_PRODUCTION, true, "soon", 0},
      {ENVIRONMENT_PRODUCTION, false, "1970-01-01T01:00:00Z", 0},
      {ENVIRONMENT_PRODUCTION, true, "1970-01-01T00:00:01Z", 0},
      {ENVIRONMENT_PRODUCTION, true, "1970-01-01T04:00:01Z", 4 * 3600000 + 1000},
      {ENVIRONMENT_STAGING, true, "1970-01-01T04:00:02Z", 0},
      {ENVIRONMENT_STAGING, true, "1970-01-01T00:00:02Z", 2000},
  };
  log_set_sink(no_line, NULL);
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct settings settings = {
        .environment = cases[i].environment, .dev_auth_open = cases[i].wanted, .dev_auth_open_until = cases[i].until};
    struct bypass bypass = bypass_decide(&settings, NOW_MS);
    cr_expect_eq(bypass.until_ms, cases[i].ends_ms, "case %zu", i);
    cr_expect_eq(bypass_is_open(&bypass, NOW_MS), cases[i].ends_ms > NOW_MS);
    cr_expect_eq(bypass_is_open(&bypass, 2000), cases[i].ends_ms > 2000);
  }
}
