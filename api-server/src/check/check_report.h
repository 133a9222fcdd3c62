/* What a checkup's findings come to: the lists that are printed, the exit status and the termination message. Pure.
 *
 *     struct check_report report = {findings, n, schema, schema_of_image()};
 *     check_report_text(&report, &text);
 *     return check_report_status(&report);
 */
#pragma once

#include "base/buffer.h"
#include "check/check.h"

/* Those that are untold are passed over. */
struct check_report {
  const struct check_finding *findings;
  size_t count;
  struct schema_database schema;
  struct schema_image image;
};

/* JOB_DONE, JOB_AGAIN or JOB_NEVER: as the worst of them is. */
int check_report_status(const struct check_report *report);

void check_report_text(const struct check_report *report, struct buffer *to);
void check_report_json(const struct check_report *report, struct buffer *to);

/* As of migrate: the schema, or {"error": "…"} with the first of the worst findings. */
void check_report_message(const struct check_report *report, struct buffer *to);
