/* The head of a request that the guard has understood: what a handler asks it.
 *
 * It owns nothing. Everything is kept as offsets into the receive buffer, so when that buffer moves (a body made it grow), one assignment
 * mends all: `head.base = in.data`. Spans that were handed out before are then stale; ask again.
 *
 *     struct span token = request_header(&head, "authorization");   // .at is NULL when there is none
 *     char cursor[65];
 *     int got = request_query(&head, "cursor", cursor, sizeof cursor); // 1, 0: absent, -1: malformed
 */
#pragma once

#include "base/arena.h"
#include "http/span.h"

#include <stdint.h>

enum { REQUEST_HEADERS_MAX = 100 };

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_PATCH, HTTP_OPTIONS, HTTP_METHODS };

enum body_kind {
  BODY_NONE,    /* neither Content-Length nor Transfer-Encoding: no body (RFC 9112, 6.3) */
  BODY_LENGTH,  /* Content-Length, perhaps 0 */
  BODY_CHUNKED, /* Transfer-Encoding: chunked */
};

/* Bytes of the head: base + at, len. */
struct slice {
  uint16_t at, len;
};

struct request_head {
  const char *base; /* where the message starts in the receive buffer */
  size_t len;       /* the whole head with its last empty line: the body starts at base + len */
  enum http_method method;
  enum body_kind body;
  int64_t content_length; /* of BODY_LENGTH, within the guard's bound; else 0 */
  bool http10;            /* HTTP/1.0: answered with Connection: close */
  bool keep_alive;        /* the client lets the connection live on */
  bool expect_continue;   /* the client waits for 100 Continue before it sends the body */
  bool websocket;         /* a whole and valid WebSocket upgrade (RFC 6455, 4.2.1) but for Origin and credential */
  struct slice target_slice, path_slice, query_slice, host_slice;
  uint16_t header_count;
  struct {
    struct slice name, value;
  } headers[REQUEST_HEADERS_MAX];
};

/* "GET". */
const char *http_method_name(enum http_method method);

/* The method of that exact name; -1 when it is none of ours. Methods are case-sensitive (RFC 9110, 9.1). */
int http_method_find(struct span name);

/* The request-target as it came: for logs, never for routing. */
struct span request_target(const struct request_head *head);

/* The absolute path, still percent-encoded: begins with "/", or is "*" (OPTIONS alone). Valid bytes and encodings only; dot segments and
 * empty segments are left as they are: decode each segment with percent_segment, which refuses what is ambiguous. */
struct span request_path(const struct request_head *head);

/* What follows the "?", still encoded; .at is NULL without one. */
struct span request_query_string(const struct request_head *head);

/* The authority, with its port where given; .at is NULL only with HTTP/1.0. */
struct span request_host(const struct request_head *head);

/* The value of the first field of that name (any case), trimmed; .at is NULL when there is none. The guard has refused a second one of the
 * fields that may stand once: content-type, authorization, origin, ... (guard_fields.c). */
struct span request_header(const struct request_head *head, const char *name);

/* All fields of that name in their order: *INDEX starts at 0; false at the end. For lists over several lines. */
bool request_header_next(const struct request_head *head, const char *name, unsigned *index, struct span *ret_value);

/* The same as one list (RFC 9110, 5.3), in the arena where there are several; .at is NULL without any, and without memory. */
struct span request_header_list(const struct request_head *head, const char *name, struct arena *arena);

/* The decoded value of a query parameter into TO. 1: it is there; 0: it is not; -1: malformed, longer than SIZE - 1, or given twice. */
int request_query(const struct request_head *head, const char *name, char *to, size_t size);
