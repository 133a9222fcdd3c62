/* What the parts of an audit share. */
#pragma once

#include "base/number.h"
#include "ledger/audit.h"
#include "ledger/audit_stream.h"

#include <stdio.h>

#define TIME(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

/* Keeps the first one. PROFILE may be NULL. */
static inline void audit_report(struct audit *audit, const char *profile, int64_t seq, int64_t heads, const struct chain_fault *fault) {
  if (audit->first.fault.what) return;
  audit->first = (struct audit_break){.seq = seq, .heads = heads, .fault = *fault};
  (void)snprintf(audit->first.profile, sizeof audit->first.profile, "%s", profile ? profile : "");
}

/* A column of the one row of a result; NULL, 0 and false for SQL's null. */
static inline const char *column_text(const PGresult *row, int column) {
  return PQgetisnull(row, 0, column) ? NULL : PQgetvalue(row, 0, column);
}

static inline int64_t column_int64(const PGresult *row, int column) {
  int64_t number;
  return parse_int64(column_text(row, column), INT64_MIN, INT64_MAX, &number) < 0 ? 0 : number;
}

static inline bool column_bool(const PGresult *row, int column) { return *PQgetvalue(row, 0, column) == 't'; }
