#include "testing/http_server.h"

#include "base/buffer.h"
#include "base/number.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_REQUEST = 8 << 20 };

struct http_connection {
  struct http_server *server;
  struct io io;
  struct buffer received;
  struct http_connection *next, **previous;
};

struct http_server {
  struct loop *loop;
  struct io listener;
  char url[64];
  struct http_connection *connections;
  void (*on_request)(void *owner, const struct http_server_request *request);
  void (*on_closed)(void *owner, struct http_connection *connection);
  void *owner;
};

void http_server_cut(struct http_connection *connection) {
  io_stop(&connection->io);
  (void)close(connection->io.fd); /* nothing is to be done about a failed close */
  *connection->previous = connection->next;
  if (connection->next) connection->next->previous = connection->previous;
  buffer_done(&connection->received);
  free(connection);
}

static void peer_closed(struct http_connection *connection) {
  struct http_server *server = connection->server;
  if (server->on_closed) server->on_closed(server->owner, connection);
  http_server_cut(connection);
}

/* What a test sends fits into the socket's buffer. A peer that is gone is noticed when reading. */
static void send_bytes(struct http_connection *connection, const char *bytes, size_t n) {
  while (n > 0) {
    ssize_t sent = send(connection->io.fd, bytes, n, MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes += sent;
    n -= (size_t)sent;
  }
}

void http_server_raw(struct http_connection *connection, const char *bytes) { send_bytes(connection, bytes, strlen(bytes)); }

static void send_head(struct http_connection *connection, int status, const char *headers, const char *framing) {
  struct buffer head;
  buffer_init(&head, 8192);
  buffer_printf(&head, "HTTP/1.1 %d Said\r\n%s%s\r\n", status, headers ? headers : "", framing);
  send_bytes(connection, head.data, head.len);
  buffer_done(&head);
}

void http_server_answer(struct http_connection *connection, int status, const char *headers, const char *body) {
  char length[64];
  (void)snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body)); /* always fits */
  send_head(connection, status, headers, length);
  http_server_raw(connection, body);
}

void http_server_begin(struct http_connection *connection, int status, const char *headers) {
  send_head(connection, status, headers, "Transfer-Encoding: chunked\r\n");
}

void http_server_piece(struct http_connection *connection, const char *bytes, size_t n) {
  char size[32];
  (void)snprintf(size, sizeof size, "%zx\r\n", n); /* always fits */
  http_server_raw(connection, size);
  send_bytes(connection, bytes, n);
  http_server_raw(connection, "\r\n");
}

void http_server_end(struct http_connection *connection) { http_server_raw(connection, "0\r\n\r\n"); }

static size_t content_length(const char *head) {
  const char *header = strcasestr(head, "\r\nContent-Length: ");
  int64_t length = 0;
  if (!header) return 0;
  header += strlen("\r\nContent-Length: ");
  cr_assert_eq(parse_int64_n(header, strcspn(header, "\r"), 0, MAX_REQUEST, &length), 0, "a Content-Length is malformed");
  return (size_t)length;
}

/* One request off the front of what was received; its size, or 0 while it is incomplete. */
static size_t take_request(struct http_connection *connection, char **ret_text, struct http_server_request *ret_request) {
  const char *text = buffer_text(&connection->received);
  const char *end = strstr(text, "\r\n\r\n");
  if (!end) return 0;
  size_t head_size = (size_t)(end - text) + 4;
  char *copy = strndup(text, head_size);
  cr_assert_not_null(copy);
  size_t body_size = content_length(copy);
  free(copy);
  if (connection->received.len < head_size + body_size) return 0;
  copy = malloc(head_size + body_size + 1);
  cr_assert_not_null(copy);
  memcpy(copy, text, head_size + body_size);
  copy[head_size + body_size] = '\0';
  copy[head_size - 1] = '\0';
  char *rest = copy, *method = strsep(&rest, " "), *target = strsep(&rest, " ");
  cr_assert(method && target && rest, "a request line is malformed");
  *ret_request = (struct http_server_request){method, target, rest, copy + head_size, body_size, connection};
  *ret_text = copy;
  return head_size + body_size;
}

static void serve_all(struct http_connection *connection) {
  struct http_server *server = connection->server;
  struct http_server_request request;
  char *text;
  for (size_t size; (size = take_request(connection, &text, &request));) {
    buffer_consume(&connection->received, size);
    bool last = connection->received.len == 0;
    server->on_request(server->owner, &request);
    free(text);
    if (last) return; /* the test may have cut the connection */
  }
}

static void on_readable(struct io *io, uint32_t events) {
  (void)events;
  struct http_connection *connection = CONTAINER_OF(io, struct http_connection, io);
  char *to = buffer_reserve(&connection->received, 65536);
  cr_assert_not_null(to, "a request is larger than the test server takes");
  ssize_t n = recv(io->fd, to, 65536, 0);
  if (n <= 0) {
    peer_closed(connection);
    return;
  }
  buffer_grew(&connection->received, (size_t)n);
  serve_all(connection);
}

static void on_connection(struct io *io, uint32_t events) {
  (void)events;
  struct http_server *server = CONTAINER_OF(io, struct http_server, listener);
  int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd < 0) return;
  struct http_connection *connection = calloc(1, sizeof *connection);
  cr_assert_not_null(connection);
  connection->server = server;
  buffer_init(&connection->received, MAX_REQUEST);
  connection->next = server->connections;
  connection->previous = &server->connections;
  if (connection->next) connection->next->previous = &connection->next;
  server->connections = connection;
  cr_assert_eq(io_start(&connection->io, server->loop, fd, EPOLLIN, on_readable, NULL), 0);
}

struct http_server *http_server_new(struct loop *loop, void (*on_request)(void *owner, const struct http_server_request *request),
                                    void (*on_closed)(void *owner, struct http_connection *connection), void *owner) {
  struct http_server *server = calloc(1, sizeof *server);
  cr_assert_not_null(server);
  *server = (struct http_server){.loop = loop, .on_request = on_request, .on_closed = on_closed, .owner = owner};
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 64) == 0 &&
            getsockname(fd, (struct sockaddr *)&address, &size) == 0);
  (void)snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u", ntohs(address.sin_port)); /* always fits */
  cr_assert_eq(io_start(&server->listener, loop, fd, EPOLLIN, on_connection, NULL), 0);
  return server;
}

void http_server_free(struct http_server *server) {
  if (!server) return;
  while (server->connections) http_server_cut(server->connections);
  io_stop(&server->listener);
  (void)close(server->listener.fd); /* nothing is to be done about a failed close */
  free(server);
}

const char *http_server_url(const struct http_server *server) { return server->url; }

unsigned http_server_connections(const struct http_server *server) {
  unsigned count = 0;
  for (const struct http_connection *connection = server->connections; connection; connection = connection->next) count++;
  return count;
}
