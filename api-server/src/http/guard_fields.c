/* Field lines: their syntax, and which of them may stand once (RFC 9112, 5; RFC 9110, 5.3). */
#include "http/bytes.h"
#include "http/guard_rules.h"

#include <string.h>

/* The fields that the guard understands come first, in the order of enum known_field. */
static const struct {
  const char *name;
  size_t len;
  bool once;
} known[] = {
#define NAMED(name) name, sizeof(name) - 1
    [FIELD_HOST] = {NAMED("host"), true},
    [FIELD_CONTENT_LENGTH] = {NAMED("content-length"), true},
    [FIELD_TRANSFER_ENCODING] = {NAMED("transfer-encoding"), true},
    [FIELD_CONNECTION] = {NAMED("connection"), false},
    [FIELD_EXPECT] = {NAMED("expect"), true},
    [FIELD_UPGRADE] = {NAMED("upgrade"), false},
    [FIELD_WEBSOCKET_KEY] = {NAMED("sec-websocket-key"), true},
    [FIELD_WEBSOCKET_VERSION] = {NAMED("sec-websocket-version"), true},
    {NAMED("authorization"), true},
    {NAMED("content-type"), true},
    {NAMED("origin"), true},
    {NAMED("last-event-id"), true},
    {NAMED("x-csrf-token"), true},
    {NAMED("x-issuer-secret"), true},
    {NAMED("x-collab-signature"), true},
    {NAMED("x-collab-timestamp"), true},
    {NAMED("x-collab-id"), true},
#undef NAMED
};

static int find_known(struct span name) {
  for (size_t i = 0; i < ELEMENTS(known); i++)
    if (span_equal_word(name, (struct span){known[i].name, known[i].len})) return (int)i;
  return -1;
}

static enum refusal note_known(struct parsed *parsed, uint32_t *seen, struct span name, struct span value) {
  int field = find_known(name);
  if (field < 0) return REFUSE_NOTHING;
  if (known[field].once && (*seen & (1U << field))) return REFUSE_FIELD_TWICE;
  *seen |= 1U << field;
  if (field < FIELDS_UNDERSTOOD) parsed->known[field] = value;
  return REFUSE_NOTHING;
}

static enum refusal parse_field(struct parsed *parsed, uint32_t *seen, struct span line) {
  struct request_head *head = parsed->head;
  if (*line.at == ' ' || *line.at == '\t') return REFUSE_FIELD_FOLDED;
  struct span value = line, name = span_cut(&value, ':');
  if (!value.at || !bytes_are(name, BYTE_TOKEN)) return REFUSE_FIELD_NAME;
  if (head->header_count == REQUEST_HEADERS_MAX) return REFUSE_FIELD_COUNT;
  value = span_trim(value);
  head->headers[head->header_count].name = slice_of(head, name);
  head->headers[head->header_count++].value = slice_of(head, value);
  return note_known(parsed, seen, name, value);
}

enum refusal parse_fields(struct parsed *parsed, struct span lines) {
  _Static_assert(ELEMENTS(known) <= 32, "one bit of `seen` for each known field");
  uint32_t seen = 0;
  while (lines.len) {
    struct span line = span_cut(&lines, '\r');
    lines = (struct span){lines.at + 1, lines.len - 1}; /* its LF: the scan saw to it */
    enum refusal why = parse_field(parsed, &seen, line);
    if (why) return why;
  }
  return REFUSE_NOTHING;
}
