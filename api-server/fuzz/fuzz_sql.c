/* SQL in pieces, and what a migration file says of itself. Statements follow each other within the text, none is empty, lines count on, and each by
 * itself is the same one statement. The file is 0007_x.sql.
 */
#include "store/migration.h"
#include "store/sql_split.h"
#include "testing/fuzz.h"

#include <string.h>

static int count_lines(const char *from, const char *to) {
  int lines = 0;
  for (; from < to; from++) lines += *from == '\n';
  return lines;
}

static void check_alone(const struct sql_statement *statement) {
  char *copy = fuzz_text((const uint8_t *)statement->text, statement->len);
  struct sql_cursor cursor = sql_cursor_start(copy);
  struct sql_statement again;
  demand(sql_next(&cursor, &again) && again.text == copy && again.len == statement->len && again.line == 1);
  demand(!sql_next(&cursor, &again));
  free(copy);
}

static void check_statements(const char *text) {
  struct sql_cursor cursor = sql_cursor_start(text);
  struct sql_statement statement;
  const char *end = text + strlen(text), *at = text;
  while (sql_next(&cursor, &statement)) {
    demand(statement.text >= at && statement.len && statement.text + statement.len <= end);
    demand(statement.line == 1 + count_lines(text, statement.text));
    demand(sql_line(statement.text, statement.len, statement.line, 1 << 20) ==
           statement.line + count_lines(statement.text, statement.text + statement.len));
    check_alone(&statement);
    at = statement.text + statement.len;
  }
}

static void check_index_name(const char *text) {
  const char *name = NULL;
  size_t len = 0, n = strlen(text);
  if (migration_index_name(text, n, &name, &len) == 1) demand(name >= text && len && name + len <= text + n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  char *text = fuzz_text(data, n);
  struct sql_file file = {"0007_x.sql", text, text + strlen(text)};
  struct migration migration = {0};
  struct error error = {0};
  check_statements(text);
  check_index_name(text);
  if (migration_parse(&file, &migration, &error) < 0)
    demand(error.kind == ERROR_INVALID && strstr(error.message, file.name));
  else
    demand(migration.version == 7 && migration.serves_from >= 1 && migration.serves_from <= 7 && strlen(migration.sha256) == 64);
  free(text);
  return 0;
}
