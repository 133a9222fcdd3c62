#include "http/request.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "http/accept.h"
#include "http/bytes.h"
#include "http/server_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the pool ---- */

static struct request *request_new(void) {
  struct request *request = calloc(1, sizeof *request);
  if (request) request->arena = arena_new(REQUEST_ARENA);
  if (request && request->arena) return request;
  free(request);
  return NULL;
}

/* Large arrays are not cleared: their counts are. */
static void request_reset(struct request *request, struct connection *c) {
  request->head.base = "";
  request->head.len = 0;
  request->head.method = HTTP_GET;
  request->head.header_count = 0;
  request->head.keep_alive = false;
  request->head.target_slice = request->head.path_slice = request->head.query_slice = request->head.host_slice = (struct slice){0};
  request->body = "";
  request->body_len = 0;
  request->found = ROUTE_ABSENT;
  request->route = NULL;
  request->allowed = 0;
  *request->id = 0;
  request->door = c->door;
  request->peer = request->client = c->peer;
  request->started_us = clock_monotonic_ns() / 1000;
  request->field_count = 0;
  request->close = false;
  request->status = 0;
  request->refusal = NULL;
  request->state = NULL;
  request->connection = c;
}

struct request *request_take(struct connection *c) {
  struct http_server *server = c->server;
  struct request *request = server->pool;
  if (request) {
    server->pool = request->next;
    server->pooled--;
  } else {
    request = request_new();
  }
  if (request) request_reset(request, c);
  return request;
}

void request_release(struct request *request) {
  if (!request) return;
  struct http_server *server = request->connection->server;
  if (server->pooled < REQUEST_POOL) {
    arena_reset(request->arena);
    request->next = server->pool;
    server->pool = request;
    server->pooled++;
    return;
  }
  arena_free(request->arena);
  free(request);
}

/* ---- its beginning ---- */

static bool is_sane_id(struct span id) { return id.len < REQUEST_ID_SIZE && bytes_are(id, BYTE_NAME); }

static void make_id(struct http_server *server, char to[REQUEST_ID_SIZE]) {
  static const char digits[] = "0123456789abcdef";
  uint64_t number = server->id_next++;
  for (int i = 0; i < 16; i++) to[i] = digits[server->id_prefix >> (60 - 4 * i) & 15];
  to[16] = '-';
  int at = 17;
  for (int shift = 60; shift >= 0; shift -= 4)
    if (number >> shift || !shift) to[at++] = digits[number >> shift & 15];
  to[at] = 0;
}

static void name_request(struct request *request) {
  struct span id = request_header(&request->head, "x-request-id");
  if (!is_sane_id(id)) {
    make_id(request->connection->server, request->id);
    return;
  }
  memcpy(request->id, id.at, id.len);
  request->id[id.len] = 0;
}

static void find_client(struct request *request) {
  const struct networks *trusted = request->connection->server->settings.trusted_proxies;
  if (!networks_hold(trusted, &request->peer)) return;
  struct span list = request_header_list(&request->head, "x-forwarded-for", request->arena);
  request->client = address_of_client(&request->peer, list.at, list.len, trusted);
}

void request_begin(struct request *request) {
  struct http_server *server = request->connection->server;
  request->started_us = clock_monotonic_ns() / 1000;
  name_request(request);
  find_client(request);
  request->found = route_find(server->settings.routes, request->door, request->head.method, request_path(&request->head), &request->route,
                              &request->parameters, &request->allowed);
  if (request->found != ROUTE_FOUND && request->found != ROUTE_MALFORMED) request->route = NULL;
}

/* ---- its end ---- */

void *request_owner(const struct request *request) { return request->connection->server->settings.owner; }

struct buffer *request_scratch(struct request *request) {
  struct buffer *scratch = &request->connection->server->scratch;
  buffer_clear(scratch);
  return scratch;
}

void request_field(struct request *request, const char *name, const char *value) {
  if (request->field_count < REQUEST_FIELDS) request->fields[request->field_count++] = (struct response_field){name, value};
}

