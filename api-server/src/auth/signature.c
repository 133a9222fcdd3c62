#include "auth/signature.h"

#include "base/number.h"
#include "http/bytes.h"

#include <string.h>

#define TIMESTAMP_MAX INT64_C(253402300799) /* the end of the year 9999 */

static int read_mac(struct span text, unsigned char to[SHA256_BYTES]) {
  if (text.len != 2 * SHA256_BYTES) return -1;
  for (size_t i = 0; i < SHA256_BYTES; i++) {
    int high = byte_hex(text.at[2 * i]), low = byte_hex(text.at[2 * i + 1]);
    if (high < 0 || low < 0) return -1;
    to[i] = (unsigned char)(high << 4 | low);
  }
  return 0;
}

/* "TIMESTAMP.BODY", as it was sent. */
static struct span signed_text(struct span timestamp, struct span body, struct arena *arena) {
  size_t n = timestamp.len + 1 + body.len;
  char *text = arena_alloc(arena, n);
  if (!text) return (struct span){0};
  memcpy(text, timestamp.at, timestamp.len);
  text[timestamp.len] = '.';
  if (body.len) memcpy(text + timestamp.len + 1, body.at, body.len);
  return (struct span){text, n};
}

enum signature signature_check(const struct secrets *secrets, struct span timestamp, struct span mac, struct span body, int64_t now_s,
                               struct arena *arena) {
  unsigned char digest[SHA256_BYTES];
  int64_t at_s;
  if (!timestamp.at || !mac.at) return SIGNATURE_MISSING;
  if (read_mac(mac, digest) < 0 || parse_int64_n(timestamp.at, timestamp.len, 0, TIMESTAMP_MAX, &at_s) < 0) return SIGNATURE_WRONG;
  struct span text = signed_text(timestamp, body, arena);
  if (!text.at || secret_verify(secrets, SECRET_COLLAB_PAY_WEBHOOK, NULL, text.at, text.len, digest) == SECRET_UNKNOWN)
    return SIGNATURE_WRONG;
  return at_s < now_s - SIGNATURE_SKEW_S || at_s > now_s + SIGNATURE_SKEW_S ? SIGNATURE_LATE : SIGNATURE_GOOD;
}

const char *signature_sentence(enum signature signature) {
  switch (signature) {
    case SIGNATURE_MISSING: return "The fields x-collab-timestamp and x-collab-signature are required.";
    case SIGNATURE_WRONG: return "The signature is not one of this timestamp and body.";
    case SIGNATURE_LATE: return "The timestamp is more than 300 s from this server's time.";
    case SIGNATURE_GOOD: break;
  }
  return NULL;
}
