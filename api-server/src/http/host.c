#include "http/host.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/websocket.h"
#include "net/loop.h"

#include <fcntl.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SERVICE_MS = 1000 };

struct host {
  struct loop *loop;
  struct lws_context *context;
  struct websockets websockets;
  int64_t service_ms; /* monotonic: when libwebsockets is due, without any WebSocket */
  struct error error; /* of a turn that failed */
  bool stopped;
};

static void turn(struct host *host, int timeout_ms) {
  if (loop_turn(host->loop, timeout_ms, &host->error) < 0) host->stopped = true;
}

/* The epoll set is readable: something of ours is due. */
static int on_set(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
  (void)user, (void)in, (void)len;
  if (reason != LWS_CALLBACK_RAW_RX_FILE) return 0;
  turn(lws_context_user(lws_get_context(wsi)), 0);
  return 0;
}

static const struct lws_protocols protocols[] = {{"set", on_set, 0, 0, 0, NULL, 0}, {NULL, NULL, 0, 0, 0, NULL, 0}};

static void log_of_lws(int level, const char *line) {
  (void)level;
  char text[400];
  size_t n = strcspn(line, "\n");
  if (n >= sizeof text) n = sizeof text - 1;
  memcpy(text, line, n);
  text[n] = 0;
  log_error("libwebsockets complains", log_str("detail", text));
}

/* libwebsockets closes what it has adopted, so it is given a descriptor of its own for the same set. */
static int adopt_loop(struct host *host) {
  int fd = fcntl(loop_fd(host->loop), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return -1;
  struct lws_vhost *vhost = lws_get_vhost_by_name(host->context, "default");
  if (lws_adopt_descriptor_vhost(vhost, LWS_ADOPT_RAW_FILE_DESC, (lws_sock_file_fd_type){.filefd = fd}, "set", NULL)) return 0;
  (void)close(fd); /* nothing is to be done about a failed close */
  return -1;
}

static int make_websockets(struct host *host) {
  static const lws_retry_bo_t idle = {.secs_since_valid_ping = WEBSOCKET_PING_S, .secs_since_valid_hangup = WEBSOCKET_HANGUP_S};
  struct lws_context_creation_info info = {.vhost_name = "live",
                                           .port = CONTEXT_PORT_NO_LISTEN_SERVER,
                                           .protocols = websocket_protocols(),
                                           .user = &host->websockets,
                                           .retry_and_idle_policy = &idle};
  host->websockets.vhost = lws_create_vhost(host->context, &info);
  return host->websockets.vhost ? 0 : -1;
}

struct host *host_new(struct loop *loop, struct error *error) {
  struct host *host = calloc(1, sizeof *host);
  if (!host) return error_oom(error), NULL;
  host->loop = loop;
  lws_set_log_level(LLL_ERR, log_of_lws);
  struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN, .protocols = protocols, .user = host};
  host->context = lws_create_context(&info);
  if (!host->context || adopt_loop(host) < 0 || make_websockets(host) < 0) {
    error_set(error, ERROR_TERMINAL, "libwebsockets can't be started");
    host_free(host);
    return NULL;
  }
  return host;
}

void host_free(struct host *host) {
  if (!host) return;
  if (host->context) lws_context_destroy(host->context);
  free(host);
}

/* -1: libwebsockets has ended. A negative time-out makes it not wait. */
static int wait_for_work(struct host *host) {
  int64_t now_ms = clock_monotonic_ms();
  bool alone = !host->websockets.open;
  if (alone && now_ms < host->service_ms) {
    turn(host, (int)(host->service_ms - now_ms));
    return 0;
  }
  host->service_ms = now_ms + SERVICE_MS;
  return lws_service(host->context, alone ? -1 : 0) < 0 ? -1 : 0;
}

int host_run(struct host *host, struct error *error) {
  /* what was scheduled before is due now, and nothing has made the set readable for it */
  turn(host, 0);
  while (!host->stopped)
    if (wait_for_work(host) < 0) return error_set(error, ERROR_TERMINAL, "libwebsockets has ended its service");
  if (host->error.kind == ERROR_NONE) return 0;
  if (error) *error = host->error;
  return -1;
}

struct websockets *host_websockets(struct host *host) {
  return &host->websockets;
}

void host_stop(struct host *host) { host->stopped = true; }
