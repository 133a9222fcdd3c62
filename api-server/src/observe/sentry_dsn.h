/* Where reports go: SENTRY_DSN (develop.sentry.dev/sdk, DSN), scheme://key[:secret]@host[:port][/path]/project.
 *
 *     struct sentry_dsn dsn;
 *     if (sentry_dsn_parse("https://abc@o1.ingest.sentry.io/42", &dsn) < 0) ...
 *     dsn.url      "https://o1.ingest.sentry.io/api/42/envelope/"
 */
#pragma once

#include "base/cleanup.h"

enum { SENTRY_URL_SIZE = 640, SENTRY_KEY_SIZE = 129 };

struct sentry_dsn {
  char url[SENTRY_URL_SIZE], key[SENTRY_KEY_SIZE];
};

/* The secret that older ones hold is not used. -1 for what is none. */
int sentry_dsn_parse(const char *text, struct sentry_dsn *ret) _must_check_;
