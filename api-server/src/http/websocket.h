/* A WebSocket (RFC 6455) that only sends: libwebsockets does the protocol, on the socket of a request that the guard has let through.
 *
 *     struct websocket *socket = request_websocket(request, host_websockets(host), on_closed, me);         // the request and its arena are gone
 *     websocket_send(socket, text, n);
 *     websocket_end(socket, 1012, "the server ends");
 *
 * The request is handed over as a head that we write ourselves, so nothing of the client's reaches a second parser but what followed its head.
 * Texts from the client are read and forgotten. Idle clients are sent a ping each WEBSOCKET_PING_S; one that is silent for longer, or lets
 * more than WEBSOCKET_BEHIND_MAX bytes wait, is let go. Owner: the host's context, until `closed`; whoever has called websocket_end forgets it.
 */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request;
struct websocket;
struct websockets;

enum { WEBSOCKET_PING_S = 20, WEBSOCKET_HANGUP_S = 45, WEBSOCKET_BEHIND_MAX = 64 * 1024 };

/* CLOSED is called once, unless it was ended from here: the client is gone, or too slow. Never from within a function of ours. NULL: it could
 * not be taken over, and the client's connection is closed. The request must be a websocket one (request_head.h). */
struct websocket *request_websocket(struct request *request, struct websockets *all, void (*closed)(void *owner), void *owner);

/* UTF-8. -1: too slow, or no memory; it has ended, without `closed`. */
int websocket_send(struct websocket *socket, const char *text, size_t n) _must_check_;

/* What was sent still goes out, then the close frame with CODE (RFC 6455, 7.4.1). WHY is a constant of at most 120 bytes. */
void websocket_end(struct websocket *socket, int code, const char *why);

/* All of a host. */
struct lws_vhost;
struct websockets {
  struct lws_vhost *vhost;    /* on which they live; its user is this */
  struct websocket *arriving; /* the one that is being handed over */
  int64_t open;
};

/* For http/host.c: the vhost's protocol. */
struct lws_protocols;
const struct lws_protocols *websocket_protocols(void);
