#include "base/number.h"
#include "store/redis.h"

#include <string.h>

static const char scheme[] = "redis://";

static int hex_digit(char c) {
  const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;
  return at ? (int)(at - digits) : -1;
}

/* N bytes of TEXT, percent-decoded, into TO; a NUL is refused. */
static int decode(const char *text, size_t n, char *to, size_t size) {
  size_t len = 0;
  for (size_t i = 0; i < n; i++) {
    char c = text[i];
    if (c == '%') {
      int high = i + 2 < n ? hex_digit(text[i + 1]) : -1, low = high >= 0 ? hex_digit(text[i + 2]) : -1;
      if (low < 0) return -1;
      c = (char)(high << 4 | low);
      i += 2;
    }
    if (!c || len + 1 >= size) return -1;
    to[len++] = c;
  }
  to[len] = 0;
  return 0;
}

static int parse_credentials(const char *text, size_t n, struct redis_address *ret) {
  const char *colon = memchr(text, ':', n);
  if (!colon) return -1;
  size_t user = (size_t)(colon - text);
  return decode(text, user, ret->user, sizeof ret->user) < 0 || decode(colon + 1, n - user - 1, ret->password, sizeof ret->password) < 0
             ? -1
             : 0;
}

/* host, host:port, [address], [address]:port */
static int parse_host(const char *text, size_t n, struct redis_address *ret) {
  const char *end = text + n, *host = text, *host_end;
  if (n && *text == '[') {
    host++;
    host_end = memchr(host, ']', n - 1);
    if (!host_end) return -1;
  } else {
    host_end = memchr(text, ':', n);
    if (!host_end) host_end = end;
  }
  size_t len = (size_t)(host_end - host);
  if (!len || len >= sizeof ret->host) return -1;
  memcpy(ret->host, host, len);
  ret->host[len] = 0;
  const char *rest = host_end + (*text == '[');
  int64_t port = 6379;
  if (rest != end && (*rest != ':' || parse_int64_n(rest + 1, (size_t)(end - rest - 1), 1, 65535, &port) < 0)) return -1;
  ret->port = (int)port;
  return 0;
}

int parse_redis_url(const char *text, struct redis_address *ret, struct error *error) {
  static const char expected[] = "expected redis://[[user]:password@]host[:port][/database], with @ : / % in the password percent-encoded";
  struct redis_address address = {0};
  int64_t database = 0;
  if (text && strncmp(text, "rediss://", 9) == 0)
    return error_set(error, ERROR_INVALID, "REDIS_URL asks for TLS (rediss://), which is not supported; use redis://");
  if (!text || strncmp(text, scheme, strlen(scheme)) != 0)
    return error_set(error, ERROR_INVALID, "REDIS_URL is no Redis URL, %s", expected);
  text += strlen(scheme);
  size_t n = strcspn(text, "/?#");
  const char *at = memrchr(text, '@', n);
  if (at && parse_credentials(text, (size_t)(at - text), &address) < 0)
    return error_set(error, ERROR_INVALID, "REDIS_URL has credentials that can't be read, %s", expected);
  const char *host = at ? at + 1 : text, *path = text + n;
  if (parse_host(host, (size_t)(path - host), &address) < 0)
    return error_set(error, ERROR_INVALID, "REDIS_URL has no usable host and port, %s", expected);
  if (*path && strcmp(path, "/") != 0 && (*path != '/' || parse_int64(path + 1, 0, 1000000, &database) < 0))
    return error_set(error, ERROR_INVALID, "REDIS_URL has a database that is no number, %s", expected);
  address.database = (int)database;
  *ret = address;
  return 0;
}
