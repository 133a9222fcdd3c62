#include "store/redis_target.h"

#include "base/number.h"

#include <string.h>

/* What a variable's value may look like. */
struct form {
  const char *name;
  bool bare; /* may do without the scheme */
  size_t hosts;
  int port; /* where none is given; 0: none may be given */
  bool database;
  const char *expected;
};

#define HINT ", with @ : / % , in the password percent-encoded"

static const struct form url_form = {"REDIS_URL", false, 1, 6379, true, "redis://[[user]:password@]host[:port][/database]" HINT};
static const struct form sentinel_form = {"REDIS_SENTINEL",
                                          true,
                                          REDIS_PLACES,
                                          26379,
                                          false,
                                          "sentinel1:26379,sentinel2:26379 or redis://[[user]:password@]sentinel1,sentinel2" HINT};
static const struct form master_form = {
    "REDIS_MASTER", true, 1, 0, true, "the master's name, or redis://[[user]:password@]name[/database]" HINT};
static const struct form cluster_form = {
    "REDIS_CLUSTER_NODES", true, REDIS_PLACES, 6379, false, "node1:6379,node2:6379 or redis://[[user]:password@]node1,node2" HINT};

static int refuse(const struct form *form, const char *what, struct error *error) {
  return error_set(error, ERROR_INVALID, "%s %s, expected %s", form->name, what, form->expected);
}

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

static int parse_credentials(const char *text, size_t n, struct redis_login *ret) {
  const char *colon = memchr(text, ':', n);
  if (!colon) return -1;
  size_t user = (size_t)(colon - text);
  return decode(text, user, ret->user, sizeof ret->user) < 0 || decode(colon + 1, n - user - 1, ret->password, sizeof ret->password) < 0
             ? -1
             : 0;
}

/* host, host:port, [address], [address]:port */
static int parse_place(const char *text, size_t n, int default_port, struct redis_place *ret) {
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
  if (!len || len >= sizeof ret->host || memchr(host, '@', len) || memchr(host, ' ', len)) return -1;
  const char *rest = host_end + (n && *text == '[');
  int64_t port = default_port;
  if (rest != end && (!default_port || *rest != ':' || parse_int64_n(rest + 1, (size_t)(end - rest - 1), 1, 65535, &port) < 0)) return -1;
  memcpy(ret->host, host, len);
  ret->host[len] = 0;
  ret->port = (int)port;
  return 0;
}

static int parse_places(const struct form *form, const char *text, const char *end, struct redis_place *ret, size_t *ret_count) {
  size_t count = 0;
  for (;; text++) {
    while (form->hosts > 1 && text < end && *text == ' ') text++;
    const char *comma = memchr(text, ',', (size_t)(end - text)), *entry_end = comma ? comma : end;
    if (count == form->hosts || parse_place(text, (size_t)(entry_end - text), form->port, &ret[count++]) < 0) return -1;
    text = entry_end;
    if (text == end) return *ret_count = count, 0;
  }
}

/* The scheme of TEXT, or its absence. Gives what comes after. */
static const char *take_scheme(const struct form *form, const char *text, struct redis_login *login) {
  login->tls = text && strncmp(text, "rediss://", 9) == 0;
  if (login->tls) return text + 9;
  if (text && strncmp(text, "redis://", 8) == 0) return text + 8;
  return text && form->bare && !strstr(text, "://") && !strchr(text, '@') ? text : NULL;
}

static int parse(const struct form *form, const char *text, struct redis_place *ret_places, size_t *ret_count,
                 struct redis_login *ret_login, struct error *error) {
  struct redis_login login = {0};
  int64_t database = 0;
  text = take_scheme(form, text, &login);
  if (!text) return refuse(form, "is not of its form", error);
  size_t n = strcspn(text, "/?#");
  const char *at = memrchr(text, '@', n), *path = text + n;
  if (at && parse_credentials(text, (size_t)(at - text), &login) < 0) return refuse(form, "has credentials that can't be read", error);
  if (parse_places(form, at ? at + 1 : text, path, ret_places, ret_count) < 0)
    return refuse(form, form->port ? "has no usable host and port" : "has no usable name", error);
  if (*path && strcmp(path, "/") != 0 && (!form->database || *path != '/' || parse_int64(path + 1, 0, 1000000, &database) < 0))
    return refuse(form, form->database ? "has a database that is no number" : "has something after its hosts", error);
  login.database = (int)database;
  *ret_login = login;
  return 0;
}

static int parse_sentinel(const struct redis_settings *settings, struct redis_target *target, struct error *error) {
  struct redis_place master;
  size_t count;
  if (parse(&sentinel_form, settings->sentinel, target->places, &target->count, &target->login, error) < 0) return -1;
  if (parse(&master_form, settings->master, &master, &count, &target->master_login, error) < 0) return -1;
  if (strlen(master.host) >= sizeof target->master) return refuse(&master_form, "is too long", error);
  memcpy(target->master, master.host, strlen(master.host) + 1);
  return 0;
}

int redis_target_parse(const struct redis_settings *settings, struct redis_target *ret, struct error *error) {
  struct redis_target target = {.mode = settings->mode};
  int failed = -1;
  switch (settings->mode) {
    case REDIS_MODE_SINGLE: failed = parse(&url_form, settings->url, target.places, &target.count, &target.login, error); break;
    case REDIS_MODE_SENTINEL: failed = parse_sentinel(settings, &target, error); break;
    case REDIS_MODE_CLUSTER:
      failed = parse(&cluster_form, settings->cluster_nodes, target.places, &target.count, &target.login, error);
      break;
    default: return error_set(error, ERROR_BUG, "there is no Redis in this mode");
  }
  if (failed == 0) *ret = target;
  explicit_bzero(&target, sizeof target);
  return failed;
}
