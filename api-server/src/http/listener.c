#include "http/server_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

/* So that one busy listener doesn't hold up everything else of a turn. */
enum { ACCEPTS_A_TURN = 64 };

static void hold_spare(struct http_server *server) {
  if (server->spare_fd < 0) server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Out of descriptors: the spare one is given up for the one moment that it takes to accept a connection and close it. Else the listener would
 * stay readable, and the loop would turn for nothing. */
static void refuse_one(struct listener *listener) {
  struct http_server *server = listener->server;
  if (server->spare_fd >= 0) (void)close(server->spare_fd);
  int fd = accept4(listener->io.fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd >= 0) (void)close(fd);
  server->spare_fd = -1;
  hold_spare(server);
  server->counts.refused_connections++;
}

static void on_connections(struct io *io, uint32_t events) {
  struct listener *listener = CONTAINER_OF(io, struct listener, io);
  (void)events;
  for (int i = 0; i < ACCEPTS_A_TURN; i++) {
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    int fd = accept4(io->fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
      refuse_one(listener);
      return;
    }
    if (fd < 0 && (errno == ECONNABORTED || errno == EINTR)) continue;
    if (fd < 0) return;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* without it answers only come later */
    struct address peer = address_of_socket(&from);
    http_connection_start(listener->server, fd, listener->door, &peer);
  }
}

int listener_start(struct listener *listener, struct http_server *server, int fd, enum door door, struct error *error) {
  *listener = (struct listener){.server = server, .door = door};
  hold_spare(server);
  return io_start(&listener->io, server->loop, fd, EPOLLIN, on_connections, error);
}

void listener_stop(struct listener *listener) {
  if (!listener->io.loop) return;
  io_stop(&listener->io);
  (void)close(listener->io.fd); /* nothing is to be done about a failed close */
}
