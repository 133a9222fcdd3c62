/* Bodies. Content-Length only counts; chunks are joined where they lie (RFC 9112, 7.1).
 *
 *     SIZE0 -hex-> SIZE -CR-> SIZE_LF -LF-> DATA -(left = 0)-> DATA_CR -> DATA_LF -> SIZE0
 *                   |  ^          `-LF, last chunk-> TRAILER0 -CR-> END_LF -LF-> END
 *                   ";" extensions                    |  ^
 *                                                     token: value CR LF
 */
#include "http/bytes.h"
#include "http/guard_rules.h"

#include <string.h>

enum chunk_state {
  SIZE0, /* the first state of a zeroed guard */
  SIZE,
  EXT_NAME0,
  EXT_NAME,
  EXT_VALUE0,
  EXT_VALUE,
  EXT_QUOTED,
  EXT_ESCAPED,
  EXT_CLOSED,
  SIZE_LF,
  DATA,
  DATA_CR,
  DATA_LF,
  TRAILER0,
  TRAILER_NAME,
  TRAILER_VALUE,
  TRAILER_LF,
  END_LF,
  END,
  STATES,
};

enum { ARROWS_MAX = 4, SIZE_DIGITS_MAX = 16 };

/* The first arrow whose class holds the byte is taken; none: malformed. DATA is not walked byte by byte. */
static const struct {
  uint16_t classes;
  uint8_t to;
} arrows[STATES][ARROWS_MAX] = {
    [SIZE0] = {{BYTE_HEX, SIZE}},
    [SIZE] = {{BYTE_HEX, SIZE}, {BYTE_CR, SIZE_LF}, {BYTE_SEMICOLON, EXT_NAME0}},
    [EXT_NAME0] = {{BYTE_TOKEN, EXT_NAME}},
    [EXT_NAME] = {{BYTE_TOKEN, EXT_NAME}, {BYTE_EQUALS, EXT_VALUE0}, {BYTE_SEMICOLON, EXT_NAME0}, {BYTE_CR, SIZE_LF}},
    [EXT_VALUE0] = {{BYTE_TOKEN, EXT_VALUE}, {BYTE_QUOTE, EXT_QUOTED}},
    [EXT_VALUE] = {{BYTE_TOKEN, EXT_VALUE}, {BYTE_SEMICOLON, EXT_NAME0}, {BYTE_CR, SIZE_LF}},
    [EXT_QUOTED] = {{BYTE_QUOTE, EXT_CLOSED}, {BYTE_BACKSLASH, EXT_ESCAPED}, {BYTE_TEXT, EXT_QUOTED}},
    [EXT_ESCAPED] = {{BYTE_TEXT, EXT_QUOTED}},
    [EXT_CLOSED] = {{BYTE_SEMICOLON, EXT_NAME0}, {BYTE_CR, SIZE_LF}},
    [SIZE_LF] = {{BYTE_LF, DATA}},
    [DATA_CR] = {{BYTE_CR, DATA_LF}},
    [DATA_LF] = {{BYTE_LF, SIZE0}},
    [TRAILER0] = {{BYTE_TOKEN, TRAILER_NAME}, {BYTE_CR, END_LF}},
    [TRAILER_NAME] = {{BYTE_TOKEN, TRAILER_NAME}, {BYTE_COLON, TRAILER_VALUE}},
    [TRAILER_VALUE] = {{BYTE_TEXT, TRAILER_VALUE}, {BYTE_CR, TRAILER_LF}},
    [TRAILER_LF] = {{BYTE_LF, TRAILER0}},
    [END_LF] = {{BYTE_LF, END}},
};

static enum refusal add_size_digit(struct guard *guard, char digit) {
  if (guard->size_digits++ == SIZE_DIGITS_MAX) return REFUSE_CHUNK;
  guard->left = guard->left * 16 + byte_hex(digit);
  return guard->left > guard->limits->body_max - (int64_t)guard->body_len ? REFUSE_BODY_LONG : REFUSE_NOTHING;
}

