/* HTTP/1.1 on our own sockets: listeners, connections, and the requests that they carry, in the order in which they came.
 *
 *     struct http_server *server = http_server_new(loop, &(struct http_server_settings){.routes = routes, .dispatch = on_request, …}, &error);
 *     http_server_listen(server, fd, DOOR_PUBLIC, &error);
 *     ...
 *     http_server_drain(server);       // every answer from now on says Connection: close
 *     http_server_stop(server);        // no new connections, idle ones are closed
 *     if (!http_server_connections(server)) ...
 *
 * Bounds: connections in all and an address, bytes of a head and a body, bytes buffered for a slow reader; time for a head, a body, an idle
 * connection, a reader's progress. A connection ends by shutdown(SHUT_WR) and a bounded read to the peer's end, since a reset would take the
 * answer with it. One descriptor is held in reserve, so that at EMFILE connections are still taken and closed instead of waiting for ever.
 */
#pragma once

#include "base/error.h"
#include "http/address.h"
#include "http/guard.h"
#include "http/response.h"
#include "http/router.h"

struct loop;
struct http_server;
struct request;

struct http_server_settings {
  const struct route *routes;
  const struct networks *trusted_proxies; /* not counted by address */
  size_t max_connections, max_connections_per_address;
  int64_t header_timeout_ms, body_timeout_ms, keepalive_timeout_ms;
  void (*dispatch)(struct request *request);  /* routed or not: request->route is NULL where nothing was found */
  void (*answered)(struct request *request);  /* the answer is composed: for logs and metrics; also of what the guard refused */
  void (*cancelled)(struct request *request); /* it was dispatched, and nobody waits for its answer any more: stop what is under way */
  void *owner;                                /* request_owner() */
};

/* Counts, for metrics. */
struct http_server_counts {
  int64_t connections, in_flight; /* now */
  int64_t refused_connections;    /* ever */
};

/* SETTINGS is copied, what it points to is borrowed. */
struct http_server *http_server_new(struct loop *loop, const struct http_server_settings *settings, struct error *error);
void http_server_free(struct http_server *server); /* closes every connection and listener at once; accepts NULL */

/* Takes FD, a listening socket that doesn't block, and closes it at the end. */
int http_server_listen(struct http_server *server, int fd, enum door door, struct error *error) _must_check_;

void http_server_drain(struct http_server *server);
void http_server_stop(struct http_server *server);
struct http_server_counts http_server_counts(const struct http_server *server);

DEFINE_CLEANUP(struct http_server, http_server_freep, http_server_free)
