#include "store/statements.h"

const struct db_statement statements[STATEMENT_COUNT] = {
    [STATEMENT_SCHEMA] = {.name = "schema", .sql = "SELECT coalesce(max(version), 0), coalesce(max(serves_from), 0) FROM schema_migration"},
    [STATEMENT_ENTITLEMENTS] = {.name = "entitlements",
                                .sql = "SELECT b.coins, b.debt, b.seq, s.plan, utc(s.expires_at), s.source,"
                                       " coalesce(s.expires_at > now(), s.plan IS NOT NULL)"
                                       " FROM ent_balance b LEFT JOIN ent_subscription s ON s.profile = b.profile WHERE b.profile = $1",
                                .parameters = 1},
    [STATEMENT_GRANT] =
        {.name = "grant",
         .sql = "SELECT result, seq, answer FROM entitlement_grant($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, decode($11, 'hex'))",
         .parameters = 11,
         .lane = DB_WRITE},
};