/* Framing and routing stand in no trailer (RFC 9110, 6.5.1). Names pass byte by byte: each bit says that one of these still matches. */
static enum refusal watch_trailer_name(struct guard *guard, uint8_t from, char byte) {
  static const char *const forbidden[] = {"content-length", "transfer-encoding", "host"};
  if (from == TRAILER0) {
    guard->name_len = 0;
    guard->name_matches = (1U << ELEMENTS(forbidden)) - 1;
  }
  bool ends = byte == ':';
  for (unsigned f = 0; f < ELEMENTS(forbidden); f++) {
    if (!(guard->name_matches & 1U << f)) continue;
    char expected = forbidden[f][guard->name_len];
    if (ends && !expected) return REFUSE_TRAILER_FIELD;
    if (ends || expected != (byte_is(byte, BYTE_LETTER) ? byte | 32 : byte)) guard->name_matches &= (uint8_t) ~(1U << f);
  }
  if (guard->name_matches) guard->name_len++;
  return REFUSE_NOTHING;
}

static enum refusal count_framing(struct guard *guard) {
  uint8_t state = guard->chunk_state;
  if (state >= EXT_NAME0 && state <= EXT_CLOSED && guard->extension_bytes++ == guard->limits->extension_max) return REFUSE_EXTENSION_LONG;
  if (state >= TRAILER_NAME && state <= TRAILER_LF && guard->trailer_bytes++ == guard->limits->trailer_max) return REFUSE_TRAILER_LONG;
  return REFUSE_NOTHING;
}

/* Takes one byte of framing. */
static enum refusal step(struct guard *guard, char byte) {
  uint8_t from = guard->chunk_state;
  size_t a = 0;
  while (a < ARROWS_MAX && !byte_is(byte, arrows[from][a].classes)) a++;
  if (a == ARROWS_MAX) return from >= TRAILER0 ? REFUSE_TRAILER : REFUSE_CHUNK;
  guard->chunk_state = arrows[from][a].to;
  if (guard->chunk_state == SIZE) return add_size_digit(guard, byte);
  if (from == SIZE_LF) {
    guard->size_digits = 0;
    if (!guard->left) guard->chunk_state = TRAILER0;
  }
  if (from == TRAILER_NAME || guard->chunk_state == TRAILER_NAME) {
    enum refusal why = watch_trailer_name(guard, from, byte);
    if (why) return why;
  }
  return count_framing(guard);
}

/* Moves what has come of a chunk's data behind the decoded bytes; returns how much. */
static size_t take_data(struct guard *guard, char *at, size_t from, size_t n) {
  size_t len = (uint64_t)guard->left < n - from ? (size_t)guard->left : n - from;
  memmove(at + guard->body_len, at + from, len);
  guard->body_len += len;
  guard->left -= (int64_t)len;
  if (!guard->left) guard->chunk_state = DATA_CR;
  return len;
}

static enum guard_result decode_chunks(struct guard *guard, char *at, size_t *n) {
  size_t from = guard->body_len;
  while (from < *n && guard->chunk_state != END) {
    if (guard->chunk_state == DATA) {
      from += take_data(guard, at, from, *n);
      continue;
    }
    enum refusal why = step(guard, at[from++]);
    if (why) return guard_refuse(guard, why);
  }
  size_t behind = *n - from;
  if (behind) memmove(at + guard->body_len, at + from, behind);
  *n = guard->body_len + behind;
  return guard->chunk_state == END ? GUARD_DONE : GUARD_MORE;
}

static enum guard_result count_length(struct guard *guard, size_t n) {
  size_t fresh = n - guard->body_len;
  size_t len = (uint64_t)guard->left < fresh ? (size_t)guard->left : fresh;
  guard->body_len += len;
  guard->left -= (int64_t)len;
  return guard->left ? GUARD_MORE : GUARD_DONE;
}

enum guard_result guard_body(struct guard *guard, char *at, size_t *n) {
  if (guard->refusal) return GUARD_REFUSED;
  return guard->body == BODY_CHUNKED ? decode_chunks(guard, at, n) : count_length(guard, *n);
}
