#include "ledger/audit_stream.h"

#include "store/sqlstate.h"

static int fail(PGconn *conn, const PGresult *result, struct error *error) {
  const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE), *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  char line[400];
  if (state && text) return error_set(error, sqlstate_kind(state), "%s (SQLSTATE %s)", text, state);
  first_line(PQerrorMessage(conn), line, sizeof line);
  return error_set(error, ERROR_RETRY, "%s", line);
}

static int on_result(PGconn *conn, const PGresult *result, int (*on_row)(void *, const PGresult *, struct error *), void *owner,
                     struct error *error) {
  switch (PQresultStatus(result)) {
    case PGRES_SINGLE_TUPLE: return on_row(owner, result, error);
    case PGRES_TUPLES_OK: return 0; /* the end */
    default: return fail(conn, result, error);
  }
}

int audit_stream(struct job *job, const char *sql, const char *parameter, bool has_parameter,
                 int (*on_row)(void *owner, const PGresult *row, struct error *error), void *owner, struct error *error) {
  PGconn *conn = job->conn;
  PGresult *result;
  int rc = 0;
  if (!PQsendQueryParams(conn, sql, has_parameter, NULL, &parameter, NULL, NULL, 0) || !PQsetSingleRowMode(conn))
    return fail(conn, NULL, error);
  while ((result = PQgetResult(conn))) {
    /* after a failure the rest is read and dropped: the connection is used again, or closed */
    if (rc == 0) rc = on_result(conn, result, on_row, owner, error);
    PQclear(result);
  }
  return rc;
}
