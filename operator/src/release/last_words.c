#include "release/last_words.h"

#include <string.h>

static void fill(char *from, const char *end) {
  while (from < end) *from++ = '*';
}

/* scheme://user:password@host: up to the last @, because passwords may have one themselves. */
static void mask_url(char *authority) {
  char *end = authority + strcspn(authority, " \n\"'"), *at = NULL;
  for (char *p = authority; p < end; p++)
    if (*p == '@') at = p;
  char *colon = at ? memchr(authority, ':', (size_t)(at - authority)) : NULL;
  if (colon) fill(colon + 1, at);
}

/* The value behind "password=" or "password: ", quoted or not. */
static void mask_value(char *value) {
  value += strspn(value, "\" ");
  if (*value != '=' && *value != ':') return;
  value++;
  value += strspn(value, " ");
  bool quoted = *value == '\'' || *value == '"';
  const char stop[] = {*value, 0};
  value += quoted;
  fill(value, value + strcspn(value, quoted ? stop : " \n&,;'\""));
}

const char *last_words_clean(struct arena *arena, const char *text, size_t max_bytes) {
  static const char *const names[] = {"password", "passwd", "pwd", "secret", "token"};
  char *clean = arena_strdup(arena, text);
  if (!clean) return "";
  for (char *p = clean; (p = strstr(p, "://")); p += 3) mask_url(p + 3);
  for (size_t i = 0; i < ELEMENTS(names); i++)
    for (char *p = clean; (p = strcasestr(p, names[i])); p += strlen(names[i])) mask_value(p + strlen(names[i]));
  size_t n = strnlen(clean, max_bytes);
  if (clean[n])
    while (n && ((unsigned char)clean[n] & 0xC0) == 0x80) n--;
  clean[n] = 0;
  return clean;
}
