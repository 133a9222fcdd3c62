/* Inside the guard: its refusals by name, and the steps that may refuse.
 *
 * Each step returns REFUSE_NOTHING or the first rule that the message broke. Only guard_*.c include this.
 */
#pragma once

#include "http/guard.h"

enum refusal {
  REFUSE_NOTHING,
  REFUSE_BARE_LINE_END,
  REFUSE_CONTROL_BYTE,
  REFUSE_EMPTY_LINES,
  REFUSE_REQUEST_LINE,
  REFUSE_METHOD_SYNTAX,
  REFUSE_METHOD_UNKNOWN,
  REFUSE_METHOD_NOT_SERVED,
  REFUSE_VERSION,
  REFUSE_TARGET,
  REFUSE_TARGET_LONG,
  REFUSE_HEAD_LONG,
  REFUSE_FIELD_COUNT,
  REFUSE_FIELD_FOLDED,
  REFUSE_FIELD_NAME,
  REFUSE_FIELD_TWICE,
  REFUSE_HOST_MISSING,
  REFUSE_HOST,
  REFUSE_HOST_DIFFERS,
  REFUSE_LENGTH,
  REFUSE_LENGTH_AND_CODING,
  REFUSE_LENGTH_REQUIRED,
  REFUSE_CODING,
  REFUSE_CODING_UNKNOWN,
  REFUSE_CODING_OLD,
  REFUSE_BODY_LONG,
  REFUSE_CHUNK,
  REFUSE_EXTENSION_LONG,
  REFUSE_TRAILER,
  REFUSE_TRAILER_FIELD,
  REFUSE_TRAILER_LONG,
  REFUSE_CONNECTION,
  REFUSE_EXPECT,
  REFUSE_UPGRADE,
  REFUSE_UPGRADE_VERSION,
};

/* Keeps what WHY stands for in the guard. */
enum guard_result guard_refuse(struct guard *guard, enum refusal why);

/* The fields that the guard itself understands; each may stand once but Connection and Upgrade. */
enum known_field {
  FIELD_HOST,
  FIELD_CONTENT_LENGTH,
  FIELD_TRANSFER_ENCODING,
  FIELD_CONNECTION,
  FIELD_EXPECT,
  FIELD_UPGRADE,
  FIELD_WEBSOCKET_KEY,
  FIELD_WEBSOCKET_VERSION,
  FIELDS_UNDERSTOOD,
};

/* What a head is parsed into before it is judged. */
struct parsed {
  struct request_head *head;
  struct span authority;                /* of an absolute-form target, else at NULL */
  struct span known[FIELDS_UNDERSTOOD]; /* the values, or at NULL; of a repeated Connection or Upgrade the last */
};

/* Where S lies in the message of HEAD, which is at most 64 kB long. */
struct slice slice_of(const struct request_head *head, struct span s);

/* guard_target.c: the request-target and authorities. */
enum refusal parse_target(struct parsed *parsed, struct span target);
bool authority_is_valid(struct span authority);

/* guard_fields.c: LINES is everything between the request line and the empty line, each line with its CRLF. */
enum refusal parse_fields(struct parsed *parsed, struct span lines);

/* guard_meaning.c: what the fields mean together. */
enum refusal judge_fields(struct parsed *parsed, int64_t body_max);
