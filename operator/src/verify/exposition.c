#include "verify/exposition.h"

#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX_BYTES = 64 };

/* One line, and how far it has been read. */
struct cursor {
  const char *at, *end;
};

static bool is_name_byte(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' || (!first && c >= '0' && c <= '9');
}

static void skip_blanks(struct cursor *c) {
  while (c->at < c->end && (*c->at == ' ' || *c->at == '\t')) c->at++;
}

static bool skip_sign(struct cursor *c, char sign) {
  if (c->at == c->end || *c->at != sign) return false;
  c->at++;
  return true;
}

static size_t read_name(struct cursor *c) {
  const char *from = c->at;
  while (c->at < c->end && is_name_byte(*c->at, c->at == from)) c->at++;
  return (size_t)(c->at - from);
}

/* "…", with \\, \" and \n inside. */
static bool skip_quoted(struct cursor *c) {
  if (!skip_sign(c, '"')) return false;
  for (; c->at < c->end && *c->at != '"'; c->at++)
    if (*c->at == '\\' && ++c->at == c->end) return false;
  return skip_sign(c, '"');
}

/* One name="value" and the comma behind it; false where there is none. */
static bool skip_label(struct cursor *c, const char **ret_name, size_t *ret_n, const char **ret_quoted) {
  skip_blanks(c);
  *ret_name = c->at;
  *ret_n = read_name(c);
  skip_blanks(c);
  if (!*ret_n || !skip_sign(c, '=')) return false;
  skip_blanks(c);
  *ret_quoted = c->at;
  if (!skip_quoted(c)) return false;
  skip_blanks(c);
  return skip_sign(c, ',') || c->at == c->end || *c->at == '}';
}

static bool read_labels(struct cursor *c, struct series *s) {
  const char *name, *quoted;
  size_t n;
  s->labels = c->at;
  s->labels_n = 0;
  if (!skip_sign(c, '{')) return true;
  s->labels = c->at;
  for (skip_blanks(c); c->at < c->end && *c->at != '}'; skip_blanks(c))
    if (!skip_label(c, &name, &n, &quoted)) return false;
  s->labels_n = (size_t)(c->at - s->labels);
  return skip_sign(c, '}');
}

/* A number as Go's ParseFloat takes it, which strtod does too: NaN, +Inf, 1e3. */
static bool read_number(struct cursor *c, double *ret) {
  char text[NUMBER_MAX_BYTES], *rest;
  const char *from = c->at;
  while (c->at < c->end && *c->at != ' ' && *c->at != '\t') c->at++;
  size_t n = (size_t)(c->at - from);
  if (!n || n >= sizeof text) return false;
  memcpy(text, from, n);
  text[n] = 0;
  *ret = strtod(text, &rest);
  return rest == text + n;
}

/* name{labels} value [timestamp] */
static bool read_sample(struct cursor c, struct series *s) {
  double when;
  s->name = c.at;
  s->name_n = read_name(&c);
  skip_blanks(&c);
  if (!s->name_n || !read_labels(&c, s)) return false;
  skip_blanks(&c);
  if (!read_number(&c, &s->value)) return false;
  skip_blanks(&c);
  if (c.at < c.end && !read_number(&c, &when)) return false;
  skip_blanks(&c);
  return c.at == c.end;
}

struct exposition exposition_of(const char *text, size_t n) {
  return (struct exposition){.at = text, .end = text + n};
}

bool exposition_next(struct exposition *e, struct series *ret) {
  while (e->at < e->end && !e->wrong_line) {
    const char *newline = memchr(e->at, '\n', (size_t)(e->end - e->at));
    struct cursor c = {e->at, newline ? newline : e->end};
    e->at = newline ? newline + 1 : e->end;
    e->line++;
    skip_blanks(&c);
    if (c.at == c.end || *c.at == '#') continue;
    struct series series;
    if (read_sample(c, &series)) return *ret = series, true;
    e->wrong_line = e->line;
  }
  return false;
}

bool series_is(const struct series *series, const char *name) {
  return strlen(name) == series->name_n && !memcmp(name, series->name, series->name_n);
}

/* What stands between the quotes at C, which were seen to be whole. */
static bool copy_quoted(struct cursor c, char *to, size_t size) {
  size_t n = 0;
  for (c.at++; *c.at != '"' && n < size; c.at++) {
    bool escaped = *c.at == '\\';
    if (escaped) c.at++;
    to[n++] = escaped && *c.at == 'n' ? '\n' : *c.at;
  }
  bool fits = n < size;
  to[fits ? n : 0] = 0;
  return fits;
}

bool series_label(const struct series *series, const char *label, char *to, size_t size) {
  struct cursor c = {series->labels, series->labels + series->labels_n};
  const char *name, *quoted;
  size_t n;
  *to = 0;
  while (c.at < c.end && skip_label(&c, &name, &n, &quoted))
    if (n == strlen(label) && !memcmp(name, label, n)) return copy_quoted((struct cursor){quoted, c.end}, to, size);
  return false;
}
