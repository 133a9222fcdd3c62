#include "observe/sentry_envelope.h"

#include "base/clock.h"

#include <inttypes.h>
#include <string.h>

static const struct {
  const char *type, *category;
} kinds[SENTRY_KINDS] = {[SENTRY_EVENT] = {"event", "error"}, [SENTRY_TRANSACTION] = {"transaction", "transaction"}};

const char *sentry_kind_type(enum sentry_kind kind) { return kinds[kind].type; }
const char *sentry_kind_category(enum sentry_kind kind) { return kinds[kind].category; }

/* Text that is not there, or empty, is left out. */
static void put(struct buffer *to, const char *before, const char *text) {
  if (!text || !*text) return;
  buffer_puts(to, before);
  buffer_json_string(to, text, strlen(text));
}

static void put_time(struct buffer *to, const char *before, int64_t ms) {
  buffer_printf(to, "%s%" PRId64 ".%03" PRId64, before, ms / 1000, ms % 1000);
}

static void put_tags(struct buffer *to, const struct sentry_source *source, const struct sentry_report *report) {
  buffer_puts(to, ",\"tags\":{\"component\":\"server\"");
  put(to, ",\"stack\":", source->stack);
  put(to, ",\"method\":", report->method);
  put(to, ",\"route\":", report->route);
  put(to, ",\"reqId\":", report->req_id);
  if (report->status) buffer_printf(to, ",\"status\":\"%d\"", report->status);
  buffer_puts(to, "}");
}

/* Names of statuses: develop.sentry.dev/sdk, Span Status. */
static const char *status_name(int status) {
  static const struct {
    int status;
    const char *name;
  } names[] = {{400, "invalid_argument"}, {401, "unauthenticated"},    {403, "permission_denied"}, {404, "not_found"},
               {409, "already_exists"},   {429, "resource_exhausted"}, {500, "internal_error"},    {501, "unimplemented"},
               {503, "unavailable"},      {504, "deadline_exceeded"}};
  for (size_t i = 0; i < ELEMENTS(names); i++)
    if (names[i].status == status) return names[i].name;
  return status < 400 ? "ok" : status < 500 ? "failed_precondition" : "unknown_error";
}

static void put_trace(struct buffer *to, const struct sentry_report *report) {
  const struct trace *trace = report->trace;
  if (!trace) return;
  buffer_printf(to, ",\"contexts\":{\"trace\":{\"type\":\"trace\",\"trace_id\":\"%s\",\"span_id\":\"%s\"", trace->id, trace->span);
  put(to, ",\"parent_span_id\":", trace->parent);
  if (report->status) buffer_printf(to, ",\"op\":\"http.server\",\"status\":\"%s\"", status_name(report->status));
  buffer_puts(to, "}}");
}

static void put_exception(struct buffer *to, const struct sentry_report *report) {
  put(to, ",\"level\":", report->level);
  put(to, ",\"exception\":{\"values\":[{\"type\":", report->type);
  put(to, ",\"value\":", report->value);
  buffer_puts(to, "}]}");
}

static void put_payload(struct buffer *to, const struct sentry_source *source, const struct sentry_report *report) {
  buffer_printf(to, "{\"event_id\":\"%s\",\"platform\":\"c\",\"logger\":\"supernova-server\"", report->id);
  put_time(to, ",\"timestamp\":", report->ended_ms);
  put(to, ",\"release\":", "supernova-server@" SUPERNOVA_VERSION);
  put(to, ",\"dist\":", source->dist);
  put(to, ",\"environment\":", source->environment);
  put(to, ",\"server_name\":", source->server_name);
  put(to, ",\"transaction\":", report->transaction);
  put_tags(to, source, report);
  put_trace(to, report);
  if (report->kind == SENTRY_EVENT) {
    put_exception(to, report);
  } else {
    put_time(to,
             ",\"type\":\"transaction\",\"transaction_info\":{\"source\":\"route\"},\"spans\":[],\"start_timestamp\":", report->began_ms);
  }
  buffer_puts(to, "}");
}

void sentry_envelope(const struct sentry_source *source, const struct sentry_report *report, struct buffer *to) {
  _cleanup_buffer_ struct buffer payload;
  char sent_at[RFC3339_SIZE];
  buffer_init(&payload, SENTRY_ENVELOPE_MAX);
  put_payload(&payload, source, report);
  format_rfc3339(report->ended_ms, sent_at);
  buffer_printf(to, "{\"event_id\":\"%s\",\"sent_at\":\"%s\"}\n", report->id, sent_at);
  buffer_printf(to, "{\"type\":\"%s\",\"content_type\":\"application/json\",\"length\":%zu}\n", sentry_kind_type(report->kind),
                payload.len);
  buffer_append(to, payload.data, payload.len);
  buffer_puts(to, "\n");
  to->failed |= payload.failed;
}
