/* Receipts: what a profile owns, signed, so that whoever has our public keys can verify it offline.
 *
 * A JWT with typ entitlement-receipt+jwt and the audience <AUTH_AUDIENCE>/receipt: both keep it from ever being taken for a token. It ends after an
 * hour, or when the subscription that it shows ends, whichever is first. Claims: iss, aud, sub (the profile), iat, exp, jti, `entitlements` as
 * GET /api/entitlements/:profileId tells them, and `ledger` with the seq and head of the profile's newest ledger row:
 *
 *     {"sub":"u-1","aud":"supernova-api/receipt","iat":1760908689,"exp":1760912289, …,
 *      "entitlements":{"coins":500,"debt":0,"subscription":null},"ledger":{"seq":1,"head":"ae6d…"}}
 */
#pragma once

#include "base/arena.h"
#include "crypto/keyring.h"
#include "settings/settings.h"
#include "store/entitlements.h"

enum { RECEIPT_TTL_S = 3600 };

/* Appends it. */
int receipt_sign(const struct keyring *ring, const struct settings *settings, const char *profile, const struct entitlements *owned,
                 int64_t now_s, struct buffer *to, struct error *error) _must_check_;

/* Its weak entity tag: the same while it says the same, is signed with the same key, and one that was got with it has half of RECEIPT_TTL_S to
 * live, or shows a subscription that ends earlier. NULL without memory. */
const char *receipt_etag(struct arena *arena, const struct keyring *ring, const struct entitlements *owned, int64_t now_s);
