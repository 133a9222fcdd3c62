#include "store/entitlements.h"

#include "store/statements.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void entitlements_query(struct db_query *query, const char *profile) {
  query->statement = STATEMENT_ENTITLEMENTS;
  db_parameter(query, 0, profile);
}

int entitlements_read(const PGresult *result, struct entitlements *ret, struct error *error) {
  struct entitlements e = {.head = "0000000000000000000000000000000000000000000000000000000000000000"};
  if (db_rows(result) > 0) {
    if (db_int64(result, 0, 0, &e.coins, error) < 0 || db_int64(result, 0, 1, &e.debt, error) < 0 ||
        db_int64(result, 0, 2, &e.seq, error) < 0)
      return -1;
    e.plan = db_text(result, 0, 3);
    e.expires_at = db_text(result, 0, 4);
    e.source = db_text(result, 0, 5);
    e.active = db_bool(result, 0, 6);
    e.head = db_text(result, 0, 7);
  }
  *ret = e;
  return 0;
}

/* ,"KEY":"VALUE" or null */
static void put_string(struct buffer *to, const char *key, const char *value) {
  buffer_printf(to, "%s:", key);
  if (value) {
    buffer_json_string(to, value, strlen(value));
  } else {
    buffer_puts(to, "null");
  }
}

void entitlements_json(const struct entitlements *e, struct buffer *to) {
  buffer_printf(to, "{\"coins\":%" PRId64 ",\"debt\":%" PRId64 ",\"subscription\":", e->coins, e->debt);
  if (!e->plan) {
    buffer_puts(to, "null}");
    return;
  }
  put_string(to, "{\"plan\"", e->plan);
  buffer_printf(to, ",\"active\":%s", e->active ? "true" : "false");
  put_string(to, ",\"expiresAt\"", e->expires_at);
  put_string(to, ",\"source\"", e->source);
  buffer_puts(to, "}}");
}

static const char *const kind_names[] = {[GRANT_COINS] = "coins", [GRANT_SUBSCRIPTION] = "subscription", [GRANT_REVOKE] = "revoke"};

const char *grant_kind_name(enum grant_kind kind) { return kind_names[kind]; }

int parse_grant_kind(const char *text, enum grant_kind *ret) {
  for (size_t i = 0; text && i < ELEMENTS(kind_names); i++)
    if (strcmp(text, kind_names[i]) == 0) return *ret = (enum grant_kind)i, 0;
  return -1;
}

void grant_query(struct grant_call *call, const struct grant *grant) {
  (void)snprintf(call->amount, sizeof call->amount, "%" PRId64, grant->amount);
  const char *values[] = {grant->profile,
                          grant_kind_name(grant->kind),
                          grant->amount ? call->amount : NULL,
                          grant->plan,
                          grant->expires_at,
                          grant->reason,
                          grant->source,
                          grant->origin,
                          grant->external_ref,
                          grant->actor,
                          grant->body_sha256};
  call->query.statement = STATEMENT_GRANT;
  for (unsigned i = 0; i < ELEMENTS(values); i++) db_parameter(&call->query, i, values[i]);
}

int grant_read(const PGresult *result, struct grant_outcome *ret, struct error *error) {
  static const char *const names[] = {
      [GRANT_DONE] = "done",         [GRANT_REPEATED] = "repeated", [GRANT_CONFLICT] = "conflict", [GRANT_INSUFFICIENT] = "insufficient",
      [GRANT_TOO_MANY] = "too_many", [GRANT_NO_PLAN] = "no_plan"};
  if (db_rows(result) != 1) return error_set(error, ERROR_BUG, "entitlement_grant gave %d rows, expected 1", db_rows(result));
  const char *text = db_text(result, 0, 0);
  struct grant_outcome outcome = {.answer = db_text(result, 0, 2)};
  size_t i = 0;
  while (i < ELEMENTS(names) && (!text || strcmp(text, names[i]) != 0)) i++;
  if (i == ELEMENTS(names)) return error_set(error, ERROR_BUG, "entitlement_grant gave a result that is not known");
  outcome.result = (enum grant_result)i;
  if (db_int64(result, 0, 1, &outcome.seq, error) < 0) return -1;
  *ret = outcome;
  return 0;
}
