#include "runtime/probes.h"

#include "base/log.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  CONNECTIONS_MAX = 64,
  HEAD_MAX_BYTES = 8 * 1024,
  BODY_MAX_BYTES = 16 * 1024 * 1024,
  DEADLINE_MS = 10 * 1000,
  RESUME_MS = 1000, /* without a free descriptor: when to try again */
};

/*  reading --(head is whole, or never will be)--> writing --(sent)--> draining --(peer's end)--> closed
 * Each may be cut by the deadline. Draining: closing at once with bytes unread would send an RST, which can overtake the answer. */
enum state { CLOSED, READING, WRITING, DRAINING };

struct connection {
  struct probes *probes;
  struct io io;
  struct timer deadline;
  enum state state;
  uint64_t number; /* of its accept: tells the oldest */
  struct buffer in, out;
};

struct probes {
  struct loop *loop;
  struct io listener;
  struct timer resume;
  struct probes_options options;
  uint64_t accepted;
  struct connection connections[CONNECTIONS_MAX];
};

static void connection_close(struct connection *c) {
  if (c->state == CLOSED) return;
  c->state = CLOSED;
  io_stop(&c->io);
  timer_stop(&c->deadline);
  (void)close(c->io.fd);
  buffer_done(&c->in);
  buffer_done(&c->out);
}

static void on_deadline(struct timer *timer) { connection_close(CONTAINER_OF(timer, struct connection, deadline)); }

/* --- the request */

struct request {
  bool head_only;
  char path[512];
};

/* "GET /healthz?verbose HTTP/1.1": 0 and *ret, or the status that says what is wrong. */
static int parse_request(const char *head, struct request *ret) {
  size_t line = strcspn(head, "\r\n"), method = strcspn(head, " "), printable = 0;
  while (head[printable] >= ' ' && head[printable] <= '~') printable++;
  if (printable != line || head[line] != '\r' || method >= line) return 400;

  const char *target = head + method + 1, *version = target + strcspn(target, " ") + 1, *end = head + line;
  if (*target != '/' || version + strlen("HTTP/1.x") != end || strncmp(version, "HTTP/1.", 7) != 0) return 400;
  if (version[7] != '0' && version[7] != '1') return 400;
  ret->head_only = !strncmp(head, "HEAD ", 5);
  if (!ret->head_only && strncmp(head, "GET ", 4) != 0) return 405;

  size_t path = strcspn(target, "? ");
  if (path >= sizeof ret->path) return 404;
  memcpy(ret->path, target, path);
  return 0;
}

static const char *reason(int status) {
  static const struct {
    int status;
    const char *reason;
  } reasons[] = {{200, "OK"},
                 {400, "Bad Request"},
                 {404, "Not Found"},
                 {405, "Method Not Allowed"},
                 {431, "Request Header Fields Too Large"},
                 {500, "Internal Server Error"},
                 {503, "Service Unavailable"}};
  for (size_t i = 0; i < ELEMENTS(reasons); i++)
    if (reasons[i].status == status) return reasons[i].reason;
  return "Unknown";
}

static void compose(struct connection *c, int status, const char *content_type, struct buffer *body, bool head_only) {
  if (!body->len) buffer_printf(body, "%s\n", reason(status));
  buffer_printf(&c->out,
                "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\nConnection: close\r\n%s\r\n",
                status, reason(status), content_type, body->len, status == 405 ? "Allow: GET, HEAD\r\n" : "");
  if (!head_only) buffer_append(&c->out, buffer_text(body), body->len);
}

/* --- the connection */

static void drain(struct connection *c) {
  char waste[4096];
  ssize_t n = recv(c->io.fd, waste, sizeof waste, 0);
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) connection_close(c);
}

static void flush(struct connection *c) {
  while (c->out.len) {
    ssize_t n = send(c->io.fd, c->out.data, c->out.len, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      if (io_want(&c->io, EPOLLOUT, NULL) < 0) connection_close(c);
      return;
    }
    if (n < 0) return connection_close(c);
    buffer_consume(&c->out, (size_t)n);
  }
  c->state = DRAINING;
  if (shutdown(c->io.fd, SHUT_WR) < 0 || io_want(&c->io, EPOLLIN, NULL) < 0) connection_close(c);
}

static void respond(struct connection *c, int status) {
  struct request request = {0};
  const char *content_type = "text/plain; charset=utf-8";
  _cleanup_buffer_ struct buffer body;
  buffer_init(&body, BODY_MAX_BYTES);
  if (!status) status = parse_request(buffer_text(&c->in), &request);
  if (!status) status = c->probes->options.answer(c->probes->options.owner, request.path, &body, &content_type);
  if (body.failed) {
    status = 500;
    buffer_clear(&body);
  }
  compose(c, status, content_type, &body, request.head_only);
  if (c->out.failed) return connection_close(c);
  c->state = WRITING;
  flush(c);
}

