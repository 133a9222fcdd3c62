/* What a migration file says of itself, and what is to be done with a set of them: pure, no database.
 *
 * A file is named NNNN_what.sql, numbers rising from 0001. Comment lines before its first statement may hold marks:
 *     -- serves-from: 11       required: the oldest schema whose images still work after this one
 *     -- no-transaction        runs statement by statement, outside of a transaction (CREATE INDEX CONCURRENTLY); must bear being run again
 */
#pragma once

#include "base/error.h"
#include "store/schema.h"
#include "store/sql_files.h"

#include <stdbool.h>
#include <stddef.h>

enum { MIGRATIONS_MAX = 1024, SHA256_HEX = 65 };

struct migration {
  int version, serves_from;
  bool no_transaction;
  char sha256[SHA256_HEX];
  const struct sql_file *file;
};

/* A row of schema_migration. */
struct applied_migration {
  int version;
  char name[128];
  char sha256[SHA256_HEX];
};

/* The number at the start of a file's name; 0 where there is none. */
int migration_version(const char *name);

int migration_parse(const struct sql_file *file, struct migration *ret, struct error *error) _must_check_;

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
