/* What CollabPay tells us: somebody paid, or what was paid for changed. Fills the query and reads its result; sends nothing itself.
 *
 *     struct payment payment;
 *     if (payment_read(json, &payment) < 0) ...                         // of no use to us; its fields were checked before
 *     payment_query(&applying->payment_call, &payment, body_sha256);    // the texts are borrowed until done
 *     ... on_done: payment_outcome(result, &outcome, &error);
 *
 * An event is {"event", "paymentId", "profileId", …}; each takes effect once by (event, paymentId), whatever the delivery's own id is:
 *
 *     payment.succeeded        "productId", "quantity" (1)     what the catalogue says the product grants, so many times; "expiresAt" ends a plan
 *     coins.credited           "amount"                        so many coins
 *     subscription.activated   "plan", "expiresAt"             the plan until then; without it, without end
 *     subscription.cancelled   "plan", "expiresAt"             ends at once, or then; does nothing where the plan isn't held
 */
#pragma once

#include "codec/json.h"
#include "store/db.h"

/* The ledger's reference is "EVENT:PAYMENT". */
enum { PAYMENT_ID_MAX = 200, PAYMENT_QUANTITY_MAX = 1000 };

enum payment_event { PAYMENT_SUCCEEDED, PAYMENT_COINS, PAYMENT_ACTIVATED, PAYMENT_CANCELLED, PAYMENT_EVENTS };

const char *payment_event_name(enum payment_event event);

struct payment {
  enum payment_event event;
  const char *id, *profile;
  const char *product, *plan, *expires_at; /* or NULL */
  int64_t quantity, amount;                /* amount 0: none */
};

/* Texts are borrowed from JSON. -1 for an event that is not one of these. */
int payment_read(const cJSON *json, struct payment *ret) _must_check_;

/* The query with room for its numbers; `query` first. */
struct payment_call {
  struct db_query query;
  char quantity[24], amount[24];
};
void payment_query(struct payment_call *call, const struct payment *payment, const char *body_sha256);

enum payment_outcome {
  PAYMENT_DONE,
  PAYMENT_REPEATED,        /* it was here before */
  PAYMENT_CONFLICT,        /* it was, and said something else */
  PAYMENT_UNKNOWN_PRODUCT, /* kept, and applied once the catalogue has it */
  PAYMENT_TOO_MANY,        /* the balance can't hold the coins */
  PAYMENT_OUTCOMES
};
const char *payment_outcome_name(enum payment_outcome outcome);
int payment_outcome(const PGresult *result, enum payment_outcome *ret, struct error *error) _must_check_;
