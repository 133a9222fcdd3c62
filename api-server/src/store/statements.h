/* Every statement that the server sends to PostgreSQL, in one table; the index is the query's `statement`. */
#pragma once

#include "store/db.h"

enum statement {
  STATEMENT_SCHEMA,       /* () -> current, serves_from */
  STATEMENT_ENTITLEMENTS, /* (profile) -> one row, or none: see entitlements.h */
  STATEMENT_GRANT,        /* see entitlements.h */
  STATEMENT_IAP_APPLY,    /* this and the next ones: migrations/0004_store_functions.sql */
  STATEMENT_IAP_VOID,
  STATEMENT_IAP_FIND, /* (store, token) -> product_id, profile; or no row */
  STATEMENT_IAP_DUE,  /* (store, token) -> token, type, product_id of the next one to be looked at again; or no row */
  STATEMENT_WEBHOOK_NOTE,
  STATEMENT_WEBHOOK_KEPT, /* (source, id) -> id, payload of the next one whose product is in the catalogue by now; or no row */
  STATEMENT_WEBHOOK_REPLAYED,
  STATEMENT_OUTBOX_CLAIM,
  STATEMENT_OUTBOX_DONE,
  STATEMENT_OUTBOX_STATE,
  STATEMENT_SWEEP_CLAIM,
  STATEMENT_SWEEP_DONE,
  STATEMENT_SWEEP_HASTEN,
  STATEMENT_LEDGER,        /* (profile, before, limit): see ledger_page.h */
  STATEMENT_PRODUCT,       /* (store, product_id) -> coins, plan, revision */
  STATEMENT_HEADS_NEXT,    /* (after): ledger/signer.c reads it */
  STATEMENT_HEADS_SIGN,    /* (id, kid, signature in base64) -> whether it was ours to sign */
  STATEMENT_PRODUCT_PUT,   /* see products.h */
  STATEMENT_DESIGN_TOKENS, /* (version held) -> the newest version, its text where it is another one; or no row */
  STATEMENT_DESIGN_TOKENS_AT,
  STATEMENT_DESIGN_TOKENS_POST, /* (text, actor, match, unless) -> result, version: migrations, design_tokens.sql */
  STATEMENT_SESSION_CHECK,      /* these three: see credentials.h */
  STATEMENT_SESSION_REVOKE,
  STATEMENT_TICKET_REDEEM,
  STATEMENT_COLLABPAY_APPLY, /* see payment.h */
  STATEMENT_APPLE_APPLY,     /* migrations: apple.sql */
  STATEMENT_APPLE_KEPT,      /* (when, null at first; id) -> the newest signed text that was kept before that one, when, id; or none */
  STATEMENT_LIVE_CHANGES,    /* (profile, after) -> seq, entitlements */
  STATEMENT_LIVE_POLL,       /* (JSON list of profiles) -> profile, seq */
  STATEMENT_RETENTION_PURGE, /* (rows) -> events, calls that were forgotten: see retention.h */
  STATEMENT_COUNT
};

extern const struct db_statement statements[STATEMENT_COUNT];
