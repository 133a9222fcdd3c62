/* Takes a file of SQL apart into its statements, so that a failure can name its line and statements can run one by one.
 *
 *     struct sql_cursor cursor = sql_cursor_start(text);
 *     while (sql_next(&cursor, &statement)) run(statement.text, statement.len);
 *
 * Knows strings ('…', E'…'), quoted names, dollar quotes, and both comments, nested ones too (PostgreSQL 15, 4.1). Does not know bodies of the form BEGIN ATOMIC:
 * functions are quoted. What never ends (an open quote) is part of the last statement; PostgreSQL then says so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct sql_statement {
  const char *text; /* its first character that is neither white space nor comment */
  size_t len;       /* without the semicolon */
  int line;         /* of its start; 1 is the file's first */
};

struct sql_cursor {
  const char *at;
  int line;
};

struct sql_cursor sql_cursor_start(const char *text);
bool sql_next(struct sql_cursor *cursor, struct sql_statement *ret);

/* The line, counted from LINE, on which the character number POSITION (1 is the first; UTF-8) of TEXT stands; 0 gives LINE. */
int sql_line(const char *text, size_t len, int line, int position);
