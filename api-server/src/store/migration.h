/* What a migration file says of itself, and what is to be done with a set of them: pure, no database.
 *
 * A file is named NNNN_what.sql, numbers rising from 0001. Comment lines before its first statement may hold marks:
 *     -- serves-from: 11       required: the oldest schema whose images still work after this one
 *     -- no-transaction        runs statement by statement, outside of a transaction
 * What is applied is never edited: a change is a new file with the next number.
 *
 * A file runs in one transaction together with its row of history, so BEGIN, COMMIT and the like are refused in it, and so is whatever would
 * outlive it in the session: SET without LOCAL (lock_timeout is 5 s; SET LOCAL lock_timeout changes it), PREPARE, COPY from the client.
 *
 * A `-- no-transaction` file is for CREATE INDEX CONCURRENTLY, VACUUM and what else can't run in a transaction. It may stop between any two
 * statements, and is then run again from its first: each statement must bear that (IF EXISTS, IF NOT EXISTS, ON CONFLICT DO NOTHING). Keep it
 * to one statement where possible. A CREATE INDEX CONCURRENTLY that fails leaves an index behind that is invalid, takes its share of every
 * write, and is what IF NOT EXISTS would find; so such an index must be named, with nothing but blanks between these words, and the next run
 * drops it and builds it anew. SET is allowed, and undone at the file's end. Behind a pooler it needs DATABASE_DIRECT_URL.
 */
#pragma once

#include "base/error.h"
#include "store/schema.h"
#include "store/sql_files.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MIGRATIONS_MAX = 1024, SHA256_HEX = 65 };

struct migration {
  int version, serves_from;
  bool no_transaction;
  char sha256[SHA256_HEX];
  const struct sql_file *file;
};

/* A row of schema_migration. */
struct applied_migration {
  int version, serves_from;
  char name[128];
  char sha256[SHA256_HEX];
  char at[32]; /* RFC 3339, UTC */
  int64_t duration_ms;
};

/* The number at the start of a file's name; 0 where there is none. */
int migration_version(const char *name);

int migration_parse(const struct sql_file *file, struct migration *ret, struct error *error) _must_check_;

/* The name, as it is written, that CREATE [UNIQUE] INDEX CONCURRENTLY [IF NOT EXISTS] in TEXT gives to its index: 1, with *RET within TEXT; 0
 * where it gives none; -1 where TEXT is another statement. */
int migration_index_name(const char *text, size_t len, const char **ret, size_t *ret_len);

/* Parses FILES into RET, which holds COUNT. Refuses numbers that don't rise, and a serves-from that falls or passes its own number. */
int migrations_parse(const struct sql_file *files, size_t count, struct migration *ret, struct error *error) _must_check_;

/* Compares what this image holds with what the database has (sorted by version) and says which of MIGRATIONS remain: FIRST … FIRST + COUNT - 1.
 * TO is the newest wanted; 0: all. Refuses edited files, late ones, and versions below what is there already. Where the database is newer than
 * this image nothing remains; whether it fits is for schema_fits. */
struct migration_plan {
  size_t first, count;
};
int migration_plan(const struct migration *migrations, size_t count, const struct applied_migration *applied, size_t applied_count, int to,
                   struct migration_plan *ret, struct error *error) _must_check_;
