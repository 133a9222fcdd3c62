#include "http/websocket.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "http/server_internal.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY_BYTES = 24, HEAD_MAX = 256 };

struct websocket {
  struct lws *wsi;
  void (*closed)(void *owner); /* NULL once it was ended from here */
  void *owner;
  struct buffer out; /* messages: the length as a size_t, and the text */
  int code;          /* of the close frame; 0: it goes on */
  const char *why;
};

static void websocket_free(struct websocket *socket) {
  buffer_done(&socket->out);
  free(socket);
}

/* ---- what libwebsockets tells ---- */

static struct websockets *all_of(struct lws *wsi) { return lws_vhost_user(lws_get_vhost(wsi)); }

/* They are handed over one at a time, so a wsi that has no owner yet is the arriving one's. */
static struct websocket *of(struct lws *wsi) {
  struct websocket *arriving = all_of(wsi)->arriving;
  if (!lws_get_opaque_user_data(wsi) && arriving) {
    lws_set_opaque_user_data(wsi, arriving);
    arriving->wsi = wsi;
  }
  return lws_get_opaque_user_data(wsi);
}

static int write_next(struct websocket *socket) {
  size_t n;
  memcpy(&n, socket->out.data, sizeof n);
  unsigned char *framed = malloc(LWS_PRE + n);
  if (!framed) return -1;
  memcpy(framed + LWS_PRE, socket->out.data + sizeof n, n);
  int written = lws_write(socket->wsi, framed + LWS_PRE, n, LWS_WRITE_TEXT);
  free(framed);
  buffer_consume(&socket->out, sizeof n + n);
  if (!socket->out.len) buffer_done(&socket->out);
  return written < (int)n ? -1 : 0;
}

static int on_writable(struct websocket *socket) {
  if (socket->out.len && write_next(socket) < 0) return -1;
  if (socket->out.len || (socket->code && !lws_partial_buffered(socket->wsi))) lws_callback_on_writable(socket->wsi);
  if (socket->out.len || !socket->code) return 0;
  char why[128];
  int n = snprintf(why, sizeof why, "%s", socket->why);
  lws_close_reason(socket->wsi, (enum lws_close_status)socket->code, (unsigned char *)why, (size_t)n);
  return -1;
}

static void on_destroyed(struct lws *wsi) {
  struct websocket *socket = lws_get_opaque_user_data(wsi);
  if (!socket) return;
  lws_set_opaque_user_data(wsi, NULL);
  if (socket == all_of(wsi)->arriving) { /* its end is told by what request_websocket returns */
    all_of(wsi)->arriving = NULL;
    return;
  }
  all_of(wsi)->open--;
  if (socket->closed) socket->closed(socket->owner);
  websocket_free(socket);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n) {
  struct websocket *socket = of(wsi);
  (void)user, (void)in, (void)n;
  switch ((int)reason) {
    case LWS_CALLBACK_HTTP: return -1; /* nothing but upgrades gets here */
    case LWS_CALLBACK_ESTABLISHED:
      if (socket && (socket->out.len || socket->code)) lws_callback_on_writable(wsi);
      return socket ? 0 : -1;
    case LWS_CALLBACK_SERVER_WRITEABLE: return socket ? on_writable(socket) : -1;
    case LWS_CALLBACK_WSI_DESTROY: on_destroyed(wsi); return 0;
    default: return 0;
  }
}

static const struct lws_protocols protocols[] = {{"live", on_event, 0, 4096, 0, NULL, 0}, {NULL, NULL, 0, 0, 0, NULL, 0}};

const struct lws_protocols *websocket_protocols(void) { return protocols; }

/* ---- what we tell it ---- */

struct websocket *request_websocket(struct request *request, struct websockets *all, void (*closed)(void *owner), void *owner) {
  struct span key = request_header(&request->head, "sec-websocket-key");
  struct websocket *socket = key.len == KEY_BYTES ? calloc(1, sizeof *socket) : NULL;
  _cleanup_buffer_ struct buffer head;
  buffer_init(&head, HEAD_MAX + READ_AHEAD + READ_BYTES);
  buffer_printf(&head,
                "GET / HTTP/1.1\r\nHost: live\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: %.*s\r\n\r\n",
                (int)key.len, key.at ? key.at : "");
  int fd = http_connection_hand_over(request, &head);
  if (!socket || head.failed) {
    (void)close(fd); /* nothing is to be done about a failed close */
    free(socket);
    return NULL;
  }
  *socket = (struct websocket){.closed = closed, .owner = owner};
  buffer_init(&socket->out, 2 * WEBSOCKET_BEHIND_MAX);
  all->arriving = socket;
  struct lws *wsi = lws_adopt_socket_vhost_readbuf(all->vhost, fd, head.data, head.len);
  bool arrived = wsi && all->arriving;
  all->arriving = NULL;
  if (!arrived) {
    websocket_free(socket);
    return NULL;
  }
  lws_set_opaque_user_data(wsi, socket);
  socket->wsi = wsi;
  all->open++;
  return socket;
}

static void forget(struct websocket *socket) {
  socket->closed = NULL;
  socket->owner = NULL;
}

int websocket_send(struct websocket *socket, const char *text, size_t n) {
  buffer_append(&socket->out, (const char *)&n, sizeof n);
  buffer_append(&socket->out, text, n);
  if (socket->out.failed || socket->out.len > WEBSOCKET_BEHIND_MAX) {
    forget(socket);
    lws_set_timeout(socket->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
    return -1;
  }
  lws_callback_on_writable(socket->wsi);
  return 0;
}

void websocket_end(struct websocket *socket, int code, const char *why) {
  forget(socket);
  socket->code = code;
  socket->why = why;
  lws_callback_on_writable(socket->wsi);
}
