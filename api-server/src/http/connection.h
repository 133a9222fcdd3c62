/* One client connection: bytes in, the guard, requests in their order, bytes out. Inside http/ only.
 *
 *   reading --head and body complete--> working --answered--> reading (what was pipelined follows at once)
 *      |  refused, timed out                |  Connection: close
 *      +------------> lingering <-----------+
 *                        ^------------- streaming <-- the answer goes on (stream.h)
 *
 * While a request is worked on, what follows it is read ahead to a bound, and then no more. An answer goes out at once; what the reader doesn't
 * take is kept to a bound, and further requests wait for it.
 */
#pragma once

#include "base/buffer.h"
#include "http/request.h"
#include "http/server.h"
#include "http/stream.h"
#include "net/loop.h"

enum { READ_BYTES = 4 * 1024 - 1, READ_AHEAD = 64 * 1024, OUT_HIGH = 64 * 1024, OUT_MAX = 4 * 1024 * 1024, IDLE_BUFFER = 8 * 1024 };
enum { LINGER_MS = 2000, LINGER_BYTES = 1024 * 1024 };

enum connection_phase {
  PHASE_IDLE, /* between messages */
  PHASE_HEAD,
  PHASE_BODY,
  PHASE_WORKING,   /* the handler has it */
  PHASE_STREAMING, /* the answer goes on; `stream` writes it */
  PHASE_LINGERING,
};

struct connection {
  struct http_server *server;
  struct connection *next, **previous;
  struct io io;
  struct timer timer;
  int64_t deadline_ms; /* 0: none; the timer may fire earlier and is then set anew */
  enum door door;
  struct address peer;
  enum connection_phase phase;
  struct guard guard;
  struct request *request; /* from its first byte on */
  struct stream *stream;   /* in PHASE_STREAMING */
  struct buffer in, out;
  size_t sent; /* bytes of `out` that are gone */
  size_t lingered;
  bool counted;   /* by its address */
  bool peer_done; /* nothing more comes in */
  bool closing;   /* ends when `out` is empty */
  bool pumping;   /* requests are being taken from `in` further up the stack */
};

/* Takes FD; on failure it is closed. */
void http_connection_start(struct http_server *server, int fd, enum door door, const struct address *peer);
/* At once, without a word; what is under way is cancelled. */
void http_connection_close(struct connection *c);
/* After its answer was appended to `out`. The connection may be gone afterwards. */
void http_connection_answered(struct connection *c);
/* After the head of an answer that goes on was appended to `out`. */
void http_connection_streams(struct connection *c, struct stream *stream);
/* Gives the socket away and ends the connection and REQUEST: what came after its head is appended to READ. */
int http_connection_hand_over(struct request *request, struct buffer *read);
