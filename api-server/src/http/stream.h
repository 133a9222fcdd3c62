/* An answer that goes on: bytes are sent as they come to be known, until one side ends it (RFC 9112, 6.3: its end is the connection's).
 *
 *     struct stream stream = {.closed = on_closed};
 *     request_stream(request, &stream, event_stream_type);                 // the request and its arena are gone
 *     stream_write(&stream, "data: 1\n\n", 9);
 *     stream_end(&stream);                                                 // what was written still goes out
 *
 * What the client doesn't take is kept up to STREAM_BEHIND_MAX bytes; a client further behind, or one that takes nothing for the body's
 * time-out, is let go. What it sends is read and forgotten. It counts as a connection, and not as a request in flight.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>

struct request;
struct connection;

enum { STREAM_BEHIND_MAX = 64 * 1024 };

extern const char event_stream_type[]; /* "text/event-stream" (HTML, 9.2.5) */

/* Embedded in who writes. */
struct stream {
  /* The client is gone or too slow, or the server ends: nothing may be written any more. Not called after stream_end, nor from within a
   * function of ours. */
  void (*closed)(struct stream *stream);
  struct connection *connection; /* NULL: not open */
};

/* Answers 200. -1: STREAM is not open, and the request is answered: with the head alone (HEAD), or with 500, since it could not be composed. */
int request_stream(struct request *request, struct stream *stream, const char *content_type) _must_check_;

/* -1: too slow; the stream has ended, without `closed`. */
int stream_write(struct stream *stream, const char *bytes, size_t n) _must_check_;

void stream_end(struct stream *stream); /* fine when it isn't open */
