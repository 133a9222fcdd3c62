#include "http/span.h"

#include <string.h>
#include <strings.h>

bool span_equal(struct span a, struct span b) { return a.len == b.len && (!a.len || !memcmp(a.at, b.at, a.len)); }

bool span_equal_word(struct span a, struct span b) { return a.len == b.len && (!a.len || !strncasecmp(a.at, b.at, a.len)); }

bool span_is_word(struct span a, const char *word) { return span_equal_word(a, (struct span){word, strlen(word)}); }

struct span span_cut(struct span *rest, char byte) {
  struct span all = *rest;
  const char *end = all.len ? memchr(all.at, byte, all.len) : NULL;
  if (!end) {
    *rest = (struct span){NULL, 0};
    return all;
  }
  size_t len = (size_t)(end - all.at);
  *rest = (struct span){end + 1, all.len - len - 1};
  return (struct span){all.at, len};
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

struct span span_trim(struct span s) {
  while (s.len && is_blank(s.at[s.len - 1])) s.len--;
  while (s.len && is_blank(*s.at)) s.at++, s.len--;
  return s;
}

bool span_next_item(struct span *rest, struct span *ret_item) {
  if (!rest->at) return false;
  *ret_item = span_trim(span_cut(rest, ','));
  return true;
}
