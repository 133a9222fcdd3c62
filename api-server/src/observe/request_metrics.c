#include "observe/request_metrics.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

void request_metrics_init(struct request_metrics *m, struct metrics *metrics) { *m = (struct request_metrics){.metrics = metrics}; }

static size_t place_of(const struct request *request) {
  uintptr_t mixed =
      (uintptr_t)request->route / sizeof(struct route) * 31 + (uintptr_t)request->head.method * 7 + (uintptr_t)request->status;
  return mixed % REQUEST_SERIES;
}

static void count(struct request_metrics *m, const struct request *request) {
  size_t at = place_of(request);
  if (!m->known[at].requests || m->known[at].route != request->route || m->known[at].method != request->head.method ||
      m->known[at].status != request->status) {
    char labels[128];
    const char *route = request->route ? request->route->path : "none", *method = http_method_name(request->head.method);
    (void)snprintf(labels, sizeof labels, "method=\"%s\",route=\"%s\",status=\"%d\"", method, route, request->status);
    m->known[at].requests = metrics_series(m->metrics, METRIC_HTTP_REQUESTS, labels);
    (void)snprintf(labels, sizeof labels, "method=\"%s\",route=\"%s\"", method, route);
    m->known[at].durations = metrics_series(m->metrics, METRIC_HTTP_DURATION, labels);
    m->known[at].route = request->route;
    m->known[at].method = request->head.method;
    m->known[at].status = request->status;
  }
  series_add(m->known[at].requests, 1);
  series_observe_us(m->known[at].durations, request->duration_us);
}

static enum log_level level_of(const struct request *request) {
  if (request->status >= 500 && request->status != 503) return LOG_ERROR;
  if (request->refusal || request->status == 503) return LOG_WARN;
  return request->route && request->route->quiet ? LOG_DEBUG : LOG_INFO;
}

/* A token that somebody puts where none belongs: the base64 of {" is how every JOSE header begins (RFC 7515, 3). */
static void put_text(struct buffer *to, struct span text, size_t max) {
  if (text.at && memmem(text.at, text.len, "eyJ", 3)) text = SPAN("[redacted]");
  buffer_json_string(to, text.at ? text.at : "", text.len < max ? text.len : max);
}

/* The path without its query, which may hold a credential. */
static void put_request(struct buffer *to, const struct request *request) {
  char address[ADDRESS_TEXT_SIZE];
  struct span path = request_path(&request->head), agent = request_header(&request->head, "user-agent");
  address_format(&request->client, address);
  buffer_puts(to, "{\"method\":\"");
  buffer_puts(to, http_method_name(request->head.method));
  buffer_puts(to, "\",\"url\":");
  put_text(to, path, 256);
  buffer_puts(to, ",\"remoteAddress\":\"");
  buffer_puts(to, address);
  buffer_puts(to, "\",\"userAgent\":");
  put_text(to, agent, 128);
  buffer_puts(to, "}");
}

static void tell(const struct request *request, enum log_level level, const struct trace *trace, const char *subject, bool bypassed) {
  char response[48], milliseconds[32];
  _cleanup_buffer_ struct buffer req;
  buffer_init(&req, 4096);
  put_request(&req, request);
  (void)snprintf(response, sizeof response, "{\"statusCode\":%d}", request->status);
  (void)snprintf(milliseconds, sizeof milliseconds, "%" PRId64 ".%03" PRId64, request->duration_us / 1000, request->duration_us % 1000);
  struct log_field fields[11] = {log_str("reqId", request->id), log_raw("req", buffer_text(&req)), log_raw("res", response),
                                 log_raw("responseTime", milliseconds)};
  size_t n = 4;
  if (subject) fields[n++] = log_str("sub", subject);
  if (request->route) fields[n++] = log_str("route", request->route->path);
  if (request->refusal) fields[n++] = log_str("rule", request->refusal);
  if (trace) fields[n++] = log_str("traceId", trace->id);
  if (trace) fields[n++] = log_str("spanId", trace->span);
  if (bypassed) fields[n++] = log_bool("authBypass", true);
  log_write(level, "request completed", fields);
}

void request_observe(struct request_metrics *m, const struct request *request, const struct trace *trace, const char *subject,
                     bool bypassed) {
  count(m, request);
  enum log_level level = level_of(request);
  if (log_enabled(level)) tell(request, level, trace, subject, bypassed);
}
