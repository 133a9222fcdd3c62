#include "store/statements.h"

const struct db_statement statements[STATEMENT_COUNT] = {
    [STATEMENT_SCHEMA] = {.name = "schema", .sql = "SELECT coalesce(max(version), 0), coalesce(max(serves_from), 0) FROM schema_migration"},
    [STATEMENT_ENTITLEMENTS] = {.name = "entitlements",
                                .sql = "SELECT b.coins, b.debt, b.seq, s.plan, utc(s.expires_at), s.source,"
                                       " coalesce(s.expires_at > now(), s.plan IS NOT NULL), encode(b.head, 'hex')"
                                       " FROM ent_balance b LEFT JOIN ent_subscription s ON s.profile = b.profile WHERE b.profile = $1",
                                .parameters = 1},
    [STATEMENT_GRANT] =
        {.name = "grant",
         .sql = "SELECT result, seq, answer FROM entitlement_grant($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, decode($11, 'hex'))",
         .parameters = 11,
         .lane = DB_WRITE},
    [STATEMENT_IAP_APPLY] = {.name = "iap_apply",
                             .sql = "SELECT result, answer, holder FROM iap_apply($1::jsonb, $2, $3, decode($4, 'hex'), $5)",
                             .parameters = 5,
                             .lane = DB_WRITE},
    [STATEMENT_IAP_VOID] = {.name = "iap_void",
                            .sql = "SELECT result, holder FROM iap_void($1, $2, $3)",
                            .parameters = 3,
                            .lane = DB_WRITE},
    [STATEMENT_IAP_FIND] = {.name = "iap_find",
                            .sql = "SELECT product_id, profile FROM iap_purchase WHERE store = $1 AND token = $2",
                            .parameters = 2},
    [STATEMENT_IAP_DUE] =
        {.name = "iap_due",
         .sql = "SELECT token, type, product_id FROM iap_purchase WHERE store = $1 AND token > $2 AND state NOT IN ('expired', 'refunded', "
                "'replaced')"
                " AND (state = 'pending' AND observed_at < now() - interval '1 hour' AND created_at > now() - interval '30 days'"
                " OR type = 'subscription' AND observed_at < expires_at AND expires_at BETWEEN now() - interval '7 days' AND now())"
                " ORDER BY token LIMIT 1",
         .parameters = 2},
    [STATEMENT_WEBHOOK_NOTE] = {.name = "webhook_note",
                                .sql = "SELECT webhook_note($1, $2, decode($3, 'hex'), $4, $5)",
                                .parameters = 5,
                                .lane = DB_WRITE},
    [STATEMENT_WEBHOOK_KEPT] =
        {.name = "webhook_kept",
         .sql = "SELECT e.id, e.payload FROM webhook_event e"
                " CROSS JOIN LATERAL (SELECT coalesce(e.payload::jsonb #>> '{oneTimeProductNotification,sku}',"
                " e.payload::jsonb #>> '{subscriptionNotification,subscriptionId}') AS id) told"
                " WHERE e.source = $1 AND e.payload IS NOT NULL AND e.id > $2"
                " AND (told.id IS NULL OR EXISTS (SELECT FROM product p WHERE p.store = e.source AND p.product_id = told.id))"
                " ORDER BY e.id LIMIT 1",
         .parameters = 2},
    [STATEMENT_WEBHOOK_REPLAYED] = {.name = "webhook_replayed",
                                    .sql = "SELECT webhook_replayed($1, $2, $3)",
                                    .parameters = 3,
                                    .lane = DB_WRITE},
    [STATEMENT_OUTBOX_CLAIM] = {.name = "outbox_claim",
                                .sql = "SELECT id, action, environment, token, type, product_id, attempts, overdue"
                                       " FROM outbox_claim($1, $2, $3::interval, $4::integer)",
                                .parameters = 4,
                                .lane = DB_WRITE},
    [STATEMENT_OUTBOX_DONE] = {.name = "outbox_done",
                               .sql = "SELECT outbox_done($1::bigint, $2, $3, $4)",
                               .parameters = 4,
                               .lane = DB_WRITE},
    [STATEMENT_OUTBOX_STATE] =
        {.name = "outbox_state",
         .sql = "SELECT count(*), count(*) FILTER (WHERE deadline_at <= now() + interval '1 day'),"
                " coalesce(floor(extract(epoch FROM now() - min(created_at)))::bigint, 0) FROM outbox WHERE store = $1 AND done_at IS NULL",
         .parameters = 1},
    [STATEMENT_SWEEP_CLAIM] = {.name = "sweep_claim",
                               .sql = "SELECT swept_ms FROM iap_sweep_claim($1, $2, $3::interval, $4::interval)",
                               .parameters = 4,
                               .lane = DB_WRITE},
    [STATEMENT_SWEEP_DONE] = {.name = "sweep_done",
                              .sql = "SELECT iap_sweep_done($1, $2, $3::bigint, $4::interval)",
                              .parameters = 4,
                              .lane = DB_WRITE},
    [STATEMENT_SWEEP_HASTEN] = {.name = "sweep_hasten", .sql = "SELECT iap_sweep_hasten($1)", .parameters = 1, .lane = DB_WRITE},
    [STATEMENT_LEDGER] = {.name = "ledger",
                          .sql =
                              "SELECT seq, utc(at), kind, amount, plan, utc(expires_at), reason, source, origin, external_ref, coins, debt,"
                              " encode(head, 'hex'), actor FROM ent_ledger WHERE profile = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3",
                          .parameters = 3},
    [STATEMENT_HEADS_NEXT] = {.name = "heads_next",
                              .sql = "SELECT result, upto, id, hour, whole, profiles, lines_sha256, prev FROM ledger_heads_next($1, 1000)",
                              .parameters = 1,
                              .lane = DB_WRITE},
    [STATEMENT_HEADS_SIGN] = {.name = "heads_sign",
                              .sql = "SELECT ledger_heads_sign($1, $2, decode($3, 'base64'))",
                              .parameters = 3,
                              .lane = DB_WRITE},
    [STATEMENT_PRODUCT] = {.name = "product",
                           .sql = "SELECT coins, plan, revision FROM product WHERE store = $1 AND product_id = $2",
                           .parameters = 2},
    [STATEMENT_PRODUCT_PUT] = {.name = "product_put",
                               .sql = "SELECT result, revision FROM product_put($1, $2, $3, $4, $5, $6)",
                               .parameters = 6,
                               .lane = DB_WRITE},
    [STATEMENT_DESIGN_TOKENS] = {.name = "design_tokens",
                                 .sql = "SELECT version, CASE WHEN version <> $1::bigint THEN tokens END FROM design_token_set"
                                        " ORDER BY version DESC LIMIT 1",
                                 .parameters = 1},
    [STATEMENT_DESIGN_TOKENS_AT] = {.name = "design_tokens_at",
                                    .sql = "SELECT tokens FROM design_token_set WHERE version = $1",
                                    .parameters = 1},
    [STATEMENT_DESIGN_TOKENS_POST] = {.name = "design_tokens_post",
                                      .sql = "SELECT result, version FROM design_tokens_post($1, $2, $3, $4)",
                                      .parameters = 4,
                                      .lane = DB_WRITE},
    [STATEMENT_SESSION_CHECK] = {.name = "session_check",
                                 .sql = "SELECT EXISTS (SELECT FROM session_revoked WHERE sid = $1::uuid)",
                                 .parameters = 1},
    [STATEMENT_SESSION_REVOKE] = {.name = "session_revoke",
                                  .sql = "SELECT session_revoke($1::uuid, to_timestamp($2))",
                                  .parameters = 2,
                                  .lane = DB_WRITE},
    [STATEMENT_TICKET_REDEEM] = {.name = "ticket_redeem",
                                 .sql = "SELECT ticket_redeem($1::uuid, to_timestamp($2), $3::uuid)",
                                 .parameters = 3,
                                 .lane = DB_WRITE},
    [STATEMENT_LIVE_CHANGES] = {.name = "live_changes",
                                .sql = "SELECT seq, (answer::json -> 'entitlements')::text FROM ent_ledger WHERE profile = $1 AND seq > $2"
                                       " ORDER BY seq LIMIT 101",
                                .parameters = 2},
    [STATEMENT_LIVE_POLL] = {.name = "live_poll",
                             .sql = "SELECT b.profile, b.seq FROM jsonb_array_elements_text($1::jsonb) AS p (id)"
                                    " JOIN ent_balance b ON b.profile = p.id",
                             .parameters = 1},
    [STATEMENT_RETENTION_PURGE] = {.name = "retention_purge",
                                   .sql = "SELECT events, calls FROM retention_purge($1::integer)",
                                   .parameters = 1,
                                   .lane = DB_WRITE},
    [STATEMENT_COLLABPAY_APPLY] = {.name = "collabpay_apply",
                                   .sql = "SELECT collabpay_apply($1, $2, $3, $4, $5::bigint, $6, $7, $8, decode($9, 'hex'))",
                                   .parameters = 9,
                                   .lane = DB_WRITE},
    [STATEMENT_APPLE_APPLY] =
        {.name = "apple_apply",
         .sql = "SELECT result, answer, holder FROM apple_apply($1::jsonb, $2, $3, decode($4, 'hex'), $5, $6, $7::boolean,"
                " $8::boolean)",
         .parameters = 8,
         .lane = DB_WRITE},
    [STATEMENT_APPLE_KEPT] = {.name = "apple_kept",
                              .sql =
                                  "SELECT payload, received_at::text, id FROM webhook_event WHERE source = 'apple' AND payload IS NOT NULL"
                                  " AND (received_at, id) < (coalesce($1::timestamptz, 'infinity'), $2)"
                                  " ORDER BY received_at DESC, id DESC LIMIT 1",
                              .parameters = 2},
};
