#include "store/sql_split.h"

#include <criterion/criterion.h>
#include <string.h>

#define STATEMENTS_MAX 5

Test(sql_split, statements_and_their_lines) {
  static const struct {
    const char *text;
    struct {
      const char *text;
      int line;
    } expect[STATEMENTS_MAX];
  } rows[] = {
      {"", {{0}}},
      {" \n;;-- nothing;\n/* ; */", {{0}}},
      {"SELECT 1", {{"SELECT 1", 1}}},
      {"SELECT 1;\n\nSELECT 2;\n", {{"SELECT 1", 1}, {"SELECT 2", 3}}},
      {"-- one;\n/* two; /* nested; */ still; */ SELECT ';' ; b", {{"SELECT ';' ", 2}, {"b", 2}}},
      {"a '';''' ;';b", {{"a ''", 1}, {"''' ;'", 1}, {"b", 1}}},
      {"a \"x;\"\"y;\";b", {{"a \"x;\"\"y;\"", 1}, {"b", 1}}},
      {"a E'\\';';b", {{"a E'\\';'", 1}, {"b", 1}}},
      {"a '\\';b", {{"a '\\'", 1}, {"b", 1}}},
      {"a $$;\n;$$;b", {{"a $$;\n;$$", 1}, {"b", 2}}},
      {"a $f$ $$;$$ $ff$; $f$;b", {{"a $f$ $$;$$ $ff$; $f$", 1}, {"b", 1}}},
      {"a $1;b$x$;c", {{"a $1", 1}, {"b$x$", 1}, {"c", 1}}},
      {"a -- ;\n + /* ; */ b; c", {{"a -- ;\n + /* ; */ b", 1}, {"c", 2}}},
      {"a 'never ends;", {{"a 'never ends;", 1}}},
      {"a $$never ends;", {{"a $$never ends;", 1}}},
      {"a /* never ends;", {{"a /* never ends;", 1}}},
      {"a \"never ends;", {{"a \"never ends;", 1}}},
      {"a E'\\", {{"a E'\\", 1}}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct sql_cursor cursor = sql_cursor_start(rows[i].text);
    struct sql_statement statement;
    int n = 0;
    for (; sql_next(&cursor, &statement) && n < STATEMENTS_MAX; n++) {
      const char *expect = rows[i].expect[n].text;
      cr_assert_not_null(expect, "%s: too many", rows[i].text);
      cr_expect(statement.len == strlen(expect) && memcmp(statement.text, expect, statement.len) == 0, "%s: %d is %.*s", rows[i].text, n,
                (int)statement.len, statement.text);
      cr_expect_eq(statement.line, rows[i].expect[n].line, "%s: %d in line %d", rows[i].text, n, statement.line);
    }
    cr_expect(n == STATEMENTS_MAX || !rows[i].expect[n].text, "%s: only %d", rows[i].text, n);
  }
}

Test(sql_split, lines_of_positions) {
  static const char text[] = "é\nb\n\nc";
  static const struct { int position, line; } rows[] = {{0, 7}, {1, 7}, {2, 7}, {3, 8}, {5, 9}, {6, 10}, {99, 10}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    cr_expect_eq(sql_line(text, strlen(text), 7, rows[i].position), rows[i].line, "position %d", rows[i].position);
}
