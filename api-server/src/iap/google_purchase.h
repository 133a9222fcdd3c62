/* What Google's publisher API and its notifications say, decoded. Pure: reads trees, keeps nothing; everything borrows from the tree.
 *
 * Sources: Google Play Developer API v3, resources purchases.products, purchases.subscriptionsv2 and purchases.voidedpurchases; Google Play
 * Billing, "Real-time developer notifications reference guide". Whole numbers of 64 bits are texts there.
 */
#pragma once

#include "codec/json.h"
#include "iap/purchase.h"

/* What a store may send us: unknown fields and double keys are its own affair. */
extern const struct json_limits google_limits;

/* ERROR_INVALID: not such an answer, or one that makes no sense. ERROR_NOT_FOUND: the purchase is of another product. TOKEN, PRODUCT_ID and
 * OBSERVED_MS are put into RET. A purchase that nobody paid for (testPurchase, purchaseType 0) is of the sandbox. */
int google_product_read(const cJSON *answer, const char *token, const char *product_id, int64_t observed_ms, struct purchase *ret,
                        struct error *error) _must_check_;
/* PRODUCT_ID may be NULL: whichever item ends last. One that is to be exchanged at its end is of the product that it is until then, though asked for by
 * the next one's name. */
int google_subscription_read(const cJSON *answer, const char *token, const char *product_id, int64_t observed_ms, struct purchase *ret,
                             struct error *error) _must_check_;

/* One of `voidedPurchases`. */
struct google_voided {
  const char *token, *order_id;
  bool partial; /* some of the quantity: how much in all, the purchase itself says */
};
int google_voided_read(const cJSON *item, struct google_voided *ret, struct error *error) _must_check_;

enum google_notification_kind { GOOGLE_TEST, GOOGLE_PRODUCT, GOOGLE_SUBSCRIPTION, GOOGLE_VOIDED, GOOGLE_OTHER };

struct google_notification {
  enum google_notification_kind kind;
  const char *package;
  const char *token;      /* but of TEST and OTHER */
  const char *product_id; /* of PRODUCT; of SUBSCRIPTION it may be NULL */
};
int google_notification_read(const cJSON *notification, struct google_notification *ret, struct error *error) _must_check_;
