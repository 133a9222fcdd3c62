/* An HTTP/1.1 server on the test's own loop, that answers what the test says: late, in pieces, wrongly or never.
 *
 *     struct http_server *server = http_server_new(loop, on_request, NULL, me);
 *     http_server_url(server)                                            // "http://127.0.0.1:40123"
 *     static void on_request(void *owner, const struct http_server_request *request) {
 *       http_server_answer(request->connection, 200, "Retry-After: 1\r\n", "{}");
 *     }
 *
 * Anything that breaks within it ends the test. Requests with a body need Content-Length. A connection is the test's to use until on_closed.
 */
#pragma once

#include "net/loop.h"

struct http_server;
struct http_connection;

struct http_server_request {
  const char *method, *target; /* "/api/v1/pods?limit=500" */
  const char *head;            /* the header lines as they came */
  const char *body;
  size_t body_len;
  struct http_connection *connection;
};

struct http_server *http_server_new(struct loop *loop, void (*on_request)(void *owner, const struct http_server_request *request),
                                    void (*on_closed)(void *owner, struct http_connection *connection), void *owner);
void http_server_free(struct http_server *server); /* cuts what is open, without on_closed; accepts NULL */
const char *http_server_url(const struct http_server *server);
unsigned http_server_connections(const struct http_server *server); /* open now */

/* HEADERS: lines that end with \r\n, or NULL. */
void http_server_answer(struct http_connection *connection, int status, const char *headers, const char *body);

/* A body in pieces: the peer has each one before the next call of the loop. */
void http_server_begin(struct http_connection *connection, int status, const char *headers);
void http_server_piece(struct http_connection *connection, const char *bytes, size_t n);
void http_server_end(struct http_connection *connection);

/* Bytes as they are, for answers that are no HTTP. */
void http_server_raw(struct http_connection *connection, const char *bytes);
void http_server_cut(struct http_connection *connection); /* closes it where it stands, without on_closed */
