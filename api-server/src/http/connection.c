#include "http/connection.h"

#include "base/clock.h"
#include "http/server_internal.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- time ---- */

/* The timer is only ever moved forward to an earlier time; a later deadline is found when it fires. So a busy connection sets none. */
static void expect_within(struct connection *c, int64_t ms) {
  c->deadline_ms = loop_now_ms(c->server->loop) + ms;
  if (timer_is_set(&c->timer) && c->timer.due_ms <= c->deadline_ms) return;
  if (timer_set(&c->timer, ms) < 0) c->closing = true; /* a connection that nothing would ever end is not kept */
}

static void enter(struct connection *c, enum connection_phase phase) {
  const struct http_server_settings *settings = &c->server->settings;
  c->phase = phase;
  switch (phase) {
    case PHASE_IDLE: expect_within(c, settings->keepalive_timeout_ms); break;
    case PHASE_HEAD: expect_within(c, settings->header_timeout_ms); break;
    case PHASE_BODY: expect_within(c, settings->body_timeout_ms); break;
    case PHASE_WORKING:
    case PHASE_STREAMING: c->deadline_ms = 0; break; /* what it waits for has a deadline of its own */
    case PHASE_LINGERING: expect_within(c, LINGER_MS); break;
  }
}

/* ---- its end ---- */

static void forget_address(struct connection *c) {
  char key[ADDRESS_TEXT_SIZE];
  address_format(&c->peer, key);
  uintptr_t count = (uintptr_t)map_get(c->server->addresses, key);
  /* replacing a value needs no memory */
  if (count <= 1 || map_put(c->server->addresses, key, (void *)(count - 1)) < 0) map_remove(c->server->addresses, key);
}

static void drop_request(struct connection *c) {
  struct request *request = TAKE(c->request);
  if (!request) return;
  if (c->phase == PHASE_WORKING) {
    c->server->counts.in_flight--;
    c->server->settings.cancelled(request);
  }
  request_release(request);
}

static void close_stream(struct connection *c) {
  struct stream *stream = TAKE(c->stream);
  if (!stream) return;
  stream->connection = NULL;
  if (stream->closed) stream->closed(stream);
}

void http_connection_close(struct connection *c) {
  drop_request(c);
  close_stream(c);
  if (c->counted) forget_address(c);
  *c->previous = c->next;
  if (c->next) c->next->previous = c->previous;
  c->server->counts.connections--;
  timer_stop(&c->timer);
  io_stop(&c->io);
  if (c->io.fd >= 0) (void)close(c->io.fd); /* nothing is to be done about a failed close */
  buffer_done(&c->in);
  buffer_done(&c->out);
  free(c);
}

/* Says that nothing more will come and reads to the peer's end: closing with unread bytes would send a reset, which may overtake the answer. */
static void linger(struct connection *c) {
  drop_request(c);
  buffer_done(&c->in);
  if (c->peer_done || shutdown(c->io.fd, SHUT_WR) < 0 || io_want(&c->io, EPOLLIN, NULL) < 0) {
    http_connection_close(c);
    return;
  }
  enter(c, PHASE_LINGERING);
}

static void read_to_nowhere(struct connection *c) {
  char nowhere[READ_BYTES];
  ssize_t n = recv(c->io.fd, nowhere, sizeof nowhere, 0);
  if (n > 0) c->lingered += (size_t)n;
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || c->lingered > LINGER_BYTES) http_connection_close(c);
}

/* ---- out ---- */

