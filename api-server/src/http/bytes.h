/* Which bytes may stand where: the terminals of RFC 9110, 9112 and 3986 as one table.
 *
 *     if (!bytes_are(name, BYTE_TOKEN)) ... // empty, or holds something else
 */
#pragma once

#include "http/span.h"

#include <stdint.h>

enum byte_class {
  BYTE_TOKEN = 1 << 0,  /* tchar (RFC 9110, 5.6.2) */
  BYTE_TEXT = 1 << 1,   /* HTAB, SP, VCHAR, obs-text: what a field value may hold (5.5) */
  BYTE_PATH = 1 << 2,   /* pchar without "%", and "/" (RFC 3986, 3.3) */
  BYTE_QUERY = 1 << 3,  /* the same and "?" (3.4) */
  BYTE_NAME = 1 << 4,   /* of a host name or a request's id: letters, digits, "-", ".", "_" */
  BYTE_BASE64 = 1 << 5, /* RFC 4648, 4, without "=" */
  BYTE_HEX = 1 << 6,
  BYTE_DIGIT = 1 << 7,
  BYTE_CR = 1 << 8,
  BYTE_LF = 1 << 9,
  BYTE_COLON = 1 << 10,
  BYTE_SEMICOLON = 1 << 11,
  BYTE_EQUALS = 1 << 12,
  BYTE_QUOTE = 1 << 13,
  BYTE_BACKSLASH = 1 << 14,
  BYTE_LETTER = 1 << 15,
};

extern const uint16_t byte_classes[256];

static inline bool byte_is(char c, unsigned classes) { return byte_classes[(unsigned char)c] & classes; }

/* At least one byte, and every one of the class. */
bool bytes_are(struct span s, unsigned classes);

/* 0 to 15, or -1. */
int byte_hex(char c);
