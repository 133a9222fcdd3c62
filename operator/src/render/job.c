#include "base/number.h"
#include "render/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void render_job_name(const struct stack *stack, const char *series, int64_t revision, int64_t attempt, char to[64]) {
  if (attempt > 1)
    snprintf(to, NAME_SIZE, "%s-%s-%" PRId64 "-%" PRId64, stack->name, series, revision, attempt);
  else
    snprintf(to, NAME_SIZE, "%s-%s-%" PRId64, stack->name, series, revision);
}

/* No part of a series' name is digits alone, so the first that is counts the revision. */
int64_t render_job_revision(const struct stack *stack, const char *name) {
  size_t n = strlen(stack->name);
  int64_t revision;
  if (strncmp(name, stack->name, n) != 0) return -1;
  for (const char *part = name + n; *part == '-';) {
    size_t length = strcspn(++part, "-");
    if (parse_int64_n(part, length, 0, INT64_MAX, &revision) == 0) return revision;
    part += length;
  }
  return -1;
}

/* Two pods of a series never work at once (podReplacementPolicy), and an image that says "never" (exit status 65) is not asked again. */
cJSON *render_job(const struct render_input *in, const struct render_job *job, int64_t revision, int64_t attempt) {
  char name[NAME_SIZE];
  render_job_name(in->stack, job->series, revision, attempt, name);
  cJSON *manifest = render_object(in->stack, "batch/v1", "Job", name, job->component);
  return render_with(manifest, "spec",
                     render_json("{'backoffLimit': %d, 'completions': 1, 'parallelism': 1, 'completionMode': 'NonIndexed',"
                                 " 'podReplacementPolicy': 'Failed',"
                                 " 'podFailurePolicy': {'rules': [{'action': 'FailJob',"
                                 "   'onExitCodes': {'containerName': %s, 'operator': 'In', 'values': [65]}}]},"
                                 " 'template': %t}",
                                 job->settings->backoff_limit, job->component, render_job_pod(in, job)));
}
