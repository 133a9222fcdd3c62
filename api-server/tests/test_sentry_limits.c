#include "observe/sentry_limits.h"

#include <criterion/criterion.h>

Test(sentry_limits, hold_what_sentry_named_for_as_long_as_it_said) {
  static const struct {
    int status;
    int64_t retry_after_ms;
    const char *rate_limits;
    int64_t event_s, transaction_s; /* held for so long */
  } cases[] = {
      {200, 0, NULL, 0, 0},
      {503, 5000, NULL, 0, 0},
      {429, 0, NULL, 60, 60},
      {429, 5000, NULL, 5, 5},
      {429, 5000, "10:error:org", 10, 0},
      {200, 0, "60:error;transaction:key, 2700:default;security:organization", 60, 60},
      {200, 0, "60:transaction", 0, 60},
      {200, 0, "60::org", 60, 60},
      {200, 0, "60", 60, 60},
      {200, 0, "60:errors;err:org", 0, 0},
      {200, 0, "10:error:a, 30:error:b, 20:error:c", 30, 0},
      {200, 0, "x:error, -1:error, 99999999999999999999:error, :error,, 7:error", 7, 0},
      {200, 0, "", 0, 0},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct sentry_limits limits = {0};
    int64_t now_ms = 1000000, event_ms = now_ms + cases[i].event_s * 1000, transaction_ms = now_ms + cases[i].transaction_s * 1000;
    sentry_limits_note(&limits, now_ms, cases[i].status, cases[i].retry_after_ms, cases[i].rate_limits);
    cr_expect_not(sentry_limits_hold(&limits, SENTRY_EVENT, event_ms), "%zu", i);
    cr_expect_not(sentry_limits_hold(&limits, SENTRY_TRANSACTION, transaction_ms), "%zu", i);
    cr_expect_eq(sentry_limits_hold(&limits, SENTRY_EVENT, event_ms - 1), cases[i].event_s > 0, "%zu", i);
    cr_expect_eq(sentry_limits_hold(&limits, SENTRY_TRANSACTION, transaction_ms - 1), cases[i].transaction_s > 0, "%zu", i);
  }
}
