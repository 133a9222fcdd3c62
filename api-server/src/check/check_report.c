#include "check/check_report.h"

#include <stdio.h>
#include <string.h>

static const char *verdict_name(enum check_verdict verdict) {
  static const char *const names[] = {"", "ok", "note", "again", "never"};
  return names[verdict];
}

static const struct check_finding *worst(const struct check_report *report) {
  const struct check_finding *found = report->findings;
  for (size_t i = 1; i < report->count; i++)
    if (report->findings[i].verdict > found->verdict) found = &report->findings[i];
  return found;
}

int check_report_status(const struct check_report *report) {
  enum check_verdict verdict = worst(report)->verdict;
  return verdict == CHECK_NEVER ? JOB_NEVER : verdict == CHECK_AGAIN ? JOB_AGAIN : JOB_DONE;
}

void check_report_text(const struct check_report *report, struct buffer *to) {
  unsigned told = 0, wrong = 0;
  for (size_t i = 0; i < report->count; i++) {
    const struct check_finding *f = &report->findings[i];
    if (f->verdict == CHECK_UNTOLD) continue;
    told++;
    wrong += f->verdict >= CHECK_AGAIN;
    buffer_printf(to, "%-5s  %-9s  %s\n", verdict_name(f->verdict), f->name, f->sentence);
    if (*f->next) buffer_printf(to, "%18snext: %s\n", "", f->next);
  }
  int status = check_report_status(report);
  if (!wrong)
    buffer_puts(to, "all is well\n");
  else
    buffer_printf(to, "%u of %u wrong: %s (exit status %d)\n", wrong, told,
                  status == JOB_AGAIN ? "it may pass, try again" : "it stays so until somebody changes it", status);
}

void check_report_json(const struct check_report *report, struct buffer *to) {
  int status = check_report_status(report);
  const char *comma = "";
  buffer_printf(to, "{\"ok\":%s,\"exitStatus\":%d,\"checks\":[", status == JOB_DONE ? "true" : "false", status);
  for (size_t i = 0; i < report->count; i++) {
    const struct check_finding *f = &report->findings[i];
    if (f->verdict == CHECK_UNTOLD) continue;
    buffer_printf(to, "%s{\"name\":\"%s\",\"verdict\":\"%s\",\"sentence\":", comma, f->name, verdict_name(f->verdict));
    buffer_json_string(to, f->sentence, strlen(f->sentence));
    buffer_puts(to, ",\"next\":");
    buffer_json_string(to, f->next, strlen(f->next));
    buffer_puts(to, "}");
    comma = ",";
  }
  buffer_puts(to, "]}\n");
}

void check_report_message(const struct check_report *report, struct buffer *to) {
  const struct check_finding *f = worst(report);
  char text[sizeof f->sentence + sizeof f->next + 64];
  if (check_report_status(report) == JOB_DONE) {
    buffer_printf(to, "{\"schemaVersion\":%d,\"servesFrom\":%d,\"applied\":[],\"accepts\":[%d,%d]}\n", report->schema.current,
                  report->schema.serves_from, report->image.min, report->image.max);
    return;
  }
  (void)snprintf(text, sizeof text, "%s: %s%s%s", f->name, f->sentence, *f->next ? "; next: " : "", f->next);
  buffer_puts(to, "{\"error\":");
  buffer_json_string(to, text, strlen(text));
  buffer_puts(to, "}\n");
}
