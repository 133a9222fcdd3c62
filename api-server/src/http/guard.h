/* The guard: the HTTP/1.1 request parser (RFC 9110, 9112).
 *
 * One grammar, strict and incremental. It does no I/O, allocates nothing, and copies nothing but chunked bodies, which it joins in place.
 * However the bytes are cut into reads, the outcome is the same; each byte of a head is scanned once, and parsed once when the head is whole.
 * What it does not understand to the last byte is refused: answer the refusal as a problem, then close the connection, since nobody knows
 * where the next message starts.
 *
 *     struct guard guard;
 *     struct request_head head;
 *     guard_init(&guard, &guard_default_limits);                     // once a connection, and again after each message
 *     ... bytes were appended to `in` ...
 *     if (guard_head(&guard, in.data, in.len, &head) == GUARD_DONE) {
 *       head.base = in.data;                                         // whenever `in` may have moved
 *       size_t n = in.len - head.len;
 *       enum guard_result body = guard_body(&guard, in.data + head.len, &n);
 *       in.len = head.len + n;                                       // chunk framing is gone from the buffer
 *       if (body == GUARD_DONE) {
 *         ... the body is guard.body_len bytes at in.data + head.len; a pipelined request follows it ...
 *         buffer_consume(&in, head.len + guard.body_len);
 *         guard_init(&guard, &guard_default_limits);
 *       }
 *     }
 *
 * The buffer never needs to hold more than head_max + body_max bytes and one read. Deadlines (408) belong to the connection.
 *
 * What it decides where the RFCs leave a choice:
 * - Line ends are CRLF; a bare LF or CR is refused. One empty line before a request is skipped (RFC 9112, 2.2), a second is refused.
 * - HTTP/1.1 and 1.0 are served (1.0: Host optional, no Transfer-Encoding, closed after the answer, Expect and Upgrade ignored); every
 *   other version, HTTP/2's preface among them, is 505.
 * - Methods are case-sensitive tokens: unknown ones, `get` among them, are 501; CONNECT and TRACE, known and served nowhere, 405 with Allow.
 * - Targets are origin-form, absolute-form (http, https; no user info; the Host must be the same), and `*` for OPTIONS. Only RFC 3986's
 *   bytes, with "%" always followed by two hex digits. Dot segments and encoded slashes are left to percent_segment.
 * - A Host is a name of letters, digits, "-", ".", "_", or an IPv6 address in brackets; the port, where given, is 1 to 65535.
 * - Content-Length: digits without leading zeros, once. Beside Transfer-Encoding: 400. Transfer-Encoding: `chunked`, once; other codings
 *   before it are 501, anything else 400.
 * - A body is read with every method. Without a length there is none; a handler that needs one says so with guard_require_body (411).
 * - Fields that have one meaning and stand twice (Host, Authorization, Content-Type, ...) are refused, even if they are equal.
 * - Folded lines and white space before the colon are refused. Values may hold bytes above 0x7f (obs-text), no control bytes but HTAB.
 * - Chunk extensions and trailers must be well-formed, are bounded, and dropped. A trailer that would frame or route (Content-Length,
 *   Transfer-Encoding, Host) is refused.
 */
#pragma once

#include "base/cleanup.h"
#include "http/request_head.h"

struct guard_limits {
  uint16_t head_max;      /* bytes of a whole head: 431 (414 when the request line alone is longer) */
  uint16_t target_max;    /* bytes of the request-target: 414 */
  uint16_t extension_max; /* bytes of chunk extensions in a message: 413 */
  uint16_t trailer_max;   /* bytes of trailer fields: 431 */
  int64_t body_max;       /* bytes of a decoded body: 413 */
};

/* 16 kB, 8 kB, 4 kB, 4 kB and 256 kB. */
extern const struct guard_limits guard_default_limits;

enum guard_result {
  GUARD_MORE, /* fine so far: come back with more bytes */
  GUARD_DONE,
  GUARD_REFUSED, /* see guard->refusal; every later call says the same */
};

/* A constant: what to answer before closing. */
struct guard_refusal {
  int status;
  const char *rule;       /* a stable word for logs and metrics: "bare-line-end" */
  const char *detail;     /* a sentence for the client; holds nothing of what it sent */
  const char *field_name; /* a response field that this status owes (Allow, Sec-WebSocket-Version), or NULL */
  const char *field_value;
};

/* Where the parser stands in one message. Read `refusal` and `body_len`; the rest is its own. */
struct guard {
  const struct guard_refusal *refusal; /* NULL unless refused */
  size_t body_len;                     /* decoded bytes of the body so far */
  const struct guard_limits *limits;
  size_t scanned, start, line; /* bytes scanned; where the request line starts; where the current line starts */
  enum body_kind body;
  int64_t left; /* bytes still to come of the body, or of the current chunk */
  uint16_t extension_bytes, trailer_bytes;
  uint8_t chunk_state, size_digits, name_len, name_matches;
};

/* Ready for the next message. Borrows LIMITS. */
void guard_init(struct guard *guard, const struct guard_limits *limits);

/* Looks at a message of which N bytes from AT have arrived (all from its first on, at each call; AT may move between calls). RET is filled
 * with GUARD_DONE only. Bytes behind the head are not looked at. */
enum guard_result guard_head(struct guard *guard, const char *at, size_t n, struct request_head *ret) _must_check_;

/* Decodes the body in place, after guard_head said GUARD_DONE. *N bytes lie at AT, which is where the head ended: the guard->body_len bytes
 * decoded before, then new ones. Afterwards *N is what is left: the decoded bytes and, once done, those of the next message behind them. */
enum guard_result guard_body(struct guard *guard, char *at, size_t *n) _must_check_;

/* For a handler that cannot do without a body: the refusal (411) to answer when the request came without a length, else NULL. The connection
 * need not be closed for this one. */
const struct guard_refusal *guard_require_body(const struct request_head *head);
