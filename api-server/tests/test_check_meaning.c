#include "base/clock.h"
#include "base/log.h"
#include "check/check.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct checkup checkup;

static struct check_finding found(void (*check)(struct checkup *, struct check_finding *)) {
  struct check_finding finding = {0};
  check(&checkup, &finding);
  return finding;
}

static void no_line(const char *line, size_t n, void *owner) { (void)line, (void)n, (void)owner; }

Test(check_meaning, an_open_bypass_is_never_passed_over) {
  char soon[RFC3339_SIZE];
  log_set_sink(no_line, NULL);
  format_rfc3339_micro((clock_real_ms() + 3600000) * 1000, soon);
  const struct {
    int64_t environment;
    const char *until, *says;
  } rows[] = {{ENVIRONMENT_DEVELOPMENT, "", "lets requests in without a token"},
              {ENVIRONMENT_PRODUCTION, soon, soon},
              {ENVIRONMENT_PRODUCTION, "", "lets nobody in"},
              {ENVIRONMENT_PRODUCTION, "2020-01-01T00:00:00Z", "lets nobody in"},
              {ENVIRONMENT_STAGING, "2999-01-01T00:00:00Z", "lets nobody in"}};
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    checkup.settings = (struct settings){.environment = rows[i].environment, .dev_auth_open = true, .dev_auth_open_until = rows[i].until};
    struct check_finding finding = found(check_bypass);
    cr_expect_eq(finding.verdict, CHECK_NOTE);
    cr_expect_not_null(strstr(finding.sentence, rows[i].says), "row %zu: %s", i, finding.sentence);
  }
}

Test(check_meaning, a_secret_of_another_time) {
  static const char *const values[] = {NULL, "", "0123456789abcdef"};
  for (size_t i = 0; i < ELEMENTS(values); i++) {
    unsetenv("APPLE_SHARED_SECRET");
    if (values[i]) setenv("APPLE_SHARED_SECRET", values[i], 1);
    struct check_finding finding = found(check_unused);
    cr_expect_eq(finding.verdict, i == 2 ? CHECK_NOTE : CHECK_UNTOLD, "%zu", i);
    cr_expect_null(strstr(finding.sentence, "0123456789abcdef"), "its value is nobody's business");
  }
}

Test(check_meaning, routes_without_their_secrets_are_named) {
  static const struct rotated_secret secret = {.current = "0123456789abcdef0123456789abcdef"};
  checkup.settings = (struct settings){.session_secret = secret};
  struct check_finding finding = found(check_closed);
  cr_expect_eq(finding.verdict, CHECK_NOTE);
  cr_expect_not_null(strstr(finding.sentence, "POST /api/webhooks/collabpay (COLLAB_PAY_WEBHOOK_SECRET)"), "%s", finding.sentence);
  cr_expect_not_null(strstr(finding.sentence, "POST /auth/ticket (APP_JWT_SECRET)"), "%s", finding.sentence);
  cr_expect_null(strstr(finding.sentence, "/auth/session"), "it has its own: %s", finding.sentence);
  checkup.settings.collab_pay_webhook_secret = checkup.settings.app_jwt_secret = secret;
  cr_expect_eq(found(check_closed).verdict, CHECK_UNTOLD);
}

Test(check_meaning, stores) {
  checkup.settings = (struct settings){.apple_app_id = 1, .apple_issuer_id = "i", .google_push_email = "e", .apple_bundle_id = "b"};
  struct check_finding finding = found(check_stores);
  cr_expect_eq(finding.verdict, CHECK_NOTE);
  cr_expect_not_null(strstr(finding.sentence, "without GOOGLE_SERVICE_ACCOUNT_KEY, GOOGLE_PUSH_AUDIENCE, APPLE_KEY_ID, APPLE_PRIVATE_KEY"),
                     "%s", finding.sentence);
  checkup.settings.google_service_account_key = "{\"private_key\": \"hush\"";
  finding = found(check_stores);
  cr_expect_eq(finding.verdict, CHECK_NEVER);
  cr_expect(strstr(finding.sentence, "GOOGLE_SERVICE_ACCOUNT_KEY") && !strstr(finding.sentence, "hush"), "%s", finding.sentence);
  checkup.settings.google_service_account_key = NULL;
  checkup.settings.apple_private_key = "hush";
  finding = found(check_stores);
  cr_expect_eq(finding.verdict, CHECK_NEVER);
  cr_expect(strstr(finding.sentence, "APPLE_PRIVATE_KEY") && !strstr(finding.sentence, "hush"), "%s", finding.sentence);
  cr_expect_neq(*finding.next, 0);
}
