#include "store/redis_stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STREAM_OUTPUT = 4 << 20, STREAM_READ = 16384 /* a TLS record */ };

void redis_stream_close(struct redis_stream *stream) {
  resolver_cancel(&stream->resolution);
  task_stop(&stream->flush);
  io_stop(&stream->io);
  SSL_free(stream->ssl);
  stream->ssl = NULL;
  if (stream->fd >= 0) (void)close(stream->fd);
  stream->fd = -1;
  stream->state = REDIS_STREAM_CLOSED;
  buffer_clear(&stream->out);
}

static void fail(struct redis_stream *stream, enum dependency_reason reason, const struct error *why) {
  struct error error = *why;
  error.kind = ERROR_RETRY;
  redis_stream_close(stream);
  stream->failed(stream, reason, &error);
}

static void fail_errno(struct redis_stream *stream, int number, const char *what) {
  struct error error;
  error_errno(&error, number, "%s", what);
  fail(stream, number == EPROTO ? DEPENDENCY_TLS : dependency_reason_of_errno(number), &error);
}

static void fail_text(struct redis_stream *stream, const char *text) {
  struct error error;
  error_set(&error, ERROR_RETRY, "%s", text);
  fail(stream, DEPENDENCY_UNREACHABLE, &error);
}

/* -1: it has failed, and is closed. */
static int want(struct redis_stream *stream, uint32_t events) {
  struct error error;
  if (io_want(&stream->io, events, &error) == 0) return 0;
  fail(stream, DEPENDENCY_UNREACHABLE, &error);
  return -1;
}

static void send_output(struct redis_stream *stream) {
  struct buffer *out = &stream->out;
  ssize_t n = 0;
  if (out->len) n = stream->ssl ? redis_tls_write(stream->ssl, out->data, out->len) : send(stream->fd, out->data, out->len, MSG_NOSIGNAL);
  if (n < 0 && errno != EAGAIN && errno != EINTR) {
    fail_errno(stream, errno, "send to Redis");
    return;
  }
  if (n > 0) buffer_consume(out, (size_t)n);
  (void)want(stream, out->len ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void on_flush(struct task *task) {
  struct redis_stream *stream = CONTAINER_OF(task, struct redis_stream, flush);
  if (stream->state == REDIS_STREAM_OPEN) send_output(stream);
}

static void open_up(struct redis_stream *stream) {
  stream->state = REDIS_STREAM_OPEN;
  send_output(stream);
}

static void shake(struct redis_stream *stream) {
  struct error error;
  switch (redis_tls_shake(stream->ssl, &error)) {
    case REDIS_TLS_DONE: open_up(stream); break;
    case REDIS_TLS_WANTS_READ: (void)want(stream, EPOLLIN); break;
    case REDIS_TLS_WANTS_WRITE: (void)want(stream, EPOLLIN | EPOLLOUT); break;
    case REDIS_TLS_FAILED: fail(stream, DEPENDENCY_TLS, &error); break;
  }
}

static void take_connect(struct redis_stream *stream) {
  struct error error;
  int code = 0;
  socklen_t len = sizeof code;
  if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0) code = errno;
  if (code) {
    fail_errno(stream, code, "connect to Redis");
    return;
  }
  if (!stream->tls) {
    open_up(stream);
    return;
  }
  stream->state = REDIS_STREAM_SHAKING;
  stream->ssl = redis_tls_open(stream->tls, stream->fd, stream->place.host, &error);
  if (stream->ssl)
    shake(stream);
  else
    fail(stream, DEPENDENCY_TLS, &error);
}

/* Of what the kernel holds one portion a turn; of what OpenSSL has already taken from it, all. */
static void receive(struct redis_stream *stream) {
  char bytes[STREAM_READ];
  do {
    ssize_t n = stream->ssl ? redis_tls_read(stream->ssl, bytes, sizeof bytes) : recv(stream->fd, bytes, sizeof bytes, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) {
      fail_errno(stream, errno, "receive from Redis");
    } else if (n == 0) {
      fail_text(stream, "Redis closed the connection");
    } else {
      stream->received(stream, bytes, (size_t)n);
    }
  } while (stream->ssl && SSL_pending(stream->ssl));
}

static void on_ready(struct io *io, uint32_t events) {
  struct redis_stream *stream = CONTAINER_OF(io, struct redis_stream, io);
  switch (stream->state) {
    case REDIS_STREAM_CONNECTING: take_connect(stream); break;
    case REDIS_STREAM_SHAKING: shake(stream); break;
    case REDIS_STREAM_OPEN:
      if (events & EPOLLOUT) send_output(stream);
      if (stream->state == REDIS_STREAM_OPEN && events & ~(uint32_t)EPOLLOUT) receive(stream);
      break;
    default: break;
  }
}

static socklen_t make_address(const char *text, int port, struct sockaddr_storage *ret) {
  struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
  memset(ret, 0, sizeof *ret);
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    return sizeof *v4;
  }
  if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1) return 0;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons((uint16_t)port);
  return sizeof *v6;
}

static void on_resolved(struct resolution *resolution, const struct resolver_answer *answer, const struct error *error) {
  struct redis_stream *stream = CONTAINER_OF(resolution, struct redis_stream, resolution);
  if (error) {
    fail(stream, DEPENDENCY_UNREACHABLE, error);
    return;
  }
  struct sockaddr_storage address;
  struct error failure;
  int one = 1;
  socklen_t len = make_address(answer->addresses[stream->attempts++ % answer->count], stream->place.port, &address);
  stream->fd = len ? socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
  stream->state = REDIS_STREAM_CONNECTING;
  if (stream->fd < 0) {
    fail_text(stream, "Redis' address can't be used");
    return;
  }
  (void)setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* only slower without */
  if (connect(stream->fd, (struct sockaddr *)&address, len) < 0 && errno != EINPROGRESS) {
    fail_errno(stream, errno, "connect to Redis");
  } else if (io_start(&stream->io, stream->loop, stream->fd, EPOLLOUT, on_ready, &failure) < 0) {
    fail(stream, DEPENDENCY_UNREACHABLE, &failure);
  }
}

void redis_stream_init(struct redis_stream *stream, struct loop *loop, struct resolver *resolver, SSL_CTX *tls) {
  *stream = (struct redis_stream){.loop = loop, .resolver = resolver, .tls = tls, .fd = -1, .resolution.done = on_resolved};
  buffer_init_secret(&stream->out, STREAM_OUTPUT); /* AUTH goes through it */
  task_init(&stream->flush, loop, on_flush);
}

void redis_stream_done(struct redis_stream *stream) {
  redis_stream_close(stream);
  buffer_done(&stream->out);
}

void redis_stream_open(struct redis_stream *stream, const struct redis_place *place) {
  struct error error;
  redis_stream_close(stream);
  stream->place = *place;
  stream->state = REDIS_STREAM_RESOLVING;
  if (resolver_start(stream->resolver, &stream->resolution, place->host, &error) < 0) fail(stream, DEPENDENCY_UNREACHABLE, &error);
}

int redis_stream_write(struct redis_stream *stream, const void *bytes, size_t n) {
  buffer_append(&stream->out, bytes, n);
  if (stream->out.failed) {
    stream->out.failed = false; /* this was left out as a whole; what was there before is sound */
    return -1;
  }
  if (stream->state == REDIS_STREAM_OPEN) task_schedule(&stream->flush);
  return 0;
}
