/* Composes the head of an HTTP/1.1 response (RFC 9112, 4; RFC 9110, 15).
 *
 *     struct response_field fields[] = {{"ETag", "\"7\""}, {"Cache-Control", "private, no-cache"}};
 *     struct response response = {.status = 200, .date = http_date(&date, clock_real_ms()), .content_type = "application/json",
 *                                 .content_length = (int64_t)body.len, .keep_alive = head.keep_alive, .fields = fields, .field_count = 2};
 *     if (response_head(&out, &response, error) < 0) ...
 *     buffer_append(&out, body.data, body.len);
 *
 * A value that holds a control byte, so that it could end the line and start another, is refused as a bug of ours: nothing is written.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

enum { RESPONSE_UNTIL_CLOSE = -1, HTTP_DATE_SIZE = 30 };

/* "Sun, 06 Nov 1994 08:49:37 GMT", made once a second. Zeroed at first; one a thread. */
struct http_date {
  int64_t second;
  char text[HTTP_DATE_SIZE];
};

struct response_field {
  const char *name, *value;
};

/* All borrowed until response_head returns. */
struct response {
  int status;               /* 200 to 599 */
  const char *date;         /* http_date's; NULL: no Date field */
  const char *content_type; /* NULL: none */
  int64_t content_length;   /* what a GET would send, also where the body is left out; RESPONSE_UNTIL_CLOSE: ends with the connection */
  bool keep_alive;          /* false, and always with RESPONSE_UNTIL_CLOSE: Connection: close */
  bool for_head;            /* answers a HEAD: problem_answer leaves the body out */
  int retry_after_s;        /* 0: no Retry-After */
  const struct response_field *fields; /* any but Date, Connection, Content-Type, Content-Length, Transfer-Encoding, Retry-After */
  size_t field_count;
};

/* What a client that sent Expect: 100-continue is told before its body is read (RFC 9110, 15.2.1). */
extern const char response_continue[];

/* The time as an IMF-fixdate (RFC 9110, 5.6.7); lives as long as CACHE and until the next call. */
const char *http_date(struct http_date *cache, int64_t real_ms);

/* "Not Found"; "Unknown" where RFC 9110 and 6585 have no phrase. */
const char *response_reason(int status);

/* Appends the head with its empty line. -1 (ERROR_BUG, nothing appended): a status outside its range or a field that may not be sent;
 * -1 (ERROR_RETRY): the buffer is full. 204 and 304 carry neither Content-Type nor Content-Length. */
int response_head(struct buffer *to, const struct response *response, struct error *error) _must_check_;
