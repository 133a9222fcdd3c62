/* What the App Store's statements make of a purchase. Pure.
 *
 * A transaction is about one period of a subscription, whenever it was signed; a notification is about the purchase as a whole when it was
 * signed. So a transaction alone (which a client may bring again years later) counts as if it had been told at the purchase, and tells of a
 * period that is known nothing but that it was taken back; and of two statements the one about the later period counts, of one period the one
 * that was told later (migrations: apple_apply). Whatever order they come in, and however often, the end is the same.
 *
 * What each notification does:
 *
 *   SUBSCRIBED, DID_RENEW, OFFER_REDEEMED        active until expiresDate
 *   ONE_TIME_CHARGE                              bought
 *   DID_CHANGE_RENEWAL_PREF, _STATUS, PRICE_INCREASE, RENEWAL_EXTENDED, REFUND_DECLINED
 *                                                as data.status says: active, cancelled where it won't renew, until expiresDate; an upgrade
 *                                                is a new period of another product, a downgrade comes with the next one
 *   DID_FAIL_TO_RENEW                            hold; with GRACE_PERIOD: grace until gracePeriodExpiresDate
 *   GRACE_PERIOD_EXPIRED                         hold; both once the paid period is over
 *   EXPIRED                                      expired
 *   REFUND, REVOKE                               refunded: coins are taken back, what is spent becomes debt; the plan ends
 *   REFUND_REVERSED                              what was refunded is given again
 *   CONSUMPTION_REQUEST, TEST, RENEWAL_EXTENSION, EXTERNAL_PURCHASE_TOKEN, RESCIND_CONSENT, METADATA_UPDATE, MIGRATION, PRICE_CHANGE,
 *   and whatever is not known                    noted
 *
 * Source: App Store Server Notifications, notificationType and subtype.
 */
#pragma once

#include "iap/apple_payload.h"
#include "iap/purchase.h"

struct apple_rule {
  const char *type, *subtype; /* subtype NULL: any */
  enum apple_rule_effect {
    APPLE_NOTED,     /* nothing */
    APPLE_BY_STATUS, /* the state is what data.status says */
    APPLE_BY_TYPE,   /* `state` */
    APPLE_REVERSED,  /* as BY_STATUS, and what was refunded is so no more */
  } effect;
  enum purchase_state state;
};

/* Never NULL: what is not known is noted. */
const struct apple_rule *apple_rule_find(const char *type, const char *subtype);

/* A transaction alone, at the time NOW_MS. */
struct purchase apple_purchase(const struct apple_transaction *transaction, int64_t now_ms);

/* A notification that is not only noted, with what came in it; RENEWAL may be NULL. */
struct purchase apple_purchase_notified(const struct apple_notification *notification, const struct apple_rule *rule,
                                        const struct apple_transaction *transaction, const struct apple_renewal *renewal);
