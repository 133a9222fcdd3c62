/* Who signs what it sends: CollabPay's webhooks.
 *
 *     x-collab-timestamp: 1767225600
 *     x-collab-signature: <hex of HMAC-SHA256(COLLAB_PAY_WEBHOOK_SECRET, "1767225600." + body)>
 *
 * The timestamp (seconds since 1970) may lie SIGNATURE_SKEW_S from now in either direction, so that what was overheard can't be sent again for
 * long; within that time what it names takes effect once (store/payment.h). That it is late is only told to who has signed it.
 */
#pragma once

#include "auth/secrets.h"
#include "base/arena.h"

enum { SIGNATURE_SKEW_S = 300 };

enum signature { SIGNATURE_MISSING, SIGNATURE_WRONG, SIGNATURE_LATE, SIGNATURE_GOOD };

enum signature signature_check(const struct secrets *secrets, struct span timestamp, struct span mac, struct span body, int64_t now_s,
                               struct arena *arena);

/* What the client is told of each but GOOD. */
const char *signature_sentence(enum signature signature);
