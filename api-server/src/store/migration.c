#include "store/migration.h"

#include "base/number.h"
#include "store/sql_split.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

int migration_version(const char *name) {
  int64_t version = 0;
  while (*name == '0') name++;
  if (parse_int64_n(name, strspn(name, "0123456789"), 1, 999999, &version) < 0) return 0;
  return (int)version;
}

/* The value behind "-- MARK" among the comments at the top of TEXT; NULL when it isn't there. */
static const char *find_mark(const char *text, const char *mark, size_t *ret_len) {
  while (strncmp(text, "--", 2) == 0) {
    size_t line = strcspn(text, "\n"), at = 2 + strspn(text + 2, " ");
    if (strncmp(text + at, mark, strlen(mark)) == 0) {
      const char *value = text + at + strlen(mark);
      value += strspn(value, " ");
      *ret_len = (size_t)(text + line - value);
      return value;
    }
    text += line + (text[line] == '\n');
  }
  return NULL;
}

static int hash_file(const struct sql_file *file, char to[SHA256_HEX], struct error *error) {
  unsigned char digest[32];
  if (EVP_Digest(file->text, (size_t)(file->end - file->text), digest, NULL, EVP_sha256(), NULL) != 1)
    return error_set(error, ERROR_BUG, "%s can't be hashed", file->name);
  for (size_t i = 0; i < sizeof digest; i++) (void)snprintf(to + 2 * i, 3, "%02x", digest[i]);
  return 0;
}

/* ---- statements ---- */

/* Whether the next word of *AT, before END, is WORD in any case; steps over it if so. */
static bool take_word(const char **at, const char *end, const char *word) {
  const char *start = *at;
  while (start < end && isspace((unsigned char)*start)) start++;
  size_t n = strlen(word);
  if ((size_t)(end - start) < n || strncasecmp(start, word, n) != 0) return false;
  if (start + n < end && (isalnum((unsigned char)start[n]) || start[n] == '_')) return false;
  return *at = start + n, true;
}

int migration_index_name(const char *text, size_t len, const char **ret, size_t *ret_len) {
  const char *at = text, *end = text + len;
  if (!take_word(&at, end, "CREATE")) return -1;
  (void)take_word(&at, end, "UNIQUE");
  if (!take_word(&at, end, "INDEX") || !take_word(&at, end, "CONCURRENTLY")) return -1;
  if (take_word(&at, end, "IF") && (!take_word(&at, end, "NOT") || !take_word(&at, end, "EXISTS"))) return -1;
  if (take_word(&at, end, "ON")) return 0;
  while (at < end && isspace((unsigned char)*at)) at++;
  *ret = at;
  bool quoted = false;
  for (; at < end && (quoted || !isspace((unsigned char)*at)); at++) quoted ^= *at == '"';
  *ret_len = (size_t)(at - *ret);
  return *ret_len > 0;
}

/* SET LOCAL, CONSTRAINTS and TRANSACTION end with the transaction. */
static bool outlives_transaction(const char *at, const char *end) {
  return take_word(&at, end, "SET") && !take_word(&at, end, "LOCAL") && !take_word(&at, end, "CONSTRAINTS") &&
         !take_word(&at, end, "TRANSACTION");
}

static int check_statement(const struct migration *m, const struct sql_statement *s, struct error *error) {
  static const char *const refused[] = {"BEGIN",   "START",   "COMMIT",     "END",  "ROLLBACK", "ABORT",
                                        "PREPARE", "EXECUTE", "DEALLOCATE", "COPY", "LISTEN",   "DISCARD"};
  const char *at = s->text, *end = s->text + s->len, *name = m->file->name, *index;
  size_t n;
  for (size_t i = 0; i < ELEMENTS(refused); i++)
    if (take_word(&at, end, refused[i]))
      return error_set(error, ERROR_INVALID, "%s, line %d: %s can't stand in a migration", name, s->line, refused[i]);
  if (!m->no_transaction && outlives_transaction(at, end))
    return error_set(error, ERROR_INVALID, "%s, line %d: SET would outlive the migration, write SET LOCAL", name, s->line);
  int named = migration_index_name(s->text, s->len, &index, &n);
  if (named >= 0 && !m->no_transaction)
    return error_set(error, ERROR_INVALID, "%s, line %d: CREATE INDEX CONCURRENTLY needs the mark `-- no-transaction`", name, s->line);
  if (named == 0)
    return error_set(error, ERROR_INVALID, "%s, line %d: name the index, else it can't be found again after a failure", name, s->line);
  return 0;
}

