/* DATABASE_URL: checked once, so that what is wrong with it can be said without repeating any of it (it holds a password).
 *
 * libpq's own complaints quote the part that they stumbled over, which in `postgres://user:pa/ss@host` is the password; they never leave
 * this module. Format: PostgreSQL 15, 34.1.1 (connection strings).
 */
#pragma once

#include "base/error.h"

enum { DATABASE_URL_OPTIONS = 40 };

/* Keywords and values for PQconnectdbParams or PQconnectStartParams; NULL-terminated. */
struct database_url {
  const char *keywords[DATABASE_URL_OPTIONS], *values[DATABASE_URL_OPTIONS];
  const char *host; /* where it is: a name, an address or a socket's folder */
  const char *name; /* what its certificate says; mostly the same */
  const char *port; /* "5432" */
  void *options;    /* libpq's own; holds all the text above */
  char *merged;     /* the text of `options=` */
};

/* 0, or -1 (ERROR_INVALID) with a sentence that names VARIABLE and holds nothing of URL. SERVER_OPTIONS ("-c statement_timeout=1800", or
 * NULL) are put behind those of the URL. Password files, service files and PG… variables are not consulted by what this returns, but
 * libpq still reads its environment for keywords that are missing. One host alone: several are refused with a sentence. */
int database_url_init(struct database_url *ret, const char *variable, const char *url, const char *server_options,
                      struct error *error) _must_check_;
void database_url_done(struct database_url *url); /* accepts one that is zeroed */

/* Replaces, or adds, one keyword. KEYWORD and VALUE are borrowed. */
void database_url_set(struct database_url *url, const char *keyword, const char *value);
