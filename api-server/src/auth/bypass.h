/* DEV_AUTH_OPEN: letting requests in without a verified token, and for how long.
 *
 * In development for ever. Elsewhere only until DEV_AUTH_OPEN_UNTIL, at most four hours from the start; a time that is missing, malformed,
 * past or too far leaves it closed and says so in the log, and never keeps the server from starting.
 */
#pragma once

#include "settings/settings.h"

#include <stdbool.h>
#include <stdint.h>

struct bypass {
  int64_t until_ms; /* real time; 0: closed; INT64_MAX: open for ever */
};

enum { BYPASS_LONGEST_MS = 4 * 3600 * 1000 };

/* Logs what it decides, once. */
struct bypass bypass_decide(const struct settings *settings, int64_t now_ms);
static inline bool bypass_is_open(const struct bypass *bypass, int64_t now_ms) { return now_ms < bypass->until_ms; }
