#include "live/wire.h"

#include "base/buffer.h"

#include <string.h>

enum { MESSAGE_MAX = 64 * 1024 };

static void put_member(struct buffer *to, const char *name, const char *text) {
  buffer_printf(to, "\"%s\":", name);
  buffer_json_string(to, text, strlen(text));
  buffer_puts(to, ",");
}

static void put_message(struct buffer *to, const char *id, const char *event, const char *data, size_t n) {
  buffer_puts(to, "{");
  if (id) put_member(to, "id", id);
  put_member(to, "event", event);
  buffer_puts(to, "\"data\":");
  buffer_append(to, data, n);
  buffer_puts(to, "}");
}

static void put_event(struct buffer *to, const char *id, const char *event, const char *data, size_t n) {
  if (id) buffer_printf(to, "id: %s\n", id);
  buffer_printf(to, "event: %s\ndata: ", event);
  buffer_append(to, data, n);
  buffer_puts(to, "\n\n");
}

static int send_text(struct wire *wire, const struct buffer *text) {
  if (wire->kind == WIRE_EVENTS) return stream_write(&wire->stream, text->data, text->len);
  if (wire->socket && websocket_send(wire->socket, text->data, text->len) == 0) return 0;
  wire->socket = NULL;
  return -1;
}

int wire_send(struct wire *wire, const char *id, const char *event, const char *data, size_t n) {
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, MESSAGE_MAX);
  if (wire->kind == WIRE_EVENTS)
    put_event(&text, id, event, data, n);
  else
    put_message(&text, id, event, data, n);
  if (!text.failed) return send_text(wire, &text);
  wire_end(wire, WIRE_BACK);
  return -1;
}

int wire_beat(struct wire *wire) { return wire->kind == WIRE_EVENTS ? stream_write(&wire->stream, ":\n\n", 3) : 0; }

static void end_events(struct stream *stream, enum wire_end why) {
  static const char over[] = "event: end\ndata: {\"reason\":\"the credential has ended\"}\n\n", back[] = "retry: 500\n\n";
  const char *last = why == WIRE_OVER ? over : back;
  if (stream->connection && stream_write(stream, last, strlen(last)) == 0) stream_end(stream);
}

void wire_end(struct wire *wire, enum wire_end why) {
  if (wire->kind == WIRE_EVENTS) {
    end_events(&wire->stream, why);
    return;
  }
  if (!wire->socket) return;
  /* RFC 6455, 7.4.1: 1008 policy violation; 1012 service restart (IANA) */
  websocket_end(wire->socket, why == WIRE_OVER ? 1008 : 1012, why == WIRE_OVER ? "the credential has ended" : "the server ends: come back");
  wire->socket = NULL;
}