static int check_statements(const struct migration *m, struct error *error) {
  struct sql_cursor cursor = sql_cursor_start(m->file->text);
  struct sql_statement statement;
  while (sql_next(&cursor, &statement))
    if (check_statement(m, &statement, error) < 0) return -1;
  return 0;
}

/* ---- files ---- */

int migration_parse(const struct sql_file *file, struct migration *ret, struct error *error) {
  struct migration migration = {.version = migration_version(file->name), .file = file};
  int64_t serves_from;
  size_t len = 0, ignored;
  if (!migration.version) return error_set(error, ERROR_INVALID, "%s doesn't begin with a number, as in 0002_what.sql", file->name);
  const char *text = find_mark(file->text, "serves-from:", &len);
  if (!text || parse_int64_n(text, len, 1, migration.version, &serves_from) < 0)
    return error_set(error, ERROR_INVALID, "%s must say at its top `-- serves-from: N`, with N from 1 to its own number", file->name);
  migration.serves_from = (int)serves_from;
  migration.no_transaction = find_mark(file->text, "no-transaction", &ignored) != NULL;
  if (hash_file(file, migration.sha256, error) < 0 || check_statements(&migration, error) < 0) return -1;
  *ret = migration;
  return 0;
}

int migrations_parse(const struct sql_file *files, size_t count, struct migration *ret, struct error *error) {
  for (size_t i = 0; i < count; i++) {
    if (migration_parse(&files[i], &ret[i], error) < 0) return -1;
    if (i && ret[i].version <= ret[i - 1].version)
      return error_set(error, ERROR_INVALID, "%s and %s have numbers that don't rise", files[i - 1].name, files[i].name);
    if (i && ret[i].serves_from < ret[i - 1].serves_from)
      return error_set(error, ERROR_INVALID, "%s says serves-from %d, but %s says %d already", files[i].name, ret[i].serves_from,
                       files[i - 1].name, ret[i - 1].serves_from);
  }
  return 0;
}

/* ---- sets ---- */

static const struct migration *find(const struct migration *migrations, size_t count, int version) {
  for (size_t i = 0; i < count; i++)
    if (migrations[i].version == version) return &migrations[i];
  return NULL;
}

static bool is_applied(const struct applied_migration *applied, size_t count, int version) {
  for (size_t i = 0; i < count; i++)
    if (applied[i].version == version) return true;
  return false;
}

/* What was applied must be what we hold. */
static int check_applied(const struct migration *migrations, size_t count, const struct applied_migration *row, struct error *error) {
  if (!count || row->version > migrations[count - 1].version) return 0;
  const struct migration *own = find(migrations, count, row->version);
  if (!own) return error_set(error, ERROR_INVALID, "the database has %s, which this image doesn't", row->name);
  if (strcmp(own->sha256, row->sha256) != 0)
    return error_set(error, ERROR_INVALID,
                     "%s was edited after it was applied (SHA-256 %.12s… then, %.12s… now); put the change into a new file",
                     own->file->name, row->sha256, own->sha256);
  return 0;
}

int migration_plan(const struct migration *migrations, size_t count, const struct applied_migration *applied, size_t applied_count, int to,
                   struct migration_plan *ret, struct error *error) {
  int current = applied_count ? applied[applied_count - 1].version : 0;
  for (size_t i = 0; i < applied_count; i++)
    if (check_applied(migrations, count, &applied[i], error) < 0) return -1;
  if (to && to < current) return error_set(error, ERROR_INVALID, "the schema is at %d and can't go back to %d", current, to);
  if (to && !find(migrations, count, to)) return error_set(error, ERROR_INVALID, "this image has no migration %d", to);

  struct migration_plan plan = {.first = count};
  for (size_t i = 0; i < count; i++) {
    if (is_applied(applied, applied_count, migrations[i].version)) continue;
    if (migrations[i].version < current)
      return error_set(error, ERROR_INVALID, "%s came too late: the schema is at %d already; give it a number above that",
                       migrations[i].file->name, current);
    if (to && migrations[i].version > to) break;
    if (!plan.count) plan.first = i;
    plan.count++;
  }
  *ret = plan;
  return 0;
}
