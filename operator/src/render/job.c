#include "render/parts.h"

#include <inttypes.h>
#include <stdio.h>

void render_migration_name(const struct stack *stack, int64_t revision, int64_t attempt, char to[64]) {
  if (attempt > 1)
    snprintf(to, NAME_SIZE, "%s-migrate-%" PRId64 "-%" PRId64, stack->name, revision, attempt);
  else
    snprintf(to, NAME_SIZE, "%s-migrate-%" PRId64, stack->name, revision);
}

/* Two pods never migrate at once (podReplacementPolicy), and an image that says "never" (exit status 65) is not asked again. */
cJSON *render_migration_job(const struct render_input *in, int64_t revision, int64_t attempt) {
  char name[NAME_SIZE];
  render_migration_name(in->stack, revision, attempt, name);
  cJSON *job = render_object(in->stack, "batch/v1", "Job", name, COMPONENT_MIGRATE);
  return render_with(job, "spec",
                     render_json("{'backoffLimit': %d, 'completions': 1, 'parallelism': 1, 'completionMode': 'NonIndexed',"
                                 " 'podReplacementPolicy': 'Failed',"
                                 " 'podFailurePolicy': {'rules': [{'action': 'FailJob',"
                                 "   'onExitCodes': {'containerName': '" COMPONENT_MIGRATE "', 'operator': 'In', 'values': [65]}}]},"
                                 " 'template': %t}",
                                 in->stack->spec.migrations.backoff_limit, render_migration_pod(in)));
}
