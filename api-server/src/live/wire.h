/* How an event reaches a live client: as server-sent events (HTML, 9.2), or over a WebSocket.
 *
 *     id: 7.1767225600.9f2c…                                  {"id":"7.1767225600.9f2c…","event":"entitlements","data":{…}}
 *     event: entitlements
 *     data: {…}
 */
#pragma once

#include "http/stream.h"
#include "http/websocket.h"

enum wire_kind { WIRE_EVENTS, WIRE_WEBSOCKET };

/* Embedded in its client. */
struct wire {
  enum wire_kind kind;
  struct stream stream;     /* of WIRE_EVENTS */
  struct websocket *socket; /* of WIRE_WEBSOCKET; NULL: gone */
};

/* DATA is JSON without line ends. ID may be NULL: the last one stays. -1: the client is gone or too far behind, or there is no memory; the wire is
 * closed. */
int wire_send(struct wire *wire, const char *id, const char *event, const char *data, size_t n) _must_check_;

/* What keeps proxies from thinking that nobody is there. A WebSocket has pings of its own. */
int wire_beat(struct wire *wire) _must_check_; /* -1: as wire_send */

enum wire_end {
  WIRE_OVER, /* the credential has ended: coming back with it is of no use */
  WIRE_BACK, /* this server ends: come back, to another one */
};
void wire_end(struct wire *wire, enum wire_end why); /* fine when it is gone */
