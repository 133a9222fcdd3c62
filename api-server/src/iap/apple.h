/* What one worker needs to believe the App Store and to ask it.
 *
 *     struct apple_transaction t;
 *     _cleanup_(json_freep) cJSON *payload = NULL;
 *     if (apple_transaction_verify(apple, text, &payload, &t, error) < 0) ...     // t borrows from payload
 *
 * Texts are believed when their certificates lead to Apple Root CA - G3 (or, outside production, to those of APPLE_ROOT_CA_FILE), and are for
 * APPLE_BUNDLE_ID. ERROR_FORBIDDEN with cause 401: not signed by the App Store; without it: for another app.
 */
#pragma once

#include "crypto/uuid.h"
#include "iap/apple_api.h"
#include "iap/apple_payload.h"
#include "observe/metrics.h"

struct x5c;

struct apple {
  const struct settings *settings;
  struct apple_identity us;
  struct metrics *metrics;
  struct x5c *x5c;
  struct apple_api api;
};

/* CLIENT and METRICS are borrowed; NULL: to check the settings alone. ERROR_INVALID where APPLE_PRIVATE_KEY or APPLE_ROOT_CA_FILE is malformed. */
int apple_init(struct apple *apple, const struct settings *settings, struct http_client *client, struct metrics *metrics,
               struct error *error) _must_check_;
void apple_done(struct apple *apple); /* accepts one that is zeroed */

/* A signed text of any kind. The caller owns the payload. */
int apple_verify(struct apple *apple, const char *text, cJSON **ret_payload, struct error *error) _must_check_;
int apple_transaction_verify(struct apple *apple, const char *text, cJSON **ret_payload, struct apple_transaction *ret,
                             struct error *error) _must_check_;

/* The appAccountToken that apps of ours set for a profile: UUID version 5 of its id in the namespace 65ee5d5a-1236-5bda-bd21-12306a2a9a51 (which is
 * version 5 of "api.supernova.com" in the namespace of DNS names). "user-123" has af73a6d6-9df1-5213-9d2b-c0a55d32dbb1. -1 without memory. */
int apple_account(const char *profile, char to[UUID_SIZE]) _must_check_;
