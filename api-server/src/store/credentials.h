/* What all pods must agree on about credentials: which sessions were ended, and which tickets were used. Fills queries and reads their
 * results; sends nothing itself. Both are exact: the answer is PostgreSQL's at the time of asking, so what was ended or used is refused by
 * every worker of every replica from the commit on.
 *
 *     session_check_query(&check->query, sid);                          // SID is borrowed until done
 *     ... on_done: session_is_revoked(result)
 *
 *     ticket_redeem_query(&redemption, id, exp_s, sid_or_null);
 *     ... on_done: ticket_redeem_read(result, &outcome, &error)
 */
#pragma once

#include "store/db.h"

void session_check_query(struct db_query *query, const char *sid);
bool session_is_revoked(const PGresult *result);

/* A query with room for its number; the identifiers are borrowed until done. */
struct credential_call {
  struct db_query query;
  char expires[24];
};

/* Ends the session, for good; its row goes once it has expired. */
void session_revoke_query(struct credential_call *call, const char *sid, int64_t exp_s);

enum ticket_outcome {
  TICKET_REDEEMED, /* now, and never again */
  TICKET_USED,
  TICKET_REVOKED, /* its session was ended */
};

/* SID: the session with which it was bought, or NULL. */
void ticket_redeem_query(struct credential_call *call, const char *id, int64_t exp_s, const char *sid);
int ticket_redeem_read(const PGresult *result, enum ticket_outcome *ret, struct error *error) _must_check_;
