#include "store/database_url.h"

#include "base/number.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *find(const PQconninfoOption *options, const char *keyword) {
  for (; options->keyword; options++)
    if (strcmp(options->keyword, keyword) == 0) return options->val && *options->val ? options->val : NULL;
  return NULL;
}

static bool is_host(const char *host) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";
  return *host == '/' || (strlen(host) < 256 && host[strspn(host, allowed)] == 0);
}

/* None of these sentences repeats a part of the URL. */
static int check(const PQconninfoOption *options, const char *variable, struct error *error) {
  const char *host = find(options, "host"), *address = find(options, "hostaddr");
  const char *port = find(options, "port"), *name = find(options, "dbname");
  int64_t number;
  if (!host) host = address;
  if (!address) address = host;
  if (!host) return error_set(error, ERROR_INVALID, "%s names no host", variable);
  if (strchr(host, ',') || strchr(address, ',')) return error_set(error, ERROR_INVALID, "%s names several hosts, expected one", variable);
  if (!is_host(host) || !is_host(address) || (name && strchr(name, '@')))
    return error_set(error, ERROR_INVALID,
                     "%s is cut at the wrong place: @ : / ? # %% in a user's name or password must be percent-encoded", variable);
  if (port && parse_int64(port, 1, 65535, &number) < 0)
    return error_set(error, ERROR_INVALID, "%s has a port that is no number from 1 to 65535 (@ : / in a password must be percent-encoded)",
                     variable);
  return 0;
}

static int merge_options(struct database_url *url, const char *given, const char *ours, struct error *error) {
  if (!ours) return 0;
  if (asprintf(&url->merged, "%s%s%s", given ? given : "", given ? " " : "", ours) < 0) {
    url->merged = NULL;
    return error_oom(error);
  }
  database_url_set(url, "options", url->merged);
  return 0;
}

int database_url_init(struct database_url *ret, const char *variable, const char *url, const char *server_options, struct error *error) {
  *ret = (struct database_url){0};
  char *complaint = NULL;
  PQconninfoOption *options = PQconninfoParse(url ? url : "", &complaint);
  PQfreemem(complaint);
  if (!options)
    return error_set(error, ERROR_INVALID, "%s is no PostgreSQL URL, expected postgresql://user:password@host:5432/database", variable);
  ret->options = options;
  if (check(options, variable, error) < 0) return database_url_done(ret), -1;

  for (const PQconninfoOption *o = options; o->keyword; o++)
    if (o->val && *o->val) database_url_set(ret, o->keyword, o->val);
  ret->host = find(options, "hostaddr") ? find(options, "hostaddr") : find(options, "host");
  ret->name = find(options, "host") ? find(options, "host") : ret->host;
  ret->port = find(options, "port") ? find(options, "port") : "5432";
  if (merge_options(ret, find(options, "options"), server_options, error) < 0) return database_url_done(ret), -1;
  return 0;
}

void database_url_done(struct database_url *url) {
  free(url->merged);
  PQconninfoFree(url->options);
  *url = (struct database_url){0};
}

void database_url_set(struct database_url *url, const char *keyword, const char *value) {
  size_t at = 0;
  while (at < DATABASE_URL_OPTIONS - 1 && url->keywords[at] && strcmp(url->keywords[at], keyword) != 0) at++;
  if (at == DATABASE_URL_OPTIONS - 1) return;
  url->keywords[at] = keyword;
  url->values[at] = value;
}
