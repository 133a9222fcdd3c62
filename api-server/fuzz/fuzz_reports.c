/* What reports to Sentry begin with: a caller's traceparent, the DSN, and what Sentry says of its limits. */
#include "observe/sentry_dsn.h"
#include "observe/sentry_limits.h"
#include "testing/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void check_trace(struct span text) {
  struct trace trace, again;
  char printed[TRACEPARENT_SIZE];
  trace_begin(&trace, text, 0.5);
  trace_print(&trace, printed);
  trace_begin(&again, (struct span){printed, strlen(printed)}, 0.5);
  demand(strlen(printed) == TRACEPARENT_SIZE - 1 && !strcmp(again.id, trace.id) && !strcmp(again.parent, trace.span));
  demand(again.sampled == trace.sampled && (!*trace.parent || !memcmp(text.at + 3, trace.id, strlen(trace.id))));
}

static void check_dsn(const char *text) {
  struct sentry_dsn dsn;
  if (sentry_dsn_parse(text, &dsn) < 0) return;
  demand(*dsn.key && !strpbrk(dsn.key, "\r\n ,:@") && !strpbrk(dsn.url, "\r\n @?#") && strstr(dsn.url, "/api/"));
}

static void check_limits(const char *text) {
  struct sentry_limits limits = {0};
  sentry_limits_note(&limits, 1000, 200, 0, text);
  for (unsigned kind = 0; kind < SENTRY_KINDS; kind++) demand(limits.until_ms[kind] == 0 || limits.until_ms[kind] >= 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  char *text = malloc(n + 1);
  demand(text);
  if (n) memcpy(text, data, n);
  text[n] = 0;
  check_trace((struct span){text, n});
  check_dsn(text);
  check_limits(text);
  free(text);
  return 0;
}
