#include "auth/resume.h"

#include "base/number.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Half of the digest: nobody guesses 64 bits within the life of a ticket, and the id goes with each event. */
enum { MAC_BYTES = 8, SIGNED_SIZE = 512 };

/* The ticket's id has no space in it. */
static size_t signed_text(const char *ticket, const char *sub, int64_t position, int64_t until_s, char to[SIGNED_SIZE]) {
  int n = snprintf(to, SIGNED_SIZE, "%" PRId64 " %" PRId64 " %s %s", position, until_s, ticket, sub);
  return n < SIGNED_SIZE ? (size_t)n : 0;
}

static int mac_of(const struct secrets *secrets, enum secret_version version, const char *text, size_t n, char to[2 * MAC_BYTES + 1]) {
  unsigned char mac[SHA256_BYTES];
  char hex[SHA256_HEX_SIZE];
  if (!n || secret_sign(secrets, SECRET_APP_JWT, version, "live", text, n, mac) < 0) return -1;
  digest_hex(mac, hex);
  memcpy(to, hex, 2 * MAC_BYTES);
  to[2 * MAC_BYTES] = 0;
  return 0;
}

void resume_print(const struct secrets *secrets, const char *ticket, const char *sub, int64_t position, int64_t until_s,
                  char to[RESUME_SIZE]) {
  char text[SIGNED_SIZE], mac[2 * MAC_BYTES + 1];
  size_t n = signed_text(ticket, sub, position, until_s, text);
  if (mac_of(secrets, SECRET_CURRENT, text, n, mac) < 0) memcpy(mac, "-", 2);
  (void)snprintf(to, RESUME_SIZE, "%" PRId64 ".%" PRId64 ".%s", position, until_s, mac);
}

bool resume_read(const struct secrets *secrets, struct span text, const char *ticket, const char *sub, int64_t *ret_position,
                 int64_t *ret_until_s) {
  char made[SIGNED_SIZE], mac[2 * MAC_BYTES + 1];
  int64_t position, until_s;
  struct span rest = text, first = span_cut(&rest, '.'), second = span_cut(&rest, '.');
  if (!rest.at || rest.len != 2 * MAC_BYTES) return false;
  if (parse_int64_n(first.at, first.len, 0, INT64_MAX, &position) < 0) return false;
  if (parse_int64_n(second.at, second.len, 0, INT64_MAX, &until_s) < 0) return false;
  size_t n = signed_text(ticket, sub, position, until_s, made);
  bool known = false;
  for (enum secret_version version = SECRET_CURRENT; version < SECRET_VERSIONS; version++)
    known |= mac_of(secrets, version, made, n, mac) == 0 && secret_equal(rest.at, rest.len, mac, 2 * MAC_BYTES);
  if (known) *ret_position = position, *ret_until_s = until_s;
  return known;
}
