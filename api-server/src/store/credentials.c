#include "store/credentials.h"

#include "store/statements.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void session_check_query(struct db_query *query, const char *sid) {
  query->statement = STATEMENT_SESSION_CHECK;
  db_parameter(query, 0, sid);
}

bool session_is_revoked(const PGresult *result) { return db_rows(result) != 1 || db_bool(result, 0, 0); }

static void fill(struct credential_call *call, unsigned statement, const char *id, int64_t exp_s) {
  call->query.statement = statement;
  (void)snprintf(call->expires, sizeof call->expires, "%" PRId64, exp_s);
  db_parameter(&call->query, 0, id);
  db_parameter(&call->query, 1, call->expires);
}

void session_revoke_query(struct credential_call *call, const char *sid, int64_t exp_s) {
  fill(call, STATEMENT_SESSION_REVOKE, sid, exp_s);
}

void ticket_redeem_query(struct credential_call *call, const char *id, int64_t exp_s, const char *sid) {
  fill(call, STATEMENT_TICKET_REDEEM, id, exp_s);
  db_parameter(&call->query, 2, sid);
}

int ticket_redeem_read(const PGresult *result, enum ticket_outcome *ret, struct error *error) {
  static const char *const names[] = {[TICKET_REDEEMED] = "redeemed", [TICKET_USED] = "used", [TICKET_REVOKED] = "revoked"};
  const char *text = db_rows(result) == 1 ? db_text(result, 0, 0) : NULL;
  for (size_t i = 0; text && i < ELEMENTS(names); i++)
    if (!strcmp(text, names[i])) return *ret = (enum ticket_outcome)i, 0;
  return error_set(error, ERROR_BUG, "ticket_redeem gave a result that is not known");
}
