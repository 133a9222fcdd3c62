/* Session cookies and tickets: the bytes are a Cookie field, a sealed text, what is sealed rightly (so that the claims are read, too), and how long
 * a foreign key set says that it may be used. What is opened is whole, and what was opened can be sealed and opened again.
 */
#include "auth/foreign_keys.h"
#include "auth/session.h"
#include "codec/base64.h"
#include "testing/fuzz.h"

#include <string.h>

enum { NOW_S = 1700000000 };

static const struct settings settings = {
    .auth_issuer = "me",
    .auth_audience = "you",
    .app_jwt_secret = {.current = "the secret of tickets"},
    .session_secret = {.current = "the secret of sessions", .previous = "the one before", .next = "the one after"}};
static const struct secrets secrets = {.settings = &settings};

static bool open_seal(enum seal_kind kind, struct span text, struct arena *arena, struct sealed *ret) {
  enum secret_version version = SECRET_UNKNOWN;
  const char *why_not = NULL;
  if (seal_open(&secrets, kind, text, NOW_S, arena, ret, &version, &why_not) < 0) {
    demand(why_not && *why_not);
    return false;
  }
  demand(version != SECRET_UNKNOWN && text.len <= SEAL_MAX_BYTES);
  demand(strlen(ret->id) == SEAL_ID_SIZE - 1 && *ret->sub && *ret->kid && ret->exp_s > NOW_S && ret->until_s > NOW_S);
  demand(!(ret->roles & ~(unsigned)(ROLE_ADMIN | ROLE_FINANCE)));
  return true;
}

static void check_again(enum seal_kind kind, const struct sealed *what, struct arena *arena) {
  _cleanup_buffer_ struct buffer text;
  struct sealed again, other;
  buffer_init(&text, 2 * SEAL_MAX_BYTES);
  if (seal(&secrets, kind, NOW_S, what, &text) < 0) return;
  demand(open_seal(kind, (struct span){text.data, text.len}, arena, &again));
  demand(!strcmp(again.id, what->id) && !strcmp(again.sub, what->sub) && !strcmp(again.kid, what->kid) && again.roles == what->roles);
  demand(!again.sid == !what->sid && again.exp_s == what->exp_s && again.until_s == what->until_s);
  demand(!open_seal(kind == SEAL_TICKET ? SEAL_SESSION : SEAL_TICKET, (struct span){text.data, text.len}, arena, &other));
}

static void check_claims(const uint8_t *data, size_t n, struct arena *arena) {
  static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"ticket+jwt\"}";
  unsigned char mac[SHA256_BYTES];
  struct sealed sealed;
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, 2 * SEAL_MAX_BYTES);
  base64url_encode(header, sizeof header - 1, &text);
  buffer_puts(&text, ".");
  base64url_encode(data, n, &text);
  demand(!text.failed && secret_sign(&secrets, SECRET_APP_JWT, SECRET_CURRENT, "ticket", text.data, text.len, mac) == 0);
  buffer_puts(&text, ".");
  base64url_encode(mac, sizeof mac, &text);
  if (open_seal(SEAL_TICKET, (struct span){text.data, text.len}, arena, &sealed)) check_again(SEAL_TICKET, &sealed, arena);
}

static void check_text(struct span field, struct arena *arena) {
  struct sealed sealed;
  struct span cookie = session_cookie(field);
  demand(!cookie.at || (cookie.at > field.at && cookie.at + cookie.len <= field.at + field.len));
  (void)open_seal(SEAL_SESSION, cookie, arena, &sealed);
  (void)open_seal(SEAL_SESSION, field, arena, &sealed);
  (void)open_seal(SEAL_TICKET, field, arena, &sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  if (n > SEAL_MAX_BYTES) return 0;
  _cleanup_(arena_freep) struct arena *arena = arena_new(1 << 20);
  demand(arena);
  char *text = fuzz_text(data, n);
  int64_t age_s = foreign_keys_age_s(text);
  demand(age_s >= 30 && age_s <= 3600);
  free(text);
  check_text((struct span){(const char *)data, n}, arena);
  check_claims(data, n, arena);
  return 0;
}
