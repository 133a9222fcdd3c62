/* Calls of Google's publisher API (androidpublisher v3), each with an access token and a bounded time.
 *
 *     google_get_purchase(google, &me->call, PURCHASE_SUBSCRIPTION, "pro_monthly", token, on_answer, &error);
 *     static void on_answer(struct google_call *call, const cJSON *json, const struct error *error) { … }
 *
 * Errors of an answer: ERROR_RETRY (away, slow, throttled, answers nonsense, or doesn't let us in, which people must mend; `cause` is the
 * status where there was one), ERROR_NOT_FOUND (400, 404, 410: Google doesn't know such a purchase), ERROR_CONFLICT (409, 412: another
 * change is under way). They say nothing of the purchase's token.
 */
#pragma once

#include "iap/google_purchase.h"
#include "iap/google_token.h"

struct google {
  const struct settings *settings;
  struct http_client *client;
  struct google_tokens tokens;
  unsigned calls;
};

/* Embedded in what waits for it. */
struct google_call {
  /* JSON (borrowed; NULL where the answer has no body) or ERROR. */
  void (*done)(struct google_call *call, const cJSON *json, const struct error *error);
  const char *traceparent; /* as of store_request; borrowed until `done` */

  /* its own */
  struct google *google; /* NULL: not under way */
  struct google_token_wait wait;
  struct http_transfer *transfer;
  bool changes; /* it is a POST */
  char *url;
  unsigned token_number; /* with which it was sent */
  bool renewed;          /* a token was refused once */
};

/* CLIENT is borrowed. ERROR_INVALID where a setting is malformed. */
int google_init(struct google *google, const struct settings *settings, struct http_client *client, struct error *error) _must_check_;
void google_done(struct google *google); /* accepts one that is zeroed; no call may be under way */

/* Whether GOOGLE_SERVICE_ACCOUNT_KEY is set; without it no call can be made. */
bool google_is_set(const struct google *google);

/* `done` is called exactly once, later, unless these fail or the call is cancelled. PRODUCT_ID may be NULL to get a subscription. */
int google_get_purchase(struct google *google, struct google_call *call, enum purchase_type type, const char *product_id, const char *token,
                        struct error *error) _must_check_;
int google_acknowledge(struct google *google, struct google_call *call, enum purchase_type type, const char *product_id, const char *token,
                       struct error *error) _must_check_;
int google_consume(struct google *google, struct google_call *call, const char *product_id, const char *token,
                   struct error *error) _must_check_;
/* What was taken back since START_MS; PAGE is the nextPageToken of the page before, or NULL. */
int google_list_voided(struct google *google, struct google_call *call, int64_t start_ms, const char *page,
                       struct error *error) _must_check_;

void google_cancel(struct google_call *call); /* fine when not under way */
