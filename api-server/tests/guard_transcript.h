/* What the guard makes of a stream of bytes, as text, for the tests and the fuzzer: a line a message.
 *
 *     GET /a?b @host                       a request; flags follow: 1.0 close continue websocket body=... trailing nothing
 *     400 bare-line-end                    a refusal, which ends the stream
 *     more                                 the stream ends within a message
 *
 * The bytes come in pieces; the receive buffer is a fresh, exactly sized allocation at each read, so that AddressSanitizer sees a step too
 * far and every pointer that was kept goes stale.
 */
#pragma once

#include "base/buffer.h"
#include "http/bytes.h"
#include "http/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct receiver {
  struct guard guard;
  struct request_head head;
  bool in_body, refused;
  char *at;
  size_t n;
  struct buffer *out;
};

static void put_span(struct buffer *out, const char *before, struct span s) {
  buffer_puts(out, before);
  buffer_append(out, s.at, s.len);
}

static void must(bool holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "the guard broke its word: %s\n", what);
  abort();
}

static void check_span(const struct receiver *r, struct span s) {
  if (s.at) must(s.at >= r->at && s.at + s.len <= r->at + r->head.len, "a span lies outside the head");
}

static void check_head(const struct receiver *r) {
  must(r->head.len <= r->n && r->head.len <= r->guard.limits->head_max, "the head is longer than what came");
  struct span path = request_path(&r->head);
  must(path.len && (*path.at == '/' || *path.at == '*'), "a path is neither absolute nor *");
  check_span(r, path);
  check_span(r, request_target(&r->head));
  check_span(r, request_query_string(&r->head));
  check_span(r, request_host(&r->head));
  for (unsigned i = 0; i < r->head.header_count; i++) {
    struct span name = {r->head.base + r->head.headers[i].name.at, r->head.headers[i].name.len};
    struct span value = {r->head.base + r->head.headers[i].value.at, r->head.headers[i].value.len};
    check_span(r, name);
    check_span(r, value);
    must(bytes_are(name, BYTE_TOKEN), "a name is no token");
    must(!value.len || bytes_are(value, BYTE_TEXT), "a value holds a control byte");
  }
}

static void put_request(struct receiver *r) {
  const struct request_head *head = &r->head;
  put_span(r->out, http_method_name(head->method), SPAN(" "));
  put_span(r->out, "", request_path(head));
  if (request_query_string(head).at) put_span(r->out, "?", request_query_string(head));
  if (request_host(head).at) put_span(r->out, " @", request_host(head));
  if (head->http10) buffer_puts(r->out, " 1.0");
  if (!head->keep_alive) buffer_puts(r->out, " close");
  if (head->expect_continue) buffer_puts(r->out, " continue");
  if (head->websocket) buffer_puts(r->out, " websocket");
  if (head->body != BODY_NONE) put_span(r->out, " body=", (struct span){r->at + head->len, r->guard.body_len});
  buffer_puts(r->out, "\n");
}

static void put_refusal(struct receiver *r) {
  r->refused = true;
  buffer_printf(r->out, "%d %s\n", r->guard.refusal->status, r->guard.refusal->rule);
}

static void drop_message(struct receiver *r) {
  size_t len = r->head.len + r->guard.body_len, left = r->n - len;
  char *rest = malloc(left ? left : 1);
  must(rest, "memory");
  memcpy(rest, r->at + len, left);
  free(r->at);
  r->at = rest;
  r->n = left;
  r->in_body = false;
  guard_init(&r->guard, r->guard.limits);
}

/* One step; false when it wants more bytes or has refused. */
static bool advance(struct receiver *r) {
  enum guard_result result;
  if (!r->in_body) {
    result = guard_head(&r->guard, r->at, r->n, &r->head);
    if (result == GUARD_DONE) {
      check_head(r);
      return r->in_body = true;
    }
  } else {
    size_t n = r->n - r->head.len;
    r->head.base = r->at;
    result = guard_body(&r->guard, r->at + r->head.len, &n);
    if (result != GUARD_REFUSED) {
      must(n <= r->n - r->head.len && r->guard.body_len <= n, "the body grew beyond what came");
      must((int64_t)r->guard.body_len <= r->guard.limits->body_max, "the body is longer than its bound");
      r->n = r->head.len + n;
    }
  }
  if (result == GUARD_REFUSED) put_refusal(r);
  if (result != GUARD_DONE) return false;
  put_request(r);
  drop_message(r);
  return true;
}

static void receive(struct receiver *r, const char *bytes, size_t n) {
  char *grown = malloc(r->n + n ? r->n + n : 1);
  must(grown, "memory");
  memcpy(grown, r->at, r->n);
  memcpy(grown + r->n, bytes, n);
  free(r->at);
  r->at = grown;
  r->n += n;
  while (advance(r)) continue;
}

/* The transcript of BYTES, read in pieces: CUTS holds rising offsets, the last piece goes to the end. */
static void guard_transcript(struct buffer *out, const struct guard_limits *limits, const char *bytes, size_t n, const size_t *cuts,
                             size_t cut_count) {
  struct receiver r = {.out = out, .at = malloc(1)};
  must(r.at, "memory");
  guard_init(&r.guard, limits);
  size_t from = 0;
  for (size_t i = 0; i <= cut_count && !r.refused; i++) {
    size_t to = i < cut_count ? cuts[i] : n;
    receive(&r, bytes + from, to - from);
    from = to;
  }
  if (!r.refused && r.n) buffer_puts(out, "more\n");
  free(r.at);
}
