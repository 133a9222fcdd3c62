/* What the App Store says, once its signature is known to be right: transactions, renewal information and notifications, as structs.
 *
 *     struct apple_identity us = {.bundle_id = "com.example.app", .app_id = 1234567890};
 *     struct apple_transaction t;
 *     if (apple_transaction_read(payload, &us, &t, error) < 0) ...
 *         ERROR_INVALID: a member is missing or wrong; ERROR_FORBIDDEN: it is for another app, or was not made by the App Store
 *
 * Pure: no clock, no I/O. Texts are borrowed from the payload. Members that are not known are ignored.
 * Sources: App Store Server API, JWSTransactionDecodedPayload and JWSRenewalInfoDecodedPayload; App Store Server Notifications,
 * responseBodyV2DecodedPayload.
 */
#pragma once

#include "codec/json.h"

/* Who we are to the App Store. */
struct apple_identity {
  const char *bundle_id;
  int64_t app_id; /* appAppleId; 0: not known */
};

enum apple_type { APPLE_CONSUMABLE, APPLE_NON_CONSUMABLE, APPLE_SUBSCRIPTION };

/* Times are milliseconds since 1970; 0: none. */
struct apple_transaction {
  enum apple_type type;
  const char *environment; /* "production", "sandbox" */
  const char *token; /* what stays the same for the life of the purchase: of a consumable its own id, else the original one, which renewals
                              and restored purchases share */
  const char *id, *product_id;
  const char *account; /* appAccountToken, or NULL */
  int64_t signed_ms, purchased_ms;
  int64_t expires_ms; /* of a subscription */
  int64_t revoked_ms;
  int quantity;
  int revoked_quantity; /* all of it, unless a part was refunded: as much of it as is whole */
  bool upgraded;        /* another subscription has taken this one's place */
};
int apple_transaction_read(const cJSON *payload, const struct apple_identity *us, struct apple_transaction *ret,
                           struct error *error) _must_check_;

/* It has neither bundle nor app: it belongs to the transaction that came beside it. */
struct apple_renewal {
  const char *environment, *token;
  bool renews;
  int64_t grace_until_ms; /* 0: none */
};
int apple_renewal_read(const cJSON *payload, struct apple_renewal *ret, struct error *error) _must_check_;

/* data.status: of a subscription, when the notification was signed. */
enum apple_status { APPLE_STATUS_NONE, APPLE_ACTIVE, APPLE_EXPIRED, APPLE_RETRY, APPLE_GRACE, APPLE_REVOKED };

struct apple_notification {
  const char *id, *type, *subtype;   /* subtype: "" where there is none */
  const char *environment;           /* NULL: it is about no purchase */
  const char *transaction, *renewal; /* texts that are signed by themselves, or NULL */
  enum apple_status status;
  int64_t signed_ms;
};

/* In production the app must be ours by its number too; where that isn't known: ERROR_TERMINAL. */
int apple_notification_read(const cJSON *payload, const struct apple_identity *us, struct apple_notification *ret,
                            struct error *error) _must_check_;

/* The decimal digits that Apple's ids are, 1 to 64 of them. */
bool apple_is_id(const char *text);
