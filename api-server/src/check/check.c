#include "check/check.h"

#include "base/buffer.h"
#include "base/log.h"
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
  for (size_t i = 0; i < ROWS; i++) {
    if (table[i].applies && !table[i].applies(&checkup->settings)) continue;
    table[i].run(checkup, &findings[i]);
    if (i == 0 && findings[i].verdict == CHECK_NEVER) return;
  }
}

/* ---- the report ---- */

static const char *verdict_name(enum check_verdict verdict) {
  static const char *const names[] = {"", "ok", "note", "again", "never"};
  return names[verdict];
}

static const struct check_finding *worst(const struct check_finding findings[ROWS], size_t *ret_row) {
  size_t at = 0;
  for (size_t i = 1; i < ROWS; i++)
    if (findings[i].verdict > findings[at].verdict) at = i;
  return *ret_row = at, &findings[at];
}

static int status_of(const struct check_finding findings[ROWS]) {
  size_t row;
  enum check_verdict verdict = worst(findings, &row)->verdict;
  return verdict == CHECK_NEVER ? JOB_NEVER : verdict == CHECK_AGAIN ? JOB_AGAIN : JOB_DONE;
}

static void put_text(const struct check_finding findings[ROWS], struct buffer *to) {
  unsigned told = 0, wrong = 0;
  for (size_t i = 0; i < ROWS; i++) {
    const struct check_finding *f = &findings[i];
    if (f->verdict == CHECK_UNTOLD) continue;
    told++;
    wrong += f->verdict >= CHECK_AGAIN;
    buffer_printf(to, "%-5s  %-9s  %s\n", verdict_name(f->verdict), table[i].name, f->sentence);
    if (*f->next) buffer_printf(to, "%18snext: %s\n", "", f->next);
  }
  int status = status_of(findings);
  if (!wrong)
    buffer_puts(to, "all is well\n");
  else
    buffer_printf(to, "%u of %u wrong: %s (exit status %d)\n", wrong, told,
                  status == JOB_AGAIN ? "it may pass, try again" : "it stays so until somebody changes it", status);
}

static void put_json(const struct check_finding findings[ROWS], struct buffer *to) {
  int status = status_of(findings);
  const char *comma = "";
  buffer_printf(to, "{\"ok\":%s,\"exitStatus\":%d,\"checks\":[", status == JOB_DONE ? "true" : "false", status);
  for (size_t i = 0; i < ROWS; i++) {
    const struct check_finding *f = &findings[i];
    if (f->verdict == CHECK_UNTOLD) continue;
    buffer_printf(to, "%s{\"name\":\"%s\",\"verdict\":\"%s\",\"sentence\":", comma, table[i].name, verdict_name(f->verdict));
    buffer_json_string(to, f->sentence, strlen(f->sentence));
    buffer_puts(to, ",\"next\":");
    buffer_json_string(to, f->next, strlen(f->next));
    buffer_puts(to, "}");
    comma = ",";
  }
  buffer_puts(to, "]}\n");
}

static void leave_message(const struct checkup *checkup, const struct check_finding findings[ROWS]) {
  _cleanup_buffer_ struct buffer json;
  struct schema_image image = schema_of_image();
  size_t row;
  const struct check_finding *f = worst(findings, &row);
  char text[sizeof f->sentence + sizeof f->next + 64];
  buffer_init(&json, 8192);
  if (status_of(findings) == JOB_DONE) {
    buffer_printf(&json, "{\"schemaVersion\":%d,\"servesFrom\":%d,\"applied\":[],\"accepts\":[%d,%d]}\n", checkup->schema.current,
                  checkup->schema.serves_from, image.min, image.max);
  } else {
    (void)snprintf(text, sizeof text, "%s: %s%s%s", table[row].name, f->sentence, *f->next ? "; next: " : "", f->next);
    buffer_puts(&json, "{\"error\":");
    buffer_json_string(&json, text, strlen(text));
    buffer_puts(&json, "}\n");
  }
  job_leave_message(buffer_text(&json));
}

int check_main(int argc, char **argv) {
  static struct checkup checkup; /* too large for a stack, and there is one a process */
  struct check_finding findings[ROWS] = {0};
  const char *output = "text";
  if (command_options(argc, argv, (const char *const[]){"output", NULL}, &output) < 0) return JOB_USAGE;
  if (strcmp(output, "text") != 0 && strcmp(output, "json") != 0) {
    (void)fprintf(stderr, "supernova-server check: --output must be text or json\n");
    return JOB_USAGE;
  }
  log_set_level(LOG_FATAL); /* what the parts log of themselves is in the findings */
  run_all(&checkup, findings);
  job_disconnect(&checkup.job);
  _cleanup_buffer_ struct buffer report;
  buffer_init(&report, REPORT_MAX);
  (strcmp(output, "json") ? put_text : put_json)(findings, &report);
  (void)fputs(buffer_text(&report), stdout);
  leave_message(&checkup, findings);
  return status_of(findings);
}
