/* What the routes' own table (routes/routes.c) doesn't say about them, for people and for the OpenAPI document: one row a route.
 *
 * Method, credentials, limits and the refusals that follow from them stand in the routes' table and are not said again; the fields of bodies
 * and queries are the arrays that the handlers check with (routes/bodies.h). tests/test_openapi.c proves that every route has its row.
 */
#pragma once

#include "routes/fields.h"
#include "settings/settings.h"

enum { ANSWERS_MAX = 5, REFUSALS_MAX = 6, NAMES_MAX = 4, HEADERS_MAX = 2 };

struct answer {
  int status;         /* 0 ends the list */
  const char *schema; /* one of components.json; NULL: no body */
  const char *type;   /* NULL: application/json */
};

struct description {
  enum http_method method;
  const char *path; /* the route's template; NULL ends the table */
  const char *id;   /* the operation's name; what components.json's x-bodies and x-examples are found by */
  const char *tag, *summary, *more;
  const char *roles;  /* that the caller needs one of: "admin, finance" */
  const char *scheme; /* a credential that the handler itself looks at, by its name in components.json */
  const struct field *query;
  const char *names[NAMES_MAX]; /* parameters of components.json beside those in the path */
  /* A JSON Schema made of the handler's rules, to which x-bodies adds what rules can't say; the caller owns it. */
  cJSON *(*body)(const struct settings *settings);
  struct answer answers[ANSWERS_MAX];
  const char *headers[HEADERS_MAX]; /* of components.json, in its good answers; an ETag follows from 304 */
  int refusals[REFUSALS_MAX];       /* statuses of the handler's own */
};

extern const struct description descriptions[];

/* The row of a route; NULL: there is none. */
const struct description *describe(enum http_method method, const char *path);
