#include "serve/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static int bind_ipv6(int fd, in_port_t port) {
  struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = IN6ADDR_ANY_INIT};
  if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){0}, sizeof(int)) < 0) return -1;
  return bind(fd, (const struct sockaddr *)&any, sizeof any);
}

static int bind_ipv4(int fd, in_port_t port) {
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_ANY)};
  return bind(fd, (const struct sockaddr *)&any, sizeof any);
}

/* -1 with errno. */
static int listen_in(int family, int port, bool shared) {
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  in_port_t place = htons((in_port_t)port);
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == 0 &&
      (!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int)) == 0) &&
      (family == AF_INET6 ? bind_ipv6(fd, place) : bind_ipv4(fd, place)) == 0 && listen(fd, BACKLOG) == 0)
    return fd;
  int cause = errno;
  (void)close(fd);
  errno = cause;
  return -1;
}

int listen_on(int port, bool shared, int *ret_fd, struct error *error) {
  int fd = listen_in(AF_INET6, port, shared);
  if (fd < 0 && errno != EADDRINUSE && errno != EACCES) fd = listen_in(AF_INET, port, shared);
  if (fd < 0) return error_errno(error, errno, "listen on port %d", port);
  return *ret_fd = fd, 0;
}
