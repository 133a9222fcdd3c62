#include "observe/sentry_dsn.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", digits[] = "0123456789";

static bool consists_of(const char *at, size_t n, const char *more) {
  for (size_t i = 0; i < n; i++)
    if (!at[i] || !(strchr(letters, at[i]) || strchr(digits, at[i]) || strchr(more, at[i]))) return false;
  return n > 0;
}

int sentry_dsn_parse(const char *text, struct sentry_dsn *ret) {
  const char *scheme = !strncmp(text, "https://", 8) ? "https" : !strncmp(text, "http://", 7) ? "http" : NULL;
  const char *key = scheme ? text + strlen(scheme) + 3 : NULL, *at = key ? strchr(key, '@') : NULL;
  const char *project = at ? strrchr(at, '/') : NULL;
  if (!project) return -1;
  size_t key_len = strcspn(key, ":@"), place_len = (size_t)(project - at) - 1;
  const char *place = at + 1;
  size_t host_len = strcspn(place, "/");
  if (key_len >= SENTRY_KEY_SIZE || !consists_of(key, key_len, "") || !consists_of(project + 1, strlen(project + 1), "-_")) return -1;
  if (host_len > place_len || !consists_of(place, host_len, "-.:[]") || !consists_of(place, place_len, "-.:[]/_~")) return -1;
  struct sentry_dsn dsn;
  int n = snprintf(dsn.url, sizeof dsn.url, "%s://%.*s/api/%s/envelope/", scheme, (int)place_len, place, project + 1);
  if (n >= (int)sizeof dsn.url) return -1;
  (void)snprintf(dsn.key, sizeof dsn.key, "%.*s", (int)key_len, key);
  return *ret = dsn, 0;
}
