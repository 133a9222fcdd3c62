/* Every statement that the server sends to PostgreSQL, in one table; the index is the query's `statement`. */
#pragma once

#include "store/db.h"

enum statement {
  STATEMENT_SCHEMA,       /* () -> current, serves_from */
  STATEMENT_ENTITLEMENTS, /* (profile) -> one row, or none: see entitlements.h */
  STATEMENT_GRANT,        /* see entitlements.h */
  STATEMENT_COUNT
};

extern const struct db_statement statements[STATEMENT_COUNT];
