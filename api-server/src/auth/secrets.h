/* Secrets that are rotated: one is in force, and beside it the one before and the one after are accepted.
 *
 * The version in force signs; every version verifies, so that pods which have seen a rotation and pods which haven't yet accept each other's
 * work. Each use of the previous version is counted (supernova_secret_previous_used_total{key}): while that counts up, it must not be removed.
 * Everything is compared in constant time, and with all versions whatever the first one says.
 *
 *     if (secret_matches(secrets, SECRET_ISSUER_ADMIN, header) == SECRET_UNKNOWN) ...          who sends the secret itself
 *     if (secret_verify(secrets, SECRET_COLLAB_PAY_WEBHOOK, NULL, text, n, mac) == SECRET_UNKNOWN) ...       who signs with it
 *     secret_sign(secrets, SECRET_SESSION, SECRET_CURRENT, "session", text, n, mac);                 a key of its own for each use
 *
 * With a LABEL the HMAC's key isn't the secret but HMAC-SHA256(secret, label): what is signed for one purpose says nothing for another.
 */
#pragma once

#include "crypto/digest.h"
#include "http/span.h"
#include "observe/metrics.h"
#include "settings/settings.h"

enum secret { SECRET_NONE, SECRET_ISSUER_ADMIN, SECRET_APP_JWT, SECRET_SESSION, SECRET_COLLAB_PAY_WEBHOOK, SECRETS };
enum secret_version { SECRET_UNKNOWN, SECRET_CURRENT, SECRET_PREVIOUS, SECRET_NEXT, SECRET_VERSIONS };

struct secrets {
  const struct settings *settings;
  struct series *previous_used[SECRETS];
};

/* Borrows both. The counters of the secrets that have a previous version stand at 0 from then on, and the metrics tell since when each version is
 * in use here. */
void secrets_init(struct secrets *secrets, const struct settings *settings, struct metrics *metrics);

/* "SESSION_SECRET". */
const char *secret_setting(enum secret secret);
bool secret_is_set(const struct secrets *secrets, enum secret secret);

/* Which version GIVEN is. Nothing given is unknown, and so is everything where no version is set. */
enum secret_version secret_matches(const struct secrets *secrets, enum secret secret, struct span given);

/* Which version has made MAC, an HMAC-SHA256 over the bytes. */
enum secret_version secret_verify(const struct secrets *secrets, enum secret secret, const char *label, const void *bytes, size_t n,
                                  const unsigned char mac[SHA256_BYTES]);

/* -1 where that version isn't set, or without memory. */
int secret_sign(const struct secrets *secrets, enum secret secret, enum secret_version version, const char *label, const void *bytes,
                size_t n, unsigned char to[SHA256_BYTES]) _must_check_;