/* -1 when the peer is gone. */
static int send_out(struct connection *c) {
  while (c->sent < c->out.len) {
    ssize_t n = send(c->io.fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN ? 0 : -1;
    c->sent += (size_t)n;
  }
  c->sent = 0;
  buffer_clear(&c->out);
  if (c->out.cap > IDLE_BUFFER) buffer_done(&c->out);
  return 0;
}

/* A stream's reader that is behind has a time to take some more, and none while it isn't. */
static void watch_reader(struct connection *c, size_t before) {
  size_t left = c->out.len - c->sent;
  bool first = c->phase == PHASE_STREAMING && !c->deadline_ms;
  if (c->out.len && (left < before || first))
    expect_within(c, c->server->settings.body_timeout_ms);
  else if (c->phase == PHASE_STREAMING && !c->out.len)
    c->deadline_ms = 0;
}

static uint32_t wanted(const struct connection *c) {
  bool full = c->phase == PHASE_WORKING && c->in.len >= READ_AHEAD;
  bool blocked = c->out.len - c->sent >= OUT_HIGH;
  uint32_t events = c->peer_done || c->closing || full || blocked ? 0 : EPOLLIN;
  return c->out.len ? events | EPOLLOUT : events;
}

/* Sends what there is, then decides what the connection waits for. It may be gone afterwards. */
static void settle(struct connection *c) {
  size_t before = c->out.len - c->sent;
  bool gone = c->io.fd < 0 || send_out(c) < 0;
  if (!gone && !c->out.len && c->closing) {
    linger(c);
    return;
  }
  bool over = !c->out.len && c->peer_done && c->phase != PHASE_WORKING;
  if (gone || over || io_want(&c->io, wanted(c), NULL) < 0)
    http_connection_close(c);
  else
    watch_reader(c, before);
}

/* ---- requests out of bytes ---- */

static void refuse(struct connection *c, enum problem_type type, const char *detail) {
  c->request->close = true;
  if (!*c->request->id) request_begin(c->request);
  c->request->route = NULL;
  c->phase = PHASE_WORKING;
  c->server->counts.in_flight++;
  request_refuse(c->request, type, detail);
}

static void refuse_for_guard(struct connection *c) {
  const struct guard_refusal *refusal = c->guard.refusal;
  c->request->refusal = refusal->rule;
  if (refusal->field_name) request_field(c->request, refusal->field_name, refusal->field_value);
  refuse(c, problem_of_status(refusal->status), refusal->detail);
}

static void work(struct connection *c) {
  enter(c, PHASE_WORKING);
  c->server->counts.in_flight++;
  c->server->settings.dispatch(c->request);
}

/* A request whose fate is known before its body: where its end is unknown, the connection can't go on. */
static bool answer_early(struct connection *c) {
  if (c->request->route && c->request->found == ROUTE_FOUND) return false;
  c->request->close |= c->request->head.body != BODY_NONE;
  work(c);
  return true;
}

/* True when it got further. */
static bool take_head(struct connection *c) {
  struct request *request = c->request;
  switch (guard_head(&c->guard, c->in.data, c->in.len, &request->head)) {
    case GUARD_MORE:
      if (c->phase == PHASE_IDLE) enter(c, PHASE_HEAD);
      return false;
    case GUARD_REFUSED: refuse_for_guard(c); return true;
    case GUARD_DONE: break;
  }
  request->head.base = c->in.data;
  enter(c, PHASE_BODY);
  request_begin(request);
  if (answer_early(c)) return true;
  if (request->head.expect_continue && c->in.len == request->head.len) buffer_puts(&c->out, response_continue);
  return true;
}

static bool take_body(struct connection *c) {
  struct request *request = c->request;
  size_t n = c->in.len - request->head.len;
  enum guard_result result = guard_body(&c->guard, c->in.data + request->head.len, &n);
  c->in.len = request->head.len + n;
  c->in.data[c->in.len] = 0;
  request->head.base = c->in.data;
  request->body = c->in.data + request->head.len;
  request->body_len = c->guard.body_len;
  if (result == GUARD_MORE) return false;
  if (result == GUARD_REFUSED)
    refuse_for_guard(c);
  else
    work(c);
  return true;
}

static bool take_step(struct connection *c) {
  if (c->phase == PHASE_WORKING || c->phase == PHASE_STREAMING || c->closing || !c->in.len || c->out.len - c->sent >= OUT_HIGH)
    return false;
  if (!c->request && !(c->request = request_take(c))) return c->closing = true, false;
  return c->phase == PHASE_BODY ? take_body(c) : take_head(c);
}

/* Takes requests for as long as they are answered at once. The connection may be gone afterwards. */
static void pump(struct connection *c) {
  if (c->pumping) return;
  c->pumping = true;
  while (take_step(c)) continue;
  c->pumping = false;
  settle(c);
}

void http_connection_answered(struct connection *c) {
  struct request *request = TAKE(c->request);
  c->closing |= request->close;
  c->server->counts.in_flight--;
  buffer_consume(&c->in, request->head.len + request->body_len);
  if (!c->in.len && c->in.cap > IDLE_BUFFER) buffer_done(&c->in);
  request_release(request);
  guard_init(&c->guard, &guard_default_limits);
  enter(c, PHASE_IDLE);
  pump(c);
}

/* ---- an answer that goes on ---- */

void http_connection_streams(struct connection *c, struct stream *stream) {
  request_release(TAKE(c->request));
  c->server->counts.in_flight--;
  buffer_done(&c->in);
  /* or the kernel keeps megabytes for who doesn't read; where it refuses, only memory is lost */
  (void)setsockopt(c->io.fd, SOL_SOCKET, SO_SNDBUF, &(int){STREAM_BEHIND_MAX}, sizeof(int));
  stream->connection = c;
  c->stream = stream;
  enter(c, PHASE_STREAMING);
  /* at the end of the turn, so that nobody is told of an end while he begins */
  if (io_want(&c->io, wanted(c), NULL) < 0) c->closing = true;
}

int stream_write(struct stream *stream, const char *bytes, size_t n) {
  struct connection *c = stream->connection;
  if (!c) return -1;
  buffer_append(&c->out, bytes, n);
  bool behind = c->out.failed || c->out.len - c->sent > STREAM_BEHIND_MAX;
  if (!behind && io_want(&c->io, wanted(c), NULL) == 0) return 0;
  stream->connection = NULL;
  c->stream = NULL;
  http_connection_close(c);
  return -1;
}

void stream_end(struct stream *stream) {
  struct connection *c = TAKE(stream->connection);
  if (!c) return;
  c->stream = NULL;
  c->closing = true;
  settle(c);
}

/* ---- an upgrade ---- */

int http_connection_hand_over(struct request *request, struct buffer *read) {
  struct connection *c = request->connection;
  int fd = c->io.fd;
  buffer_append(read, c->in.data + request->head.len, c->in.len - request->head.len);
  request->status = 101;
  request->close = true;
  request->duration_us = clock_monotonic_ns() / 1000 - request->started_us;
  c->server->settings.answered(request);
  request_release(TAKE(c->request));
  c->server->counts.in_flight--;
  c->phase = PHASE_STREAMING;
  io_stop(&c->io);
  c->io.fd = -1;
  if (!c->pumping) http_connection_close(c);
  return fd;
}

/* ---- events ---- */

static void read_in(struct connection *c) {
  char *room = buffer_reserve(&c->in, READ_BYTES);
  ssize_t n = room ? recv(c->io.fd, room, c->in.cap - 1 - c->in.len, 0) : -1;
  if (n < 0) {
    if (!room || (errno != EAGAIN && errno != EINTR)) http_connection_close(c);
    return;
  }
  if (c->phase == PHASE_STREAMING)
    buffer_done(&c->in);
  else
    buffer_grew(&c->in, (size_t)n);
  if (c->request) { /* the buffer may have moved */
    c->request->head.base = c->in.data;
    c->request->body = c->in.data + c->request->head.len;
  }
  c->peer_done = n == 0;
  pump(c);
}

static void on_ready(struct io *io, uint32_t events) {
  struct connection *c = CONTAINER_OF(io, struct connection, io);
  if (c->phase == PHASE_LINGERING)
    read_to_nowhere(c);
  else if (events & (EPOLLERR | EPOLLHUP))
    http_connection_close(c);
  else if (events & EPOLLIN)
    read_in(c);
  else
    pump(c);
}

/* A head or body that is late is answered; a reader or a peer that is late is left. */
static void on_late(struct connection *c) {
  bool late_message = (c->phase == PHASE_HEAD || c->phase == PHASE_BODY) && c->in.len && !c->out.len && c->request;
  if (!late_message) {
    http_connection_close(c);
    return;
  }
  bool head = c->phase == PHASE_HEAD;
  c->pumping = true; /* the answer must not take the next request */
  refuse(c, PROBLEM_REQUEST_TIMEOUT, head ? "The request's head did not arrive in time." : "The request's body did not arrive in time.");
  c->pumping = false;
  settle(c);
}

/* Who has been silent for a while needs no memory. */
static void rest(struct connection *c) {
  if (c->phase != PHASE_IDLE || c->in.len || c->out.len) return;
  buffer_done(&c->in);
  buffer_done(&c->out);
}

static void on_timer(struct timer *timer) {
  struct connection *c = CONTAINER_OF(timer, struct connection, timer);
  int64_t left = c->deadline_ms - loop_now_ms(c->server->loop);
  if (!c->deadline_ms) return;
  rest(c);
  if (left <= 0)
    on_late(c);
  else if (timer_set(&c->timer, left) < 0)
    http_connection_close(c);
}

/* ---- its beginning ---- */

/* False beyond the bound. */
static bool count_address(struct connection *c) {
  struct http_server *server = c->server;
  char key[ADDRESS_TEXT_SIZE];
  if (c->door == DOOR_METRICS || networks_hold(server->settings.trusted_proxies, &c->peer)) return true;
  address_format(&c->peer, key);
  uintptr_t count = (uintptr_t)map_get(server->addresses, key);
  if (count >= server->settings.max_connections_per_address || map_put(server->addresses, key, (void *)(count + 1)) < 0) return false;
  return c->counted = true;
}

static void insert(struct http_server *server, struct connection *c) {
  c->previous = &server->connections;
  c->next = server->connections;
  if (c->next) c->next->previous = &c->next;
  server->connections = c;
  server->counts.connections++;
}

void http_connection_start(struct http_server *server, int fd, enum door door, const struct address *peer) {
  /* who looks after the server gets in, however full it is */
  bool room = door == DOOR_METRICS || (size_t)server->counts.connections < server->settings.max_connections;
  struct connection *c = room ? calloc(1, sizeof *c) : NULL;
  if (c) *c = (struct connection){.server = server, .door = door, .peer = *peer};
  if (!c || !count_address(c) || io_start(&c->io, server->loop, fd, EPOLLIN, on_ready, NULL) < 0) {
    server->counts.refused_connections++;
    if (c && c->counted) forget_address(c);
    free(c);
    (void)close(fd); /* nothing is to be done about a failed close */
    return;
  }
  buffer_init(&c->in, guard_default_limits.head_max + (size_t)guard_default_limits.body_max + READ_AHEAD + READ_BYTES);
  buffer_init(&c->out, OUT_MAX);
  guard_init(&c->guard, &guard_default_limits);
  timer_init(&c->timer, server->loop, on_timer);
  insert(server, c);
  /* the first head is awaited no longer than any other: who connects has something to ask */
  c->phase = PHASE_IDLE;
  expect_within(c, server->settings.header_timeout_ms);
}
