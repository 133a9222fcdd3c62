#include "store/payment.h"

#include "store/statements.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const event_names[PAYMENT_EVENTS] = {[PAYMENT_SUCCEEDED] = "payment.succeeded",
                                                        [PAYMENT_COINS] = "coins.credited",
                                                        [PAYMENT_ACTIVATED] = "subscription.activated",
                                                        [PAYMENT_CANCELLED] = "subscription.cancelled"};

static const char *const outcome_names[PAYMENT_OUTCOMES] = {[PAYMENT_DONE] = "done",
                                                            [PAYMENT_REPEATED] = "repeated",
                                                            [PAYMENT_CONFLICT] = "conflict",
                                                            [PAYMENT_UNKNOWN_PRODUCT] = "unknown_product",
                                                            [PAYMENT_TOO_MANY] = "too_many"};

/* Its place among NAMES, or COUNT. */
static size_t place_of(const char *const *names, size_t count, const char *name) {
  size_t i = 0;
  while (i < count && strcmp(names[i], name) != 0) i++;
  return i;
}

const char *payment_event_name(enum payment_event event) { return event_names[event]; }

const char *payment_outcome_name(enum payment_outcome outcome) { return outcome_names[outcome]; }

int payment_read(const cJSON *json, struct payment *ret) {
  size_t event = place_of(event_names, PAYMENT_EVENTS, json_string(json, "event", ""));
  if (event == PAYMENT_EVENTS) return -1;
  *ret = (struct payment){.event = (enum payment_event)event,
                          .id = json_string(json, "paymentId", ""),
                          .profile = json_string(json, "profileId", ""),
                          .product = json_string(json, "productId", NULL),
                          .plan = json_string(json, "plan", NULL),
                          .expires_at = json_string(json, "expiresAt", NULL),
                          .quantity = json_int(json, "quantity", 1),
                          .amount = json_int(json, "amount", 0)};
  return 0;
}

void payment_query(struct payment_call *call, const struct payment *payment, const char *body_sha256) {
  (void)snprintf(call->quantity, sizeof call->quantity, "%" PRId64, payment->quantity);
  (void)snprintf(call->amount, sizeof call->amount, "%" PRId64, payment->amount);
  const char *values[] = {event_names[payment->event],           payment->id,   payment->profile,    payment->product, call->quantity,
                          payment->amount ? call->amount : NULL, payment->plan, payment->expires_at, body_sha256};
  call->query.statement = STATEMENT_COLLABPAY_APPLY;
  for (unsigned i = 0; i < ELEMENTS(values); i++) db_parameter(&call->query, i, values[i]);
}

int payment_outcome(const PGresult *result, enum payment_outcome *ret, struct error *error) {
  const char *text = db_rows(result) == 1 ? db_text(result, 0, 0) : NULL;
  size_t outcome = text ? place_of(outcome_names, PAYMENT_OUTCOMES, text) : PAYMENT_OUTCOMES;
  if (outcome == PAYMENT_OUTCOMES) return error_set(error, ERROR_BUG, "collabpay_apply gave a result that is not known");
  *ret = (enum payment_outcome)outcome;
  return 0;
}
