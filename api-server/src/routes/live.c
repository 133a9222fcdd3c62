/* GET /api/live and /api/live/ws: changes, as they happen, of what the caller owns and of the design tokens (live/live.h); as server-sent events
 * for an EventSource, or over a WebSocket. A client that comes back names the last event that it got: in Last-Event-ID, as an EventSource does
 * by itself, or in the query's lastEventId. */
#include "live/live.h"

#include "auth/resume.h"
#include "http/host.h"
#include "routes/call.h"
#include "routes/handlers.h"

#include <string.h>

static const char *ticket_id(const struct call *call) { return call->who.credential == CREDENTIAL_TICKET ? call->auth.sealed->id : ""; }

/* An id that isn't of this client's is as none: it is told everything. */
static int64_t position_of(const struct request *request) {
  char text[RESUME_SIZE];
  int64_t position, until_s;
  const struct call *call = call_of(request);
  struct span last = request_header(&request->head, "last-event-id");
  if (!last.at && request_query(&request->head, "lastEventId", text, sizeof text) == 1) last = (struct span){text, strlen(text)};
  if (!last.at || !resume_read(&app_of(request)->secrets, last, ticket_id(call), call->who.sub, &position, &until_s)) return LIVE_FRESH;
  return position;
}

/* NULL: the request is answered. */
static struct live_client *begin(struct request *request) {
  const struct call *call = call_of(request);
  struct live *live = app_of(request)->live;
  struct live_client *client = live_client_new(live, &call->who, ticket_id(call), position_of(request));
  if (!client)
    request_problem(request,
                    &(struct problem){.type = PROBLEM_UNAVAILABLE, .detail = "Too many clients listen here already.", .retry_after_s = 5});
  return client;
}

/* Which version is in force: a client that was away may have missed a change, and so may we while nobody listened. */
static void open_client(struct app *app, struct live_client *client) {
  char data[DESIGN_TOKENS_EVENT_SIZE];
  design_tokens_look(&app->design_tokens);
  size_t n = design_tokens_event(&app->design_tokens, data);
  if (n && wire_send(live_wire(client), NULL, "design-tokens", data, n) < 0)
    live_client_free(client);
  else
    live_begin(client);
}

static void on_stream_closed(struct stream *stream) {
  struct wire *wire = CONTAINER_OF(stream, struct wire, stream);
  live_client_free(live_client_of(wire));
}

void live_get(struct request *request) {
  struct app *app = app_of(request);
  struct live_client *client = begin(request);
  if (!client) return;
  struct wire *wire = live_wire(client);
  *wire = (struct wire){.kind = WIRE_EVENTS, .stream.closed = on_stream_closed};
  request_field(request, "Cache-Control", "no-store");
  request_field(request, "X-Accel-Buffering", "no"); /* nginx would keep events back */
  if (request_stream(request, &wire->stream, event_stream_type) < 0) {
    live_client_free(client);
    return;
  }
  open_client(app, client);
}

static void on_socket_closed(void *owner) { live_client_free(owner); }

void live_upgrade(struct request *request) {
  struct app *app = app_of(request);
  if (!request->head.websocket) {
    request_field(request, "Upgrade", "websocket");
    request_refuse(request, PROBLEM_UPGRADE_REQUIRED, "This address speaks WebSocket alone; /api/live has the same as server-sent events.");
    return;
  }
  struct live_client *client = begin(request);
  if (!client) return;
  struct wire *wire = live_wire(client);
  *wire = (struct wire){.kind = WIRE_WEBSOCKET, .socket = request_websocket(request, host_websockets(app->host), on_socket_closed, client)};
  if (!wire->socket) {
    live_client_free(client);
    return;
  }
  open_client(app, client);
}
