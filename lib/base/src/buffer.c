#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buffer_init(struct buffer *b, size_t max_bytes) { *b = (struct buffer){.max = max_bytes}; }
void buffer_init_secret(struct buffer *b, size_t max_bytes) { *b = (struct buffer){.max = max_bytes, .secret = true}; }

void buffer_done(struct buffer *b) {
  if (b->secret && b->data) explicit_bzero(b->data, b->cap);
  free(b->data);
  *b = (struct buffer){.max = b->max, .secret = b->secret};
}

static char *resize(struct buffer *b, size_t cap) {
  if (!b->secret) return realloc(b->data, cap);
  char *grown = malloc(cap);
  if (!grown || !b->data) return grown;
  memcpy(grown, b->data, b->len + 1);
  explicit_bzero(b->data, b->cap);
  free(b->data);
  return grown;
}

char *buffer_reserve(struct buffer *b, size_t n) {
  if (b->failed) return NULL;
  if (n > b->max || b->len > b->max - n) return b->failed = true, NULL;
  size_t need = b->len + n + 1;
  if (need > b->cap) {
    size_t cap = b->cap ? b->cap : 128;
    while (cap < need) cap *= 2;
    if (cap - 1 > b->max) cap = b->max + 1;
    char *grown = resize(b, cap);
    if (!grown) return b->failed = true, NULL;
    b->data = grown;
    b->data[b->len] = 0;
    b->cap = cap;
  }
  return b->data + b->len;
}

void buffer_grew(struct buffer *b, size_t n) {
  b->len += n;
  b->data[b->len] = 0;
}

void buffer_append(struct buffer *b, const void *bytes, size_t n) {
  char *room = buffer_reserve(b, n);
  if (!room) return;
  if (n) memcpy(room, bytes, n);
  buffer_grew(b, n);
}

void buffer_puts(struct buffer *b, const char *text) { buffer_append(b, text, strlen(text)); }

/* Printed into what room there is already, and once more only where that was too little. */
void buffer_printf(struct buffer *b, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  size_t room = b->data && !b->failed ? b->cap - b->len : 0;
  int n = vsnprintf(room ? b->data + b->len : NULL, room, format, arguments);
  bool fitted = n >= 0 && (size_t)n < room;
  va_end(arguments);
  if (room && !fitted) b->data[b->len] = 0;
  char *at = n < 0 ? NULL : buffer_reserve(b, (size_t)n);
  if (at && !fitted) (void)vsnprintf(at, (size_t)n + 1, format, again);
  if (at)
    buffer_grew(b, (size_t)n);
  else
    b->failed = true;
  va_end(again);
}

/* How many bytes the UTF-8 sequence at S takes (RFC 3629: no overlong forms, no surrogates), or 0. */
static size_t utf8_length(const unsigned char *s, size_t n) {
  if (s[0] < 0x80) return 1;
  if (s[0] >= 0xC2 && s[0] <= 0xDF) return n >= 2 && (s[1] & 0xC0) == 0x80 ? 2 : 0;
  if (s[0] >= 0xE0 && s[0] <= 0xEF) {
    if (n < 3 || (s[1] & 0xC0) != 0x80 || (s[2] & 0xC0) != 0x80) return 0;
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F)) return 0;
    return 3;
  }
  if (s[0] >= 0xF0 && s[0] <= 0xF4) {
    if (n < 4 || (s[1] & 0xC0) != 0x80 || (s[2] & 0xC0) != 0x80 || (s[3] & 0xC0) != 0x80) return 0;
    if ((s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F)) return 0;
    return 4;
  }
  return 0;
}

static void json_escape(struct buffer *b, unsigned char c) {
  switch (c) {
    case '"': buffer_puts(b, "\\\""); break;
    case '\\': buffer_puts(b, "\\\\"); break;
    case '\n': buffer_puts(b, "\\n"); break;
    case '\r': buffer_puts(b, "\\r"); break;
    case '\t': buffer_puts(b, "\\t"); break;
    default: buffer_printf(b, "\\u%04x", c);
  }
}

void buffer_json_string(struct buffer *b, const char *text, size_t n) {
  const unsigned char *s = (const unsigned char *)text;
  buffer_append(b, "\"", 1);
  for (size_t i = 0, plain = 0; i <= n;) {
    size_t step = i < n ? utf8_length(s + i, n - i) : 0;
    if (i < n && step && s[i] >= 0x20 && s[i] != '"' && s[i] != '\\') {
      i += step;
      continue;
    }
    buffer_append(b, s + plain, i - plain);
    if (i == n) break;
    if (step)
      json_escape(b, s[i]);
    else
      buffer_puts(b, "\xEF\xBF\xBD");
    plain = ++i;
  }
  buffer_append(b, "\"", 1);
}

void buffer_percent(struct buffer *b, const char *text) {
  static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  for (const char *at = text; *at;) {
    size_t plain = strspn(at, unreserved);
    buffer_append(b, at, plain);
    at += plain;
    if (*at) buffer_printf(b, "%%%02X", (unsigned char)*at++);
  }
}

void buffer_consume(struct buffer *b, size_t n) {
  if (n >= b->len) n = b->len;
  if (!n) return;
  memmove(b->data, b->data + n, b->len - n + 1);
  b->len -= n;
  if (b->secret) explicit_bzero(b->data + b->len, n);
}

void buffer_clear(struct buffer *b) {
  if (b->secret && b->data) explicit_bzero(b->data, b->cap);
  b->len = 0;
  b->failed = false;
  if (b->data) b->data[0] = 0;
}

const char *buffer_text(const struct buffer *b) { return b->data ? b->data : ""; }

char *buffer_take(struct buffer *b) {
  if (b->failed || !buffer_reserve(b, 0)) return NULL;
  b->data[b->len] = 0;
  char *taken = TAKE(b->data);
  b->len = b->cap = 0;
  return taken;
}

void buffer_done_secret(struct buffer *b) {
  b->secret = true;
  buffer_done(b);
}
