#include "http/bytes.h"

#define BETWEEN(c, a, z) ((c) >= (a) && (c) <= (z))
#define DIGIT(c)         BETWEEN(c, '0', '9')
#define LETTER(c)        BETWEEN((c) | 32, 'a', 'z')
#define ALNUM(c)         (DIGIT(c) || LETTER(c))
#define HEX(c)           (DIGIT(c) || BETWEEN((c) | 32, 'a', 'f'))
#define UNRESERVED(c)    (ALNUM(c) || (c) == '-' || (c) == '.' || (c) == '_' || (c) == '~')
#define SUB_DELIM(c)     ((c) == '!' || (c) == '$' || BETWEEN(c, '&', ',') || (c) == ';' || (c) == '=')
#define PATH(c)          (UNRESERVED(c) || SUB_DELIM(c) || (c) == ':' || (c) == '@' || (c) == '/')
#define TOKEN(c)                                                                                                                      \
  (ALNUM(c) || (c) == '!' || BETWEEN(c, '#', '\'') || (c) == '*' || (c) == '+' || (c) == '-' || (c) == '.' || BETWEEN(c, '^', '`') || \
   (c) == '|' || (c) == '~')
#define TEXT(c) ((c) == '\t' || ((c) >= ' ' && (c) != 0x7f))

#define BYTE(c)                                                                                                                       \
  ((TOKEN(c) ? BYTE_TOKEN : 0) | (TEXT(c) ? BYTE_TEXT : 0) | (PATH(c) ? BYTE_PATH : 0) | (PATH(c) || (c) == '?' ? BYTE_QUERY : 0) |   \
   (ALNUM(c) || (c) == '-' || (c) == '.' || (c) == '_' ? BYTE_NAME : 0) | (ALNUM(c) || (c) == '+' || (c) == '/' ? BYTE_BASE64 : 0) |  \
   (HEX(c) ? BYTE_HEX : 0) | (LETTER(c) ? BYTE_LETTER : 0) | (DIGIT(c) ? BYTE_DIGIT : 0) | ((c) == '\r' ? BYTE_CR : 0) |              \
   ((c) == '\n' ? BYTE_LF : 0) | ((c) == ':' ? BYTE_COLON : 0) | ((c) == ';' ? BYTE_SEMICOLON : 0) | ((c) == '=' ? BYTE_EQUALS : 0) | \
   ((c) == '"' ? BYTE_QUOTE : 0) | ((c) == '\\' ? BYTE_BACKSLASH : 0))
#define BYTES4(c)  BYTE(c), BYTE((c) + 1), BYTE((c) + 2), BYTE((c) + 3)
#define BYTES16(c) BYTES4(c), BYTES4((c) + 4), BYTES4((c) + 8), BYTES4((c) + 12)
#define BYTES64(c) BYTES16(c), BYTES16((c) + 16), BYTES16((c) + 32), BYTES16((c) + 48)

const uint16_t byte_classes[256] = {BYTES64(0), BYTES64(64), BYTES64(128), BYTES64(192)};

bool bytes_are(struct span s, unsigned classes) {
  for (size_t i = 0; i < s.len; i++)
    if (!byte_is(s.at[i], classes)) return false;
  return s.len > 0;
}

int byte_hex(char c) {
  if (DIGIT(c)) return c - '0';
  if (HEX(c)) return (c | 32) - 'a' + 10;
  return -1;
}
