/* A growable run of bytes with a declared bound, always followed by a NUL.
 *
 * Failure is sticky: an append beyond `max`, or without memory, sets `failed`, drops the append and every later one, and leaves what
 * was there. So a long composition is checked once, at its end:
 *
 *     struct buffer b;
 *     buffer_init(&b, 64 * 1024);
 *     buffer_puts(&b, "{\"msg\":");
 *     buffer_json_string(&b, text, strlen(text));
 *     buffer_puts(&b, "}");
 *     if (b.failed) ...
 *     buffer_done(&b);
 *
 * Owner: whoever calls buffer_init, who calls buffer_done. Not shared between threads.
 */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
  char *data; /* NULL until the first append; buffer_text() is never NULL */
  size_t len, cap, max;
  bool failed;
  bool secret; /* of buffer_init_secret */
};

void buffer_init(struct buffer *b, size_t max_bytes);
void buffer_done(struct buffer *b); /* accepts one that is zeroed or done */

/* One for key material: whatever it gives up, by growing, consuming, clearing or being done, is overwritten first. */
void buffer_init_secret(struct buffer *b, size_t max_bytes);

void buffer_append(struct buffer *b, const void *bytes, size_t n);
void buffer_puts(struct buffer *b, const char *text);
void buffer_printf(struct buffer *b, const char *format, ...) _printf_(2, 3);

/* A JSON string with its quotes: control bytes, quote, backslash escaped; bytes that are not UTF-8 become U+FFFD. */
void buffer_json_string(struct buffer *b, const char *text, size_t n);

/* For an address: all but the unreserved characters as %XX (RFC 3986, 2.3), so that a value can't change the path or the query around it. */
void buffer_percent(struct buffer *b, const char *text);

/* Forgets the first N bytes (all, where N is more); keeps the memory. */
void buffer_consume(struct buffer *b, size_t n);

/* Forgets all bytes and the failure; keeps the memory. */
void buffer_clear(struct buffer *b);

/* Ensures room for N more bytes and returns where they go, or NULL (and failed). After writing them: buffer_grew(b, n). */
char *buffer_reserve(struct buffer *b, size_t n);
void buffer_grew(struct buffer *b, size_t n);

/* The bytes, NUL-terminated; "" when empty. Borrowed until the next change. */
const char *buffer_text(const struct buffer *b);

/* Hands the malloc'd, NUL-terminated bytes to the caller and empties the buffer; NULL when it has failed. */
char *buffer_take(struct buffer *b);

/* buffer_done for one that came to hold a secret without having been made for it: what it holds is overwritten first, but not what an
 * earlier growth has left in the heap. */
void buffer_done_secret(struct buffer *b);

#define _cleanup_buffer_ _cleanup_(buffer_done)
