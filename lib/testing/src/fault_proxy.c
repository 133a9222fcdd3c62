#include "testing/fault_proxy.h"

#include "base/buffer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 65536, MAX_PENDING = 1 << 20 };

/* One direction's source, and what it has read for the other side. */
struct end {
  struct io io;
  struct pair *pair;
  struct end *other;
  struct buffer pending; /* for OTHER */
};

struct pair {
  struct fault_proxy *proxy;
  struct end client, server;
  struct pair *next, **previous;
};

struct fault_proxy {
  struct loop *loop;
  struct io listener;
  struct sockaddr_in upstream;
  unsigned port;
  enum fault fault;
  struct pair *pairs;
};

static void pair_free(struct pair *pair) {
  for (struct end *end = &pair->client;; end = &pair->server) {
    io_stop(&end->io);
    (void)close(end->io.fd); /* nothing is to be done about a failed close */
    buffer_done(&end->pending);
    if (end == &pair->server) break;
  }
  *pair->previous = pair->next;
  if (pair->next) pair->next->previous = pair->previous;
  free(pair);
}

/* Reads while there is room for it, writes while there is something to write. */
static void want(struct end *end) {
  bool stalled = end->pair->proxy->fault == FAULT_STALL;
  uint32_t events = (end->pending.len < MAX_PENDING - CHUNK ? EPOLLIN : 0) | (end->other->pending.len ? EPOLLOUT : 0);
  cr_assert_eq(io_want(&end->io, stalled ? 0 : events, NULL), 0);
}

static bool read_some(struct end *end) {
  char *to = buffer_reserve(&end->pending, CHUNK);
  cr_assert_not_null(to);
  ssize_t n = recv(end->io.fd, to, CHUNK, MSG_DONTWAIT);
  if (n > 0) buffer_grew(&end->pending, (size_t)n);
  return n > 0 || (n < 0 && errno == EAGAIN);
}

static bool write_some(struct end *end) {
  struct buffer *from = &end->other->pending;
  if (!from->len) return true;
  ssize_t n = send(end->io.fd, from->data, from->len, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n > 0) buffer_consume(from, (size_t)n);
  return n > 0 || errno == EAGAIN;
}

static void on_ready(struct io *io, uint32_t events) {
  struct end *end = CONTAINER_OF(io, struct end, io);
  bool good = !(events & EPOLLERR);
  if (good && (events & (EPOLLIN | EPOLLHUP))) good = read_some(end);
  if (good && (events & EPOLLOUT)) good = write_some(end);
  if (good) good = write_some(end->other);
  if (!good) {
    pair_free(end->pair);
    return;
  }
  want(end);
  want(end->other);
}

static void end_init(struct end *end, struct pair *pair, struct end *other, int fd) {
  end->pair = pair;
  end->other = other;
  buffer_init(&end->pending, MAX_PENDING);
  cr_assert_eq(io_start(&end->io, pair->proxy->loop, fd, EPOLLIN, on_ready, NULL), 0);
}

static void on_connection(struct io *io, uint32_t events) {
  (void)events;
  struct fault_proxy *proxy = CONTAINER_OF(io, struct fault_proxy, listener);
  int client = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC);
  if (client < 0) return;
  int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert(server >= 0);
  /* a local server takes the connection at once, or refuses it */
  if (proxy->fault == FAULT_REFUSE || connect(server, (struct sockaddr *)&proxy->upstream, sizeof proxy->upstream) < 0) {
    (void)close(client);
    (void)close(server);
    return;
  }
  struct pair *pair = calloc(1, sizeof *pair);
  cr_assert_not_null(pair);
  *pair = (struct pair){.proxy = proxy, .next = proxy->pairs, .previous = &proxy->pairs};
  if (pair->next) pair->next->previous = &pair->next;
  proxy->pairs = pair;
  end_init(&pair->client, pair, &pair->server, client);
  end_init(&pair->server, pair, &pair->client, server);
  want(&pair->client);
  want(&pair->server);
}

struct fault_proxy *fault_proxy_new(struct loop *loop, const char *host, unsigned port) {
  struct fault_proxy *proxy = calloc(1, sizeof *proxy);
  cr_assert_not_null(proxy);
  proxy->loop = loop;
  proxy->upstream = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  cr_assert_eq(inet_pton(AF_INET, host, &proxy->upstream.sin_addr), 1, "\"%s\" is no IPv4 address", host);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 64) == 0 &&
            getsockname(fd, (struct sockaddr *)&address, &size) == 0);
  proxy->port = ntohs(address.sin_port);
  cr_assert_eq(io_start(&proxy->listener, loop, fd, EPOLLIN, on_connection, NULL), 0);
  return proxy;
}

void fault_proxy_free(struct fault_proxy *proxy) {
  if (!proxy) return;
  fault_proxy_cut(proxy);
  io_stop(&proxy->listener);
  (void)close(proxy->listener.fd); /* nothing is to be done about a failed close */
  free(proxy);
}

unsigned fault_proxy_port(const struct fault_proxy *proxy) { return proxy->port; }

void fault_proxy_set(struct fault_proxy *proxy, enum fault fault) {
  proxy->fault = fault;
  for (struct pair *pair = proxy->pairs; pair; pair = pair->next) {
    want(&pair->client);
    want(&pair->server);
  }
}

void fault_proxy_cut(struct fault_proxy *proxy) {
  while (proxy->pairs) pair_free(proxy->pairs);
}

unsigned fault_proxy_connections(const struct fault_proxy *proxy) {
  unsigned count = 0;
  for (const struct pair *pair = proxy->pairs; pair; pair = pair->next) count++;
  return count;
}