static struct response base_of(struct request *request) {
  struct http_server *server = request->connection->server;
  bool keep_alive = request->head.keep_alive && !request->close && !server->draining;
  request->close = !keep_alive;
  return (struct response){.date = http_date(&server->date, clock_real_ms()),
                           .keep_alive = keep_alive,
                           .for_head = request->head.method == HTTP_HEAD,
                           .fields = request->fields,
                           .field_count = request->field_count};
}

/* An answer of ours that can't be sent is our own mistake; the client learns that much. */
static void answer_composed(struct request *request, int status, int composed, const struct error *error) {
  struct connection *c = request->connection;
  request->status = status;
  if (composed < 0) {
    log_error("an answer could not be sent", log_str("reqId", request->id), log_err(error));
    request->status = 500;
    request->close = true;
    c->out.failed = false;
    buffer_puts(&c->out, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  }
  request->duration_us = clock_monotonic_ns() / 1000 - request->started_us;
  c->server->settings.answered(request);
  http_connection_answered(c);
}

/* SENT may be another status than the one that it comes to. */
static void answer(struct request *request, int status, int sent, const char *content_type, const char *body, size_t n) {
  struct buffer *out = &request->connection->out;
  struct error error = {0};
  request_field(request, "X-Request-Id", request->id);
  request_field(request, "X-Content-Type-Options", "nosniff");
  struct response response = base_of(request);
  response.status = sent;
  response.content_type = content_type;
  response.content_length = (int64_t)n;
  int composed = response_head(out, &response, &error);
  if (composed == 0 && !response.for_head && sent != 204 && sent != 304) buffer_append(out, body, n);
  if (composed == 0 && out->failed) composed = error_set(&error, ERROR_BUG, "the answer is larger than %d bytes", OUT_MAX);
  answer_composed(request, status, composed, &error);
}

void request_answer(struct request *request, int status, const char *content_type, const char *body, size_t n) {
  answer(request, status, status, content_type, body, n);
}

const char event_stream_type[] = "text/event-stream";

int request_stream(struct request *request, struct stream *stream, const char *content_type) {
  struct connection *c = request->connection;
  struct error error = {0};
  request_field(request, "X-Request-Id", request->id);
  request_field(request, "X-Content-Type-Options", "nosniff");
  request->close = true;
  struct response response = base_of(request);
  response.status = 200;
  response.content_type = content_type;
  response.content_length = RESPONSE_UNTIL_CLOSE;
  int composed = response_head(&c->out, &response, &error);
  if (composed < 0 || response.for_head) {
    answer_composed(request, 200, composed, &error);
    return -1;
  }
  request->status = 200;
  request->duration_us = clock_monotonic_ns() / 1000 - request->started_us;
  c->server->settings.answered(request);
  http_connection_streams(c, stream);
  return 0;
}

/* ---- refusals ---- */

static bool is_event_source(const struct request *request) {
  static const char *const types[] = {problem_content_type, event_stream_type};
  return request->route && request->route->events && accept_choose(&request->head, types, ELEMENTS(types)) == 1;
}

/* They don't come back all at once. */
static void put_off(struct request *request, const struct problem *problem) {
  char text[48];
  int n = snprintf(text, sizeof text, "retry: %lld\n\n", problem->retry_after_s * 1000LL + (long long)random_below(1000));
  request_field(request, "Cache-Control", "no-store");
  answer(request, problem_kind(problem->type)->status, 200, event_stream_type, text, (size_t)n);
}

void request_problem(struct request *request, const struct problem *problem) {
  if (problem->retry_after_s > 0 && is_event_source(request)) {
    put_off(request, problem);
    return;
  }
  struct error error = {0};
  struct problem named = *problem;
  named.instance = *request->id ? request->id : NULL;
  if (*request->id) request_field(request, "X-Request-Id", request->id);
  request_field(request, "X-Content-Type-Options", "nosniff");
  struct response base = base_of(request);
  answer_composed(request, problem_kind(problem->type)->status, problem_answer(&request->connection->out, &named, &base, &error), &error);
}

void request_refuse(struct request *request, enum problem_type type, const char *detail) {
  request_problem(request, &(struct problem){.type = type, .detail = detail});
}
