/* Percent-encoding, read strictly (RFC 3986, 2.1).
 *
 * What comes out is UTF-8 text without control bytes, so that it may become a database parameter, a log field or a part of an answer.
 * Everything else is malformed: a "%" without two hex digits, an encoded NUL or control byte, bytes that are not UTF-8.
 *
 *     char id[129];
 *     if (percent_segment(raw, id, sizeof id) < 0) return answer_400(...);
 */
#pragma once

#include "base/cleanup.h"
#include "http/span.h"

/* Both decode RAW into TO, which holds SIZE bytes with the NUL, and return the length, or -1 when it is malformed or does not fit (then TO
 * holds nothing of use). */

/* One path segment: an encoded "/" or "\", and the segments "." and "..", are malformed too, since a proxy may have read them as structure. */
int percent_segment(struct span raw, char *to, size_t size) _must_check_;

/* A name or value of a query, as HTML forms and URLSearchParams write it: "+" is a space. */
int percent_query(struct span raw, char *to, size_t size) _must_check_;
