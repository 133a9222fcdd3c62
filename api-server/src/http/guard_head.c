/* A head in two passes: the scan finds its end as bytes arrive and refuses what may stand in no head; the parse runs once over the whole. */
#include "http/bytes.h"
#include "http/guard_rules.h"

#include <string.h>

const struct guard_limits guard_default_limits = {
    .head_max = 16 * 1024, .target_max = 8 * 1024, .extension_max = 4 * 1024, .trailer_max = 4 * 1024, .body_max = 256 * 1024};

void guard_init(struct guard *guard, const struct guard_limits *limits) { *guard = (struct guard){.limits = limits}; }

struct slice slice_of(const struct request_head *head, struct span s) {
  return (struct slice){(uint16_t)(s.at - head->base), (uint16_t)s.len};
}

/* At the first byte that is no text; unless it is the last one that arrived, a CR has its successor. */
static enum guard_result end_line(struct guard *guard, const char *at) {
  size_t i = guard->scanned;
  if (!byte_is(at[i], BYTE_CR | BYTE_LF)) return guard_refuse(guard, REFUSE_CONTROL_BYTE);
  if (byte_is(at[i], BYTE_LF) || !byte_is(at[i + 1], BYTE_LF)) return guard_refuse(guard, REFUSE_BARE_LINE_END);
  bool empty = i == guard->line, request_line = guard->line == guard->start;
  if (empty && request_line && guard->start) return guard_refuse(guard, REFUSE_EMPTY_LINES);
  guard->scanned = guard->line = i + 2;
  if (empty && request_line) guard->start = guard->line;
  return empty && !request_line ? GUARD_DONE : GUARD_MORE;
}

static enum guard_result scan(struct guard *guard, const char *at, size_t n) {
  size_t max = guard->limits->head_max, end = n < max ? n : max;
  for (;;) {
    while (guard->scanned < end && byte_is(at[guard->scanned], BYTE_TEXT)) guard->scanned++;
    if (guard->scanned == end) break;
    if (byte_is(at[guard->scanned], BYTE_CR) && guard->scanned + 1 == end) break; /* what follows it decides */
    enum guard_result result = end_line(guard, at);
    if (result != GUARD_MORE) return result;
  }
  if (n < max) return GUARD_MORE;
  return guard_refuse(guard, guard->line == guard->start ? REFUSE_TARGET_LONG : REFUSE_HEAD_LONG);
}

/* "HTTP/" DIGIT "." DIGIT (RFC 9112, 2.3) */
static enum refusal parse_version(struct request_head *head, struct span version) {
  if (version.len != 8 || memcmp(version.at, "HTTP/", 5) || !byte_is(version.at[5], BYTE_DIGIT) || version.at[6] != '.' ||
      !byte_is(version.at[7], BYTE_DIGIT))
    return REFUSE_REQUEST_LINE;
  if (version.at[5] != '1' || version.at[7] > '1') return REFUSE_VERSION;
  head->http10 = version.at[7] == '0';
  return REFUSE_NOTHING;
}

static enum refusal parse_method(struct request_head *head, struct span name) {
  if (!bytes_are(name, BYTE_TOKEN)) return REFUSE_METHOD_SYNTAX;
  if (span_equal(name, SPAN("CONNECT")) || span_equal(name, SPAN("TRACE"))) return REFUSE_METHOD_NOT_SERVED;
  int method = http_method_find(name);
  if (method < 0) return REFUSE_METHOD_UNKNOWN;
  head->method = (enum http_method)method;
  return REFUSE_NOTHING;
}

static enum refusal parse_request_line(struct parsed *parsed, struct span line, size_t target_max) {
  struct span method = span_cut(&line, ' '), target = span_cut(&line, ' ');
  if (!target.len || !line.at) return REFUSE_REQUEST_LINE;
  enum refusal why = parse_version(parsed->head, line);
  if (why) return why;
  why = parse_method(parsed->head, method);
  if (why) return why;
  if (target.len > target_max) return REFUSE_TARGET_LONG;
  return parse_target(parsed, target);
}

static enum refusal parse(const struct guard *guard, const char *at, struct request_head *head) {
  struct parsed parsed = {.head = head};
  *head = (struct request_head){.base = at, .len = guard->scanned};
  struct span rest = {at + guard->start, guard->scanned - guard->start - 2};
  struct span line = span_cut(&rest, '\r');
  rest = (struct span){rest.at + 1, rest.len - 1}; /* its LF */
  enum refusal why = parse_request_line(&parsed, line, guard->limits->target_max);
  if (why) return why;
  why = parse_fields(&parsed, rest);
  if (why) return why;
  return judge_fields(&parsed, guard->limits->body_max);
}

enum guard_result guard_head(struct guard *guard, const char *at, size_t n, struct request_head *ret) {
  if (guard->refusal) return GUARD_REFUSED;
  enum guard_result result = scan(guard, at, n);
  if (result != GUARD_DONE) return result;
  struct request_head head;
  enum refusal why = parse(guard, at, &head);
  if (why) return guard_refuse(guard, why);
  guard->body = head.body;
  guard->left = head.content_length;
  *ret = head;
  return GUARD_DONE;
}
