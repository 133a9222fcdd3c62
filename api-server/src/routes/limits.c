#include "routes/limits.h"

#include <stddef.h>

/* Whoever asks, and whatever the settings of the other limits are. */
enum { TEST_ERRORS_MAX = 6, TEST_ERRORS_WINDOW_MS = 60000 };

static const struct bucket {
  const char *name, *of_addresses;
  size_t max; /* its setting */
} buckets[LIMIT_CLASSES] = {
    [LIMIT_READ] = {"read", "read/address", offsetof(struct settings, rate_limit_read_max)},
    [LIMIT_WRITE] = {"write", "write/address", offsetof(struct settings, rate_limit_write_max)},
    [LIMIT_WEBHOOK] = {"webhook", "webhook/address", offsetof(struct settings, rate_limit_webhook_max)},
    [LIMIT_ISSUER] = {"issuer", "issuer/address", offsetof(struct settings, rate_limit_issuer_max)},
    [LIMIT_TEST] = {"test-error", NULL, 0},
};

const char *limit_name(enum limit_class class) { return buckets[class].name; }
const char *limit_name_of_addresses(enum limit_class class) { return buckets[class].of_addresses; }

int64_t limit_max(enum limit_class class, const struct settings *settings) {
  if (class == LIMIT_TEST) return TEST_ERRORS_MAX;
  return *(const int64_t *)(const void *)((const char *)settings + buckets[class].max);
}

int64_t limit_window_ms(enum limit_class class, const struct settings *settings) {
  return class == LIMIT_TEST ? TEST_ERRORS_WINDOW_MS : settings->rate_limit_window_ms;
}
