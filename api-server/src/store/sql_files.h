/* The SQL files inside the binary, sorted by name; made from migrations/ and seeds/ by embed.cmake. */
#pragma once

#include <stddef.h>

struct sql_file {
  const char *name; /* "0001_ledger.sql" */
  const char *text; /* ends with a NUL, at END */
  const char *end;
};

extern const struct sql_file migration_files[];
extern const size_t migration_file_count;
extern const struct sql_file seed_files[];
extern const size_t seed_file_count;
