#include "check/check_report.h"

#include <criterion/criterion.h>
#include <string.h>

/* What each of three findings is, and what they come to. */
Test(check_report, the_worst_decides) {
  static const struct {
    enum check_verdict verdicts[3];
    int status;
    const char *last_line;
  } rows[] = {
      {{CHECK_OK, CHECK_OK, CHECK_OK}, JOB_DONE, "all is well\n"},
      {{CHECK_OK, CHECK_NOTE, CHECK_UNTOLD}, JOB_DONE, "all is well\n"},
      {{CHECK_UNTOLD, CHECK_UNTOLD, CHECK_UNTOLD}, JOB_DONE, "all is well\n"},
      {{CHECK_OK, CHECK_AGAIN, CHECK_NOTE}, JOB_AGAIN, "1 of 3 wrong: it may pass, try again (exit status 75)\n"},
      {{CHECK_NEVER, CHECK_UNTOLD, CHECK_AGAIN}, JOB_NEVER, "2 of 2 wrong: it stays so until somebody changes it (exit status 65)\n"},
      {{CHECK_AGAIN, CHECK_OK, CHECK_NEVER}, JOB_NEVER, "2 of 3 wrong: it stays so until somebody changes it (exit status 65)\n"},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    struct check_finding findings[3] = {{.name = "one"}, {.name = "two"}, {.name = "three"}};
    struct check_report report = {.findings = findings, .count = 3};
    _cleanup_buffer_ struct buffer text = {0};
    buffer_init(&text, 4096);
    for (size_t f = 0; f < 3; f++) findings[f].verdict = rows[i].verdicts[f];
    cr_expect_eq(check_report_status(&report), rows[i].status, "row %zu", i);
    check_report_text(&report, &text);
    size_t n = strlen(rows[i].last_line);
    cr_expect(text.len >= n && strcmp(text.data + text.len - n, rows[i].last_line) == 0, "row %zu: %s", i, text.data);
  }
}

static const struct check_finding findings[] = {
    {.name = "settings", .verdict = CHECK_OK, .sentence = "all are \"understood\""},
    {.name = "database", .verdict = CHECK_UNTOLD},
    {.name = "redis", .verdict = CHECK_AGAIN, .sentence = "refused", .next = "look\nthere"},
    {.name = "sentry", .verdict = CHECK_AGAIN, .sentence = "away"},
};

static void expect(void (*write)(const struct check_report *, struct buffer *), size_t count, const char *wanted) {
  struct check_report report = {.findings = findings, .count = count, .schema = {7, 3}, .image = {.min = 5, .max = 9}};
  _cleanup_buffer_ struct buffer text = {0};
  buffer_init(&text, 4096);
  write(&report, &text);
  cr_expect_str_eq(buffer_text(&text), wanted, "%s", buffer_text(&text));
}

Test(check_report, for_people) {
  expect(check_report_text, ELEMENTS(findings),
         "ok     settings   all are \"understood\"\n"
         "again  redis      refused\n"
         "                  next: look\nthere\n"
         "again  sentry     away\n"
         "2 of 3 wrong: it may pass, try again (exit status 75)\n");
}

Test(check_report, for_programs) {
  expect(check_report_json, 3,
         "{\"ok\":false,\"exitStatus\":75,\"checks\":["
         "{\"name\":\"settings\",\"verdict\":\"ok\",\"sentence\":\"all are \\\"understood\\\"\",\"next\":\"\"},"
         "{\"name\":\"redis\",\"verdict\":\"again\",\"sentence\":\"refused\",\"next\":\"look\\nthere\"}]}\n");
  expect(check_report_json, 1,
         "{\"ok\":true,\"exitStatus\":0,\"checks\":["
         "{\"name\":\"settings\",\"verdict\":\"ok\",\"sentence\":\"all are \\\"understood\\\"\",\"next\":\"\"}]}\n");
}

Test(check_report, for_the_operator) {
  expect(check_report_message, 2, "{\"schemaVersion\":7,\"servesFrom\":3,\"applied\":[],\"accepts\":[5,9]}\n");
  expect(check_report_message, 4, "{\"error\":\"redis: refused; next: look\\nthere\"}\n");
}
