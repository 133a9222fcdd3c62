/* Bytes to and from one server: name look-up, connect, TLS, and a bounded buffer of what waits to be sent.
 *
 *     redis_stream_init(&stream, loop, resolver, tls_or_NULL);
 *     stream.received = …; stream.failed = …;
 *     redis_stream_open(&stream, &place);           // until failed() or redis_stream_close()
 *     redis_stream_write(&stream, bytes, n);        // also before it is open; what one turn of the loop writes leaves together
 *
 * No time-outs of its own: whoever waits closes it. After failed() it is closed and can be opened again; the attempts begin at different
 * addresses of the name, so that one that swallows packets can't keep us from the rest. Embedded in its owner; one loop.
 */
#pragma once

#include "base/buffer.h"
#include "net/loop.h"
#include "store/dependency.h"
#include "store/redis_target.h"
#include "store/redis_tls.h"
#include "store/resolver.h"

enum redis_stream_state { REDIS_STREAM_CLOSED, REDIS_STREAM_RESOLVING, REDIS_STREAM_CONNECTING, REDIS_STREAM_SHAKING, REDIS_STREAM_OPEN };

struct redis_stream {
  void (*received)(struct redis_stream *stream, const char *bytes, size_t n); /* may close it */
  void (*failed)(struct redis_stream *stream, enum dependency_reason reason, const struct error *error);

  struct loop *loop;
  struct resolver *resolver;
  SSL_CTX *tls; /* NULL: plain */
  struct redis_place place;
  enum redis_stream_state state;
  int fd;
  SSL *ssl;
  struct io io;
  struct task flush;
  struct resolution resolution;
  struct buffer out;
  unsigned attempts;
};

void redis_stream_init(struct redis_stream *stream, struct loop *loop, struct resolver *resolver, SSL_CTX *tls);
void redis_stream_done(struct redis_stream *stream);

void redis_stream_open(struct redis_stream *stream, const struct redis_place *place);
void redis_stream_close(struct redis_stream *stream); /* twice is fine */

/* All of it or nothing: -1 when too much waits already. */
int redis_stream_write(struct redis_stream *stream, const void *bytes, size_t n) _must_check_;
