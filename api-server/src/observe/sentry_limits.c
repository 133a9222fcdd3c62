#include "observe/sentry_limits.h"

#include "base/number.h"

#include <string.h>

enum { SECONDS_MAX = 7 * 86400 };

static void hold_back(struct sentry_limits *limits, enum sentry_kind kind, int64_t until_ms) {
  if (limits->until_ms[kind] < until_ms) limits->until_ms[kind] = until_ms;
}

static void hold_all_back(struct sentry_limits *limits, int64_t until_ms) {
  for (unsigned kind = 0; kind < SENTRY_KINDS; kind++) hold_back(limits, (enum sentry_kind)kind, until_ms);
}

/* "error;transaction", up to N. */
static void note_categories(struct sentry_limits *limits, struct span list, int64_t until_ms) {
  if (!list.len) hold_all_back(limits, until_ms);
  while (list.at && list.len) {
    struct span one = span_cut(&list, ';');
    for (unsigned kind = 0; kind < SENTRY_KINDS; kind++) {
      const char *name = sentry_kind_category((enum sentry_kind)kind);
      if (span_equal(one, (struct span){name, strlen(name)})) hold_back(limits, (enum sentry_kind)kind, until_ms);
    }
  }
}

void sentry_limits_note(struct sentry_limits *limits, int64_t now_ms, int status, int64_t retry_after_ms, const char *rate_limits) {
  if (!rate_limits) {
    if (status == 429) hold_all_back(limits, now_ms + (retry_after_ms > 0 ? retry_after_ms : SENTRY_PAUSE_MS));
    return;
  }
  struct span rest = {rate_limits, strlen(rate_limits)};
  while (rest.at && rest.len) {
    struct span limit = span_trim(span_cut(&rest, ','));
    struct span seconds = span_cut(&limit, ':');
    int64_t s;
    if (parse_int64_n(seconds.at, seconds.len, 0, SECONDS_MAX, &s) < 0) continue;
    note_categories(limits, limit.at ? span_cut(&limit, ':') : (struct span){0}, now_ms + s * 1000);
  }
}

bool sentry_limits_hold(const struct sentry_limits *limits, enum sentry_kind kind, int64_t now_ms) {
  return now_ms < limits->until_ms[kind];
}
