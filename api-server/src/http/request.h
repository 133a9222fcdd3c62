/* One request, from its last byte to its answer.
 *
 * A handler reads it, and answers once, at once or later: from then on it must not be touched. Spans into the head or body are good until
 * the loop turns (more bytes may move the buffer); what is needed later is copied into the arena or asked for again.
 *
 *     struct buffer *body = request_scratch(request);
 *     buffer_puts(body, "{\"ok\":true}");
 *     request_field(request, "ETag", etag);
 *     request_answer(request, 200, "application/json", body->data, body->len);
 *
 *     request_problem(request, &(struct problem){.type = PROBLEM_FORBIDDEN, .detail = "Only admins may do that."});
 */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "http/address.h"
#include "http/problem.h"
#include "http/router.h"

struct connection;

enum { REQUEST_ID_SIZE = 65, REQUEST_FIELDS = 24, REQUEST_ARENA = 4 << 20 };

struct request {
  struct request_head head;
  const char *body;
  size_t body_len;
  enum route_result found;
  const struct route *route; /* NULL unless found == ROUTE_FOUND */
  struct route_parameters parameters;
  unsigned allowed;         /* the methods, where found == ROUTE_METHOD */
  struct arena *arena;      /* ends with the request */
  char id[REQUEST_ID_SIZE]; /* x-request-id where it came with a sane one, else ours */
  enum door door;
  struct address peer, client; /* the socket's other end; who is behind the trusted proxies */
  int64_t started_us;          /* monotonic: the head was complete */

  struct response_field fields[REQUEST_FIELDS]; /* of the answer */
  size_t field_count;
  bool close; /* end the connection after this answer */

  /* of the answer, once it is composed */
  int status; /* what it comes to; an EventSource that is put off is sent another (request_problem) */
  int64_t duration_us;
  const char *refusal; /* the guard's rule that it broke, or NULL */

  void *state; /* the program's own, in the arena: who asks, and what is under way */

  struct connection *connection;
  struct request *next; /* in the pool */
};

/* The server's `owner`. */
void *request_owner(const struct request *request);

/* An empty buffer that holds until the answer, shared by all requests: fill it and answer in one go. */
struct buffer *request_scratch(struct request *request);

/* A field of the answer; the value is borrowed until then. More than REQUEST_FIELDS are dropped. */
void request_field(struct request *request, const char *name, const char *value);

/* BODY (copied) is left out for HEAD, 204 and 304. CONTENT_TYPE may be NULL. */
void request_answer(struct request *request, int status, const char *content_type, const char *body, size_t n);

/* `instance` is set here. One that says when to come back (retry_after_s) puts an EventSource off: HTML, 9.2.3, has it give up for good on any
 * answer but 200, and come back by itself after a stream that ends. So on a route of `events`, who accepts text/event-stream above a problem gets
 * a stream that says `retry` and nothing else. `status`, for the log and the metrics, is the problem's all the same. */
void request_problem(struct request *request, const struct problem *problem);
void request_refuse(struct request *request, enum problem_type type, const char *detail);
