/* The least that a loop of ours can do for a request: an epoll set that libwebsockets hosts as one raw file, as supernova-server's is, and a fixed answer
 * to whatever comes. It reads no head, knows no route, counts and logs nothing. It stands here to be measured against.
 *
 *     cc -O2 plain_loop.c -lwebsockets && PORT=3998 ./a.out
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <libwebsockets.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 128, BACKLOG = 4096, HEAD_MAX_BYTES = 8192 };

static int set, listener;
static volatile sig_atomic_t ending;

static void serve(int fd) {
  static const char answer[] = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{\"ok\":true}";
  char head[HEAD_MAX_BYTES];
  if (recv(fd, head, sizeof head, 0) <= 0 || send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0) close(fd);
}

static void take(void) {
  static const int one = 1;
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)epoll_ctl(set, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.fd = fd});
  }
}

static int on_set(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
  (void)wsi, (void)user, (void)in, (void)len;
  struct epoll_event events[EVENTS];
  int n = reason == LWS_CALLBACK_RAW_RX_FILE ? epoll_wait(set, events, EVENTS, 0) : 0;
  for (int i = 0; i < n; i++) {
    if (events[i].data.fd == listener)
      take();
    else
      serve(events[i].data.fd);
  }
  return 0;
}

static int open_listener(void) {
  const char *port = getenv("PORT");
  struct sockaddr_in here = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port ? port : "")), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (bind(listener, (struct sockaddr *)&here, sizeof here) < 0 || listen(listener, BACKLOG) < 0) return -1;
  set = epoll_create1(EPOLL_CLOEXEC);
  return epoll_ctl(set, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.fd = listener});
}

static void on_term(int number) {
  (void)number;
  ending = 1;
}

int main(void) {
  static const struct lws_protocols protocols[] = {{"set", on_set, 0, 4096, 0, NULL, 0}, {NULL, NULL, 0, 0, 0, NULL, 0}};
  struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN, .protocols = protocols};
  lws_set_log_level(LLL_ERR, NULL);
  struct lws_context *context = lws_create_context(&info);
  if (!context || open_listener() < 0) return 1;
  lws_adopt_descriptor_vhost(lws_get_vhost_by_name(context, "default"), LWS_ADOPT_RAW_FILE_DESC, (lws_sock_file_fd_type){.filefd = set},
                             "set", NULL);
  signal(SIGTERM, on_term);
  while (!ending && lws_service(context, 0) >= 0) continue;
  lws_context_destroy(context);
}
