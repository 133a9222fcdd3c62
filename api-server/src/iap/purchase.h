/* A purchase at a store, in the one shape that Google's and Apple's answers are decoded to, and the way in which it takes effect.
 *
 *     struct purchase seen = {.store = "google", .environment = "production", .token = token, .type = PURCHASE_PRODUCT, …};
 *     purchase_apply(&applying->query, &seen, &(struct purchase_claim){.profile = who}, arena, &error);
 *     applying->query.done = on_applied;                            // purchase_read(result, &outcome, &error)
 *     db_submit(db, &applying->query, &error);
 *
 * The effect is one call of iap_apply() (migrations/0004_store_functions.sql): purchase, ledger, outbox and the event's row commit together.
 * Applied is what is newer than what is known; so the same answer may be applied any number of times, in any order.
 */
#pragma once

#include "base/arena.h"
#include "observe/metrics.h"
#include "settings/settings.h"
#include "store/db.h"

enum purchase_type { PURCHASE_PRODUCT, PURCHASE_SUBSCRIPTION };

/* Access comes with ACTIVE, GRACE and CANCELLED (until expires_ms). REPLACED is never seen at a store. */
enum purchase_state {
  PURCHASE_PENDING,
  PURCHASE_ACTIVE,
  PURCHASE_GRACE,
  PURCHASE_CANCELLED,
  PURCHASE_HOLD,
  PURCHASE_PAUSED,
  PURCHASE_EXPIRED,
  PURCHASE_REFUNDED,
  PURCHASE_STATES
};

/* Texts are borrowed; NULL and 0: not told. Times are milliseconds since 1970. */
struct purchase {
  const char *store;       /* "google", "apple" */
  const char *environment; /* "production", "sandbox" */
  const char *token;       /* what the store keeps for the life of the purchase */
  enum purchase_type type;
  enum purchase_state state;
  const char *product_id, *order_id;
  const char *linked_token; /* of the purchase that this one replaces */
  const char *account;      /* what the store was told about the buyer: the profile's id, or its SHA-256 in lower-case hex */
  int64_t observed_ms;      /* when it was so: taken before the store was asked, or signed by it */
  int64_t purchased_ms, expires_ms;
  int quantity, refunded_quantity;
  bool auto_renew, test, acknowledged, consumed;
};

/* On whose word. PROFILE asks, and gets the purchase for ever; NULL: an EVENT of the store, which has no effect twice. */
struct purchase_claim {
  const char *profile;
  const char *event;         /* the message's id at its sender, or NULL */
  const char *event_sha256;  /* hex, of the message's body */
  const char *event_payload; /* kept where the catalogue doesn't have the product */
};

/* Fills the query. Its texts lie in ARENA or are CLAIM's, and both must last until it is done. */
int purchase_apply(struct db_query *query, const struct purchase *seen, const struct purchase_claim *claim, struct arena *arena,
                   struct error *error) _must_check_;

enum purchase_result {
  PURCHASE_DONE,
  PURCHASE_REPEATED,
  PURCHASE_STALE,            /* something newer is known */
  PURCHASE_DUPLICATE,        /* the event was here before */
  PURCHASE_TAKEN,            /* another profile has it */
  PURCHASE_MISMATCH,         /* it was bought for another account */
  PURCHASE_UNKNOWN_PRODUCT,  /* not in the catalogue */
  PURCHASE_UNKNOWN_PURCHASE, /* an event, and nobody has asked for the purchase yet */
  PURCHASE_TOO_MANY,         /* the balance can't hold the coins */
  PURCHASE_RESULTS
};

struct purchase_outcome {
  enum purchase_result result;
  const char *answer; /* JSON for the client, of DONE, REPEATED and STALE: {"ok":true,"purchase":{…},"entitlements":{…}} */
  const char *holder; /* the profile that has it; NULL: none */
};
int purchase_read(const PGresult *result, struct purchase_outcome *ret, struct error *error) _must_check_;

/* "too_many": for logs and metrics. */
const char *purchase_result_name(enum purchase_result result);

/* Counts it in supernova_iap_purchases_total; VIA is verify, webhook, sweep or replay. */
void purchase_count(struct metrics *metrics, const char *store, const char *via, enum purchase_result result);

/* Whether PROFILE may use what nobody paid for: IAP_SANDBOX_PROFILES names it, or IAP_STRICT is false. */
bool purchase_sandbox_allowed(const struct settings *settings, const char *profile);
