#include "auth/session.h"

#include <inttypes.h>
#include <string.h>

#define COOKIE "__Host-session"

struct span session_cookie(struct span field) {
  struct span found = {0};
  while (field.at) {
    struct span value = span_trim(span_cut(&field, ';')), name = span_cut(&value, '=');
    if (!value.at || !span_equal(name, SPAN(COOKIE))) continue;
    if (found.at) return (struct span){0};
    found = value;
  }
  return found;
}

void session_set_cookie(struct buffer *to, const char *value, int64_t max_age_s) {
  buffer_printf(to, COOKIE "=%s; Max-Age=%" PRId64 "; Path=/; Secure; HttpOnly; SameSite=Strict", value, max_age_s);
}

int session_csrf(const struct secrets *secrets, enum secret_version version, const char *sid, char to[SESSION_CSRF_SIZE]) {
  unsigned char mac[SHA256_BYTES];
  if (secret_sign(secrets, SECRET_SESSION, version, "csrf", sid, strlen(sid), mac) < 0) return -1;
  digest_hex(mac, to);
  return 0;
}

bool session_csrf_matches(const struct secrets *secrets, enum secret_version version, const char *sid, struct span given) {
  char expected[SESSION_CSRF_SIZE];
  if (session_csrf(secrets, version, sid, expected) < 0) return false;
  return secret_equal(given.at ? given.at : "", given.len, expected, strlen(expected));
}
