#include "check/check.h"

#include "base/buffer.h"
#include "base/log.h"
#include "check/check_report.h"
#include "command/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { REPORT_MAX = 256 * 1024 };

static bool has_redis(const struct settings *settings) { return settings->redis_mode != REDIS_MODE_NONE; }
static bool has_pooler(const struct settings *settings) { return settings->database_pooler != POOLER_NONE; }
static bool has_foreign_keys(const struct settings *settings) { return settings->auth_jwks_url; }
static bool has_bypass(const struct settings *settings) { return settings->dev_auth_open; }

static bool has_sentry(const struct settings *settings) { return settings->sentry_dsn; }

static void check_settings(struct checkup *checkup, struct check_finding *ret);

/* The first row fills the settings; without them there are no others. */
static const struct check table[] = {
    {"settings", NULL, check_settings},
    {"database", NULL, check_database},
    {"direct", has_pooler, check_direct},
    {"schema", NULL, check_schema},
    {"rights", NULL, check_rights},
    {"redis", has_redis, check_redis},
    {"keys", NULL, check_keys},
    {"foreign", has_foreign_keys, check_foreign},
    {"tokens", NULL, check_design_tokens},
    {"stores", NULL, check_stores},
    {"sentry", has_sentry, check_sentry},
    {"bypass", has_bypass, check_bypass},
    {"closed", NULL, check_closed},
    {"unused", NULL, check_unused},
};

enum { ROWS = ELEMENTS(table) };

void check_tell(struct check_finding *ret, enum check_verdict verdict, const char *format, ...) {
  va_list arguments;
  ret->verdict = verdict;
  va_start(arguments, format);
  (void)vsnprintf(ret->sentence, sizeof ret->sentence, format, arguments);
  va_end(arguments);
}

void check_fail(struct check_finding *ret, const struct error *error, const char *next) {
  check_tell(ret, error->kind == ERROR_RETRY ? CHECK_AGAIN : CHECK_NEVER, "%s", error->message);
  (void)snprintf(ret->next, sizeof ret->next, "%s", next);
}

static void check_settings(struct checkup *checkup, struct check_finding *ret) {
  _cleanup_buffer_ struct buffer faults;
  buffer_init(&faults, 64 * 1024);
  if (settings_load(&checkup->settings, SETTINGS_SERVE, &faults) == 0) {
    check_tell(ret, CHECK_OK, "all that are set are understood");
    return;
  }
  check_tell(ret, CHECK_NEVER, "%s", buffer_text(&faults));
  (void)snprintf(ret->next, sizeof ret->next, "set them right; `supernova-server help settings` lists them all");
}

static void run_all(struct checkup *checkup, struct check_finding findings[ROWS]) {
  for (size_t i = 0; i < ROWS; i++) findings[i] = (struct check_finding){.name = table[i].name};
  for (size_t i = 0; i < ROWS; i++) {
    if (table[i].applies && !table[i].applies(&checkup->settings)) continue;
    table[i].run(checkup, &findings[i]);
    if (i == 0 && findings[i].verdict == CHECK_NEVER) return;
  }
}

static void print(const struct check_report *report, void (*write)(const struct check_report *, struct buffer *)) {
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, REPORT_MAX);
  write(report, &text);
  (void)fputs(buffer_text(&text), stdout);
}

static void leave_message(const struct check_report *report) {
  _cleanup_buffer_ struct buffer json;
  buffer_init(&json, 8192);
  check_report_message(report, &json);
  job_leave_message(buffer_text(&json));
}

int check_main(int argc, char **argv) {
  static struct checkup checkup; /* too large for a stack, and there is one a process */
  static struct check_finding findings[ROWS];
  const char *output = "text";
  if (command_options(argc, argv, (const char *const[]){"output", NULL}, &output) < 0) return JOB_USAGE;
  if (strcmp(output, "text") != 0 && strcmp(output, "json") != 0) {
    (void)fprintf(stderr, "supernova-server check: --output must be text or json\n");
    return JOB_USAGE;
  }
  log_set_level(LOG_FATAL); /* what the parts log of themselves is in the findings */
  run_all(&checkup, findings);
  job_disconnect(&checkup.job);
  struct check_report report = {.findings = findings, .count = ROWS, .schema = checkup.schema, .image = schema_of_image()};
  print(&report, strcmp(output, "json") ? check_report_text : check_report_json);
  leave_message(&report);
  return check_report_status(&report);
}
