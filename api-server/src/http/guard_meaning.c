/* What the fields of a head mean together: whose it is, where it ends, what the client expects of the connection. */
#include "http/bytes.h"
#include "http/guard_rules.h"

/* RFC 9112, 3.2: exactly one Host; with an absolute-form target it says the same. */
static enum refusal judge_host(struct parsed *parsed) {
  struct request_head *head = parsed->head;
  struct span host = parsed->known[FIELD_HOST];
  if (!host.at) {
    if (!head->http10) return REFUSE_HOST_MISSING;
    host = parsed->authority;
  }
  if (!host.at) return REFUSE_NOTHING;
  if (!authority_is_valid(host)) return REFUSE_HOST;
  if (parsed->authority.at && !span_equal_word(parsed->authority, host)) return REFUSE_HOST_DIFFERS;
  head->host_slice = slice_of(head, host);
  return REFUSE_NOTHING;
}

/* RFC 9110, 8.6. A number beyond any type is too long, not malformed. */
static enum refusal judge_length(struct request_head *head, struct span value, int64_t body_max) {
  if (!bytes_are(value, BYTE_DIGIT) || (value.len > 1 && *value.at == '0')) return REFUSE_LENGTH;
  int64_t length = 0;
  for (size_t i = 0; i < value.len; i++) {
    if (length > (INT64_MAX - 9) / 10) return REFUSE_BODY_LONG;
    length = length * 10 + (value.at[i] - '0');
  }
  if (length > body_max) return REFUSE_BODY_LONG;
  head->body = BODY_LENGTH;
  head->content_length = length;
  return REFUSE_NOTHING;
}

/* RFC 9112, 6.1 and 6.3: chunked must be the last coding; others before it are well-formed, and not ours. */
static enum refusal judge_coding(struct request_head *head, struct span value) {
  struct span rest = value, coding = value;
  unsigned codings = 0;
  while (span_next_item(&rest, &coding)) codings++;
  if (head->http10) return REFUSE_CODING_OLD;
  if (!span_is_word(coding, "chunked")) return REFUSE_CODING;
  if (codings > 1) return REFUSE_CODING_UNKNOWN;
  head->body = BODY_CHUNKED;
  return REFUSE_NOTHING;
}

static enum refusal judge_body(struct parsed *parsed, int64_t body_max) {
  struct span length = parsed->known[FIELD_CONTENT_LENGTH], coding = parsed->known[FIELD_TRANSFER_ENCODING];
  if (length.at && coding.at) return REFUSE_LENGTH_AND_CODING;
  if (length.at) return judge_length(parsed->head, length, body_max);
  if (coding.at) return judge_coding(parsed->head, coding);
  return REFUSE_NOTHING;
}

/* RFC 9110, 7.6.1; empty items are no tokens here. */
static enum refusal judge_connection(struct request_head *head, bool *ret_upgrade) {
  struct span value, option;
  bool close = false, upgrade = false;
  for (unsigned i = 0; request_header_next(head, "connection", &i, &value);) {
    while (span_next_item(&value, &option)) {
      if (!bytes_are(option, BYTE_TOKEN)) return REFUSE_CONNECTION;
      close = close || span_is_word(option, "close");
      upgrade = upgrade || span_is_word(option, "upgrade");
    }
  }
  head->keep_alive = !head->http10 && !close;
  *ret_upgrade = upgrade && !head->http10;
  return REFUSE_NOTHING;
}

/* RFC 9110, 10.1.1: without a body there is nothing to wait for. */
static enum refusal judge_expectation(struct parsed *parsed) {
  struct span value = parsed->known[FIELD_EXPECT];
  struct request_head *head = parsed->head;
  if (!value.at || head->http10) return REFUSE_NOTHING;
  if (!span_is_word(value, "100-continue")) return REFUSE_EXPECT;
  head->expect_continue = head->body == BODY_CHUNKED || head->content_length > 0;
  return REFUSE_NOTHING;
}

/* 16 bytes in base64 are 22 digits, the last of which carries four zero bits, and "==" (RFC 4648, 4). */
static bool is_websocket_key(struct span key) {
  if (key.len != 24 || key.at[22] != '=' || key.at[23] != '=') return false;
  char last = key.at[21];
  return bytes_are((struct span){key.at, 22}, BYTE_BASE64) && (last == 'A' || last == 'Q' || last == 'g' || last == 'w');
}

/* RFC 6455, 4.2.1. Other protocols (h2c) are offers that a server may pass over: RFC 9110, 7.8. */
static enum refusal judge_upgrade(struct parsed *parsed) {
  struct request_head *head = parsed->head;
  struct span version = parsed->known[FIELD_WEBSOCKET_VERSION], key = parsed->known[FIELD_WEBSOCKET_KEY], value, protocol;
  bool wanted = false;
  for (unsigned i = 0; request_header_next(head, "upgrade", &i, &value);)
    while (span_next_item(&value, &protocol)) wanted = wanted || span_is_word(protocol, "websocket");
  if (!wanted) return REFUSE_NOTHING;
  if (head->method != HTTP_GET || head->body == BODY_CHUNKED || head->content_length > 0) return REFUSE_UPGRADE;
  if (!span_is_word(version, "13")) return REFUSE_UPGRADE_VERSION;
  if (!is_websocket_key(key)) return REFUSE_UPGRADE;
  head->websocket = true;
  return REFUSE_NOTHING;
}

enum refusal judge_fields(struct parsed *parsed, int64_t body_max) {
  bool upgrade = false;
  enum refusal why = judge_host(parsed);
  if (!why) why = judge_body(parsed, body_max);
  if (!why) why = judge_connection(parsed->head, &upgrade);
  if (!why) why = judge_expectation(parsed);
  if (!why && upgrade) why = judge_upgrade(parsed);
  return why;
}
