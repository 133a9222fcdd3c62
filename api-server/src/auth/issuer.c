#include "auth/issuer.h"

#include "crypto/digest.h"

#include <string.h>

static bool matches(const char *secret, struct span given) {
  return secret_equal(given.at ? given.at : "", given.len, secret ? secret : "", secret ? strlen(secret) : 0);
}

enum issuer_match issuer_check(const struct settings *settings, struct span given) {
  bool current = matches(settings->issuer_admin_secret, given), previous = matches(settings->issuer_admin_secret_previous, given);
  return current ? ISSUER_CURRENT : previous ? ISSUER_PREVIOUS : ISSUER_UNKNOWN;
}
