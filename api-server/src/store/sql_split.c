#include "store/sql_split.h"

#include <ctype.h>
#include <string.h>

struct sql_cursor sql_cursor_start(const char *text) {
  return (struct sql_cursor){text, 1};
}

/* Each skip_ returns what follows the thing that begins at AT. */

static const char *skip_line_comment(const char *at) { return at + strcspn(at, "\n"); }

static const char *skip_block_comment(const char *at) {
  int depth = 0;
  while (*at) {
    if (at[0] == '/' && at[1] == '*') {
      depth++, at += 2;
    } else if (at[0] == '*' && at[1] == '/') {
      at += 2;
      if (--depth == 0) break;
    } else {
      at++;
    }
  }
  return at;
}

/* A doubled quote reads as two quoted runs, which comes to the same end. */
static const char *skip_quoted(const char *at, bool backslashes) {
  char quote = *at++;
  for (; *at && *at != quote; at++)
    if (backslashes && *at == '\\' && at[1]) at++;
  return *at ? at + 1 : at;
}

static bool in_name(char c) { return isalnum((unsigned char)c) || c == '_' || (c & 0x80) != 0; }

/* $$…$$ or $tag$…$tag$; a lone dollar is a character. */
static const char *skip_dollar(const char *at) {
  const char *tag_end = at + 1;
  while (in_name(*tag_end)) tag_end++;
  if (*tag_end != '$' || isdigit((unsigned char)at[1])) return at + 1;
  size_t n = (size_t)(tag_end + 1 - at);
  for (const char *end = tag_end + 1; *end; end++)
    if (*end == '$' && strncmp(end, at, n) == 0) return end + n;
  return tag_end + strlen(tag_end);
}

static const char *skip_name(const char *at) {
  while (in_name(*at) || *at == '$') at++;
  return at;
}

static const char *skip_token(const char *at) {
  if (*at == '\'' || *at == '"') return skip_quoted(at, false);
  if ((*at == 'E' || *at == 'e') && at[1] == '\'') return skip_quoted(at + 1, true);
  if (*at == '$') return skip_dollar(at);
  if (in_name(*at)) return skip_name(at);
  return at + 1;
}

static const char *skip_comment(const char *at) {
  if (at[0] == '-' && at[1] == '-') return skip_line_comment(at);
  if (at[0] == '/' && at[1] == '*') return skip_block_comment(at);
  return at;
}

static const char *skip_blank(const char *at) {
  for (const char *before = NULL; at != before;) {
    before = at;
    at += strspn(at, " \t\r\n\f\v;");
    at = skip_comment(at);
  }
  return at;
}

static int count_lines(const char *from, const char *to) {
  int lines = 0;
  for (; from < to; from++) lines += *from == '\n';
  return lines;
}

bool sql_next(struct sql_cursor *cursor, struct sql_statement *ret) {
  const char *start = skip_blank(cursor->at), *at = start;
  if (!*start) return false;
  while (*at && *at != ';') {
    const char *after = skip_comment(at);
    at = after != at ? after : skip_token(at);
  }
  *ret = (struct sql_statement){start, (size_t)(at - start), cursor->line + count_lines(cursor->at, start)};
  cursor->line = ret->line + count_lines(start, at);
  cursor->at = at;
  return true;
}

int sql_line(const char *text, size_t len, int line, int position) {
  int character = 1;
  for (size_t i = 0; i < len && character < position; i++) {
    if ((text[i] & 0xc0) != 0x80) character++;
    line += text[i] == '\n';
  }
  return line;
}