static void receive(struct connection *c) {
  size_t room = HEAD_MAX_BYTES - c->in.len;
  char *to = buffer_reserve(&c->in, room);
  ssize_t n = to ? recv(c->io.fd, to, room, 0) : 0;
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return connection_close(c);
  buffer_grew(&c->in, (size_t)n);
  if (memmem(c->in.data, c->in.len, "\r\n\r\n", 4)) return respond(c, 0);
  if (c->in.len == HEAD_MAX_BYTES) respond(c, 431);
}

static void on_ready(struct io *io, uint32_t events) {
  struct connection *c = CONTAINER_OF(io, struct connection, io);
  (void)events; /* errors and hang-ups come out of the call that meets them */
  switch (c->state) {
    case CLOSED: break;
    case READING: receive(c); break;
    case WRITING: flush(c); break;
    case DRAINING: drain(c); break;
  }
}

/* --- accepting */

/* A free place, or that of the oldest: whoever opens 64 connections and is silent must not keep the kubelet out. */
static struct connection *make_room(struct probes *probes) {
  struct connection *oldest = &probes->connections[0];
  for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
    struct connection *c = &probes->connections[i];
    if (c->state == CLOSED) return c;
    if (c->number < oldest->number) oldest = c;
  }
  connection_close(oldest);
  return oldest;
}

static void connection_open(struct probes *probes, int fd) {
  struct connection *c = make_room(probes);
  *c = (struct connection){.probes = probes, .state = READING, .number = ++probes->accepted, .io.fd = fd};
  buffer_init(&c->in, HEAD_MAX_BYTES);
  buffer_init(&c->out, BODY_MAX_BYTES + HEAD_MAX_BYTES);
  timer_init(&c->deadline, probes->loop, on_deadline);
  if (timer_set(&c->deadline, probes->options.deadline_ms) < 0 || io_start(&c->io, probes->loop, fd, EPOLLIN, on_ready, NULL) < 0)
    connection_close(c);
}

static void on_resume(struct timer *timer) {
  struct probes *probes = CONTAINER_OF(timer, struct probes, resume);
  if (io_want(&probes->listener, EPOLLIN, NULL) < 0 && timer_set(timer, RESUME_MS) < 0)
    log_error("connections are accepted no longer", log_int("port", probes_port(probes)));
}

/* Without a free descriptor the listener stays readable: it is left alone for a while, or the loop would spin. */
static void on_listener(struct io *io, uint32_t events) {
  struct probes *probes = CONTAINER_OF(io, struct probes, listener);
  (void)events;
  int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) return connection_open(probes, fd);
  if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return;
  if (timer_set(&probes->resume, RESUME_MS) < 0 || io_want(io, 0, NULL) < 0) timer_stop(&probes->resume);
}

static int bind_all(int fd, int family, uint16_t port) {
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_ANY)};
  int on = 1, off = 0;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) return -1;
  if (family == AF_INET) return bind(fd, (struct sockaddr *)&four, sizeof four);
  if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0) return -1;
  return bind(fd, (struct sockaddr *)&six, sizeof six);
}

static int listen_on(int family, uint16_t port) {
  _cleanup_close_ int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind_all(fd, family, port) < 0 || listen(fd, SOMAXCONN) < 0) return -1;
  int listener = fd;
  fd = -1;
  return listener;
}

struct probes *probes_start(struct loop *loop, const struct probes_options *options, struct error *error) {
  uint16_t port = options->port;
  int fd = listen_on(AF_INET6, port);
  if (fd < 0 && errno != EADDRINUSE && errno != EACCES) fd = listen_on(AF_INET, port); /* a machine without IPv6 */
  if (fd < 0) {
    (void)error_set(error, ERROR_TERMINAL, "listen on port %u: %s", port, strerror(errno));
    return NULL;
  }
  struct probes *probes = calloc(1, sizeof *probes);
  if (!probes || io_start(&probes->listener, loop, fd, EPOLLIN, on_listener, error) < 0) {
    if (!probes) (void)error_oom(error);
    (void)close(fd);
    free(probes);
    return NULL;
  }
  probes->loop = loop;
  probes->options = *options;
  if (!probes->options.deadline_ms) probes->options.deadline_ms = DEADLINE_MS;
  timer_init(&probes->resume, loop, on_resume);
  return probes;
}

void probes_stop(struct probes *probes) {
  if (!probes) return;
  for (size_t i = 0; i < CONNECTIONS_MAX; i++) connection_close(&probes->connections[i]);
  io_stop(&probes->listener);
  timer_stop(&probes->resume);
  (void)close(probes->listener.fd);
  free(probes);
}

uint16_t probes_port(const struct probes *probes) {
  struct sockaddr_storage address = {0};
  socklen_t size = sizeof address;
  if (getsockname(probes->listener.fd, (struct sockaddr *)&address, &size) < 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port : ((struct sockaddr_in *)&address)->sin_port);
}

unsigned probes_connections(const struct probes *probes) {
  unsigned open = 0;
  for (size_t i = 0; i < CONNECTIONS_MAX; i++) open += probes->connections[i].state != CLOSED;
  return open;
}
