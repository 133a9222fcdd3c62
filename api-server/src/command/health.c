/* health: asks the server in this pod how it is, and prints what it says. The image has neither wget nor a shell. */
#include "command/command.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { ANSWER_MAX = 256 * 1024, PATIENCE_S = 5 };

static int connect_local(int port, int *ret_fd, struct error *error) {
  _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((in_port_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct timeval patience = {.tv_sec = PATIENCE_S};
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0 ||
      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 || connect(fd, (struct sockaddr *)&here, sizeof here) < 0)
    return error_errno(error, errno, "reach port %d of this pod", port);
  *ret_fd = fd;
  fd = -1;
  return 0;
}

static int ask(int fd, struct buffer *answer, struct error *error) {
  static const char question[] = "GET /healthz?verbose HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  char portion[4096];
  ssize_t n;
  if (send(fd, question, sizeof question - 1, MSG_NOSIGNAL) < 0) return error_errno(error, errno, "ask");
  while ((n = recv(fd, portion, sizeof portion, 0)) > 0) buffer_append(answer, portion, (size_t)n);
  if (n < 0) return error_errno(error, errno, "read the answer");
  return 0;
}

int health_main(int argc, char **argv) {
  struct settings settings;
  struct error error = {0};
  _cleanup_close_ int fd = -1;
  _cleanup_buffer_ struct buffer answer;
  buffer_init(&answer, ANSWER_MAX);
  if (command_options(argc, argv, (const char *const[]){NULL}, NULL) < 0) return COMMAND_USAGE;
  if (command_settings(SETTINGS_TOOL, &settings) < 0) return COMMAND_FAILED;
  if (connect_local((int)settings.metrics_port, &fd, &error) < 0 || ask(fd, &answer, &error) < 0) return command_failed("health", &error);
  const char *body = strstr(buffer_text(&answer), "\r\n\r\n");
  (void)puts(body ? body + 4 : "the answer makes no sense");
  return body && !strncmp(buffer_text(&answer), "HTTP/1.1 200 ", 13) ? COMMAND_DONE : COMMAND_FAILED;
}
