/* What Sentry has asked us not to send for a while (develop.sentry.dev/sdk, Rate Limiting).
 *
 *     sentry_limits_note(&limits, now_ms, status, retry_after_ms, http_response_header(response, "x-sentry-rate-limits"));
 *     if (sentry_limits_hold(&limits, SENTRY_EVENT, now_ms)) drop();
 */
#pragma once

#include "observe/sentry_envelope.h"

enum { SENTRY_PAUSE_MS = 60000 }; /* after a 429 that doesn't say how long */

struct sentry_limits {
  int64_t until_ms[SENTRY_KINDS];
};

/* RETRY_AFTER_MS: 0 without the field; RATE_LIMITS ("60:error;transaction:key, 2700:default:organization"): NULL without it, and then it is
 * 429 alone that counts. A limit without categories is one of all; what can't be read in it is passed over. */
void sentry_limits_note(struct sentry_limits *limits, int64_t now_ms, int status, int64_t retry_after_ms, const char *rate_limits);
bool sentry_limits_hold(const struct sentry_limits *limits, enum sentry_kind kind, int64_t now_ms);
