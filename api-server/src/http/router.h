/* Which handler a request belongs to: routes are a table, looked up by method and path.
 *
 * A template's segments that begin with ":" take any one segment, percent-decoded; all others are compared exactly. HEAD is served by GET's
 * route. The template is also the `route` of metrics and logs, so a raw path never becomes a label.
 *
 *     static const struct route routes[] = {
 *         {.method = HTTP_GET, .path = "/api/entitlements/:profileId", .doors = DOOR_PUBLIC, .access = ACCESS_BEARER,
 *          .limit = LIMIT_READ, .handle = entitlements_get, .cancel = entitlements_cancel},
 *         {0}};
 */
#pragma once

#include "http/request_head.h"

#include <stdbool.h>

struct request;

/* Which of the two ports; a route may be at both. */
enum door { DOOR_PUBLIC = 1, DOOR_METRICS = 2, DOOR_BOTH = 3 };

enum access {
  ACCESS_ALL,
  ACCESS_BEARER,   /* a verified credential; while the bypass is open, anybody */
  ACCESS_VERIFIED, /* a verified credential, always */
  ACCESS_ISSUER,   /* the issuer's secret */
  ACCESS_SIGNED,   /* CollabPay's signature (auth/signature.h) */
};

/* Which credentials a route of ACCESS_BEARER or ACCESS_VERIFIED takes (auth/authenticate.h). */
enum credential {
  CREDENTIAL_BEARER = 1,  /* Authorization: Bearer <token> */
  CREDENTIAL_SESSION = 2, /* the cookie of a session */
  CREDENTIAL_TICKET = 4,  /* ?ticket=<ticket>, once: for clients that can't send fields */
  CREDENTIAL_USUAL = CREDENTIAL_BEARER | CREDENTIAL_SESSION,
};
enum { CREDENTIAL_ANY = CREDENTIAL_USUAL | CREDENTIAL_TICKET };

enum limit_class { LIMIT_NONE, LIMIT_READ, LIMIT_WRITE, LIMIT_WEBHOOK, LIMIT_ISSUER, LIMIT_TEST, LIMIT_CLASSES };

enum { ROUTE_PARAMETERS = 2, ROUTE_PARAMETER_SIZE = 257 };

struct route {
  enum http_method method;
  const char *path; /* the template; NULL ends a table */
  unsigned doors;
  enum access access;
  unsigned credentials; /* enum credential; 0: CREDENTIAL_USUAL */
  unsigned secret;      /* an optional one of auth/secrets.h, without which the route answers 503 and names it; 0: none */
  enum limit_class limit;
  /* Answers now or later, exactly once, by request_answer or request_problem. */
  void (*handle)(struct request *request);
  /* The client is gone, or the server ends: stop what is under way; there is nobody to answer. NULL: the handler never waits. */
  void (*cancel)(struct request *request);
  bool takes_json; /* a body of application/json is required */
  bool events;     /* answers text/event-stream: an EventSource that is refused for a while is put off (request_problem) */
  bool quiet;      /* logged at debug alone: probes and scrapes */
};

struct route_parameters {
  char values[ROUTE_PARAMETERS][ROUTE_PARAMETER_SIZE];
};

enum route_result {
  ROUTE_FOUND,
  ROUTE_ABSENT,    /* 404 */
  ROUTE_METHOD,    /* the path exists for other methods, which are in *RET_ALLOWED: 405, or the answer to OPTIONS */
  ROUTE_MALFORMED, /* a parameter that can't be decoded: 400 */
};

/* RET_ROUTE and RET_PARAMETERS are set with ROUTE_FOUND; RET_ALLOWED, a bit a method, with ROUTE_METHOD. */
enum route_result route_find(const struct route *routes, enum door door, enum http_method method, struct span path,
                             const struct route **ret_route, struct route_parameters *ret_parameters, unsigned *ret_allowed);

/* "GET, HEAD, POST, OPTIONS" of the bits. */
enum { ALLOW_SIZE = 64 };
void route_allow(unsigned allowed, char to[ALLOW_SIZE]);
