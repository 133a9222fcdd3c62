/* What a profile owns, read and granted. Fills queries and reads their results; sends nothing itself.
 *
 *     entitlements_query(&request->query, profile);           // profile is borrowed until done
 *     ... on_done: entitlements_read(result, &what, &error);
 *
 *     struct grant grant = {.profile = "u-1", .kind = GRANT_COINS, .amount = 500, .origin = "admin", .external_ref = "order-77", …};
 *     grant_query(&request->grant_call, &grant);              // the texts of GRANT are borrowed until done
 *     ... on_done: grant_read(result, &outcome, &error);      // outcome.answer is what goes to the client, byte for byte
 *
 * A grant is exactly once by (origin, externalRef): the same reference and body give the first answer again, another body a conflict.
 */
#pragma once

#include "base/buffer.h"
#include "store/db.h"

#define COINS_MAX INT64_C(9007199254740991) /* 2^53 - 1 */

/* Columns of STATEMENT_ENTITLEMENTS. A profile that is not known has no coins, no subscription and seq 0. */
struct entitlements {
  int64_t coins, debt;
  int64_t seq;            /* of the profile's newest ledger row: with `state` all that an ETag needs */
  const char *plan;       /* of the subscription; NULL: never had one; borrowed from the result */
  const char *expires_at; /* RFC 3339, UTC, or NULL: without end */
  const char *source;     /* who granted it: "admin" */
  const char *head;       /* of the profile's ledger: 64 hex digits, all 0 where it has no row */
  bool active;            /* at the time of the read */
};

void entitlements_query(struct db_query *query, const char *profile);
int entitlements_read(const PGresult *result, struct entitlements *ret, struct error *error) _must_check_;

/* The object that answers hold under "entitlements", the same as in a grant's answer:
 *     {"coins":500,"debt":0,"subscription":null}
 *     {"coins":0,"debt":0,"subscription":{"plan":"pro","active":true,"expiresAt":"2030-01-01T00:00:00.000Z","source":"admin"}} */
void entitlements_json(const struct entitlements *entitlements, struct buffer *to);

enum grant_kind { GRANT_COINS, GRANT_SUBSCRIPTION, GRANT_REVOKE };

/* "coins", "subscription", "revoke". */
const char *grant_kind_name(enum grant_kind kind);
int parse_grant_kind(const char *text, enum grant_kind *ret) _must_check_;

/* COINS has an amount; SUBSCRIPTION a plan and, unless it has no end, expires_at; REVOKE either an amount (coins) or a plan. */
struct grant {
  const char *profile;
  enum grant_kind kind;
  int64_t amount;         /* 1 … COINS_MAX; 0: none */
  const char *plan;       /* or NULL, like all below */
  const char *expires_at; /* RFC 3339 */
  const char *reason, *source;
  const char *origin;       /* set by the server, never by the client: "admin" */
  const char *external_ref; /* NULL: no promise of exactly-once */
  const char *actor;        /* the verified subject that asked for it */
  const char *body_sha256;  /* 64 hex digits: of the body as it is to be compared (canonical, without the reference) */
};

/* The query with room for its number; `query` first, so that one can be cast from `done`'s argument. */
struct grant_call {
  struct db_query query;
  char amount[24];
};
void grant_query(struct grant_call *call, const struct grant *grant);

enum grant_result {
  GRANT_DONE,         /* 200; applied now */
  GRANT_REPEATED,     /* 200; it was applied before, the answer is that of then */
  GRANT_CONFLICT,     /* 409; the reference was used with another body */
  GRANT_INSUFFICIENT, /* 422; a revoke beyond the balance */
  GRANT_TOO_MANY,     /* 422; the balance would pass COINS_MAX */
  GRANT_NO_PLAN,      /* 422; a revoke of a subscription that the profile doesn't have */
};

struct grant_outcome {
  enum grant_result result;
  int64_t seq;        /* of the ledger row; 0 where nothing was written, ever */
  const char *answer; /* JSON, {"ok":true,"entitlements":{…},"ledger":{…}}, of DONE and REPEATED; borrowed from the result */
};
int grant_read(const PGresult *result, struct grant_outcome *ret, struct error *error) _must_check_;
