#include "render/fill.h"

#include <string.h>

static const struct fill *find(const struct fill *fills, const char *name, size_t n) {
  for (; fills->name; fills++)
    if (strlen(fills->name) == n && !strncmp(fills->name, name, n)) return fills;
  return NULL;
}

void fill_text(const char *text, const struct fill *fills, struct buffer *to) {
  const char *at = text;
  for (const char *mark; (mark = strchr(at, '@'));) {
    size_t n = strcspn(mark + 1, "@");
    const struct fill *fill = mark[1 + n] ? find(fills, mark + 1, n) : NULL;
    buffer_append(to, at, (size_t)(mark - at));
    if (fill)
      buffer_puts(to, fill->value);
    else
      buffer_puts(to, "@");
    at = fill ? mark + n + 2 : mark + 1;
  }
  buffer_puts(to, at);
}
