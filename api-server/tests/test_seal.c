#include "auth/seal.h"

#include "codec/base64.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { NOW_S = 1700000000 };

struct fixture {
  struct settings settings;
  struct metrics *metrics;
  struct secrets secrets;
  struct arena *arena;
  struct buffer text;
};

static void begin(struct fixture *f) {
  *f = (struct fixture){.settings = {.auth_issuer = "me",
                                     .auth_audience = "you",
                                     .app_jwt_secret = {.current = "app jwt secret"},
                                     .session_secret = {.current = "session secret"}}};
  f->metrics = metrics_new(1, NULL);
  f->arena = arena_new(1 << 16);
  secrets_init(&f->secrets, &f->settings, f->metrics);
  buffer_init(&f->text, 1 << 16);
}

static void end(struct fixture *f) {
  buffer_done(&f->text);
  arena_free(f->arena);
  metrics_free(f->metrics);
}

static struct sealed example(void) {
  struct sealed what = {.sub = "zoë \"x\"", .kid = "k1", .sid = "s", .roles = ROLE_FINANCE, .exp_s = NOW_S + 60, .until_s = NOW_S + 600};
  random_id(what.id);
  return what;
}

static const char *open_as(struct fixture *f, enum seal_kind kind, const char *text, size_t n, int64_t now_s, struct sealed *ret) {
  enum secret_version version;
  const char *why_not = NULL;
  int opened = seal_open(&f->secrets, kind, (struct span){text, n}, now_s, f->arena, ret, &version, &why_not);
  cr_assert_eq(opened, why_not ? -1 : 0);
  return why_not ? why_not : "";
}

Test(seal, gives_back_what_was_sealed) {
  for (enum seal_kind kind = SEAL_SESSION; kind <= SEAL_TICKET; kind++) {
    struct fixture f;
    struct sealed got, what = example();
    begin(&f);
    cr_assert_eq(seal(&f.secrets, kind, NOW_S, &what, &f.text), 0);
    cr_expect_str_eq(open_as(&f, kind, f.text.data, f.text.len, NOW_S, &got), "");
    cr_expect_str_eq(got.id, what.id);
    cr_expect_str_eq(got.sub, what.sub);
    cr_expect_str_eq(got.kid, "k1");
    cr_expect_str_eq(got.sid, "s");
    cr_expect_eq(got.roles, ROLE_FINANCE);
    cr_expect(got.exp_s == what.exp_s && got.until_s == what.until_s);
    cr_expect_str_eq(open_as(&f, kind, f.text.data, f.text.len, NOW_S + 60, &got), "expired");
    cr_expect_str_eq(open_as(&f, kind, f.text.data, f.text.len, 0, &got), "");
    cr_expect_str_neq(open_as(&f, SEAL_TICKET - kind, f.text.data, f.text.len, NOW_S, &got), "", "one kind isn't the other");
    end(&f);
  }
}

Test(seal, every_changed_byte_is_noticed) {
  struct fixture f;
  struct sealed got, what = example();
  begin(&f);
  cr_assert_eq(seal(&f.secrets, SEAL_TICKET, NOW_S, &what, &f.text), 0);
  for (size_t i = 0; i < f.text.len; i++) {
    f.text.data[i] ^= 1;
    cr_expect_str_neq(open_as(&f, SEAL_TICKET, f.text.data, f.text.len, NOW_S, &got), "", "byte %zu", i);
    f.text.data[i] ^= 1;
  }
  for (size_t n = 0; n < f.text.len; n++) {
    char *cut = malloc(n + 1); /* exactly as long, so that a read beyond it is seen */
    memcpy(cut, f.text.data, n);
    cr_expect_str_neq(open_as(&f, SEAL_TICKET, cut, n, NOW_S, &got), "", "cut at %zu", n);
    free(cut);
  }
  buffer_puts(&f.text, "A");
  cr_expect_str_neq(open_as(&f, SEAL_TICKET, f.text.data, f.text.len, NOW_S, &got), "");
  end(&f);
}

/* Signed with the right key, and still no ticket of ours. */
Test(seal, right_signatures_over_wrong_claims) {
  static const struct {
    const char *claims, *why_not;
  } cases[] = {
#define ID  "\"jti\":\"00112233445566778899aabbccddeeff\","
#define END "\"exp\":1700000060,\"until\":1700000060}"
      {"{" ID "\"iss\":\"me\",\"aud\":\"you/ticket\",\"sub\":\"u\",\"kid\":\"k\"," END, ""},
      {"{" ID "\"iss\":\"he\",\"aud\":\"you/ticket\",\"sub\":\"u\",\"kid\":\"k\"," END, "wrong_issuer"},
      {"{" ID "\"iss\":\"me\",\"aud\":\"you/session\",\"sub\":\"u\",\"kid\":\"k\"," END, "wrong_audience"},
      {"{" ID "\"iss\":\"me\",\"aud\":\"you\",\"sub\":\"u\",\"kid\":\"k\"," END, "wrong_audience"},
      {"{" ID "\"iss\":\"me\",\"aud\":\"you/ticket\",\"sub\":\"\",\"kid\":\"k\"," END, "wrong_claims"},
      {"{" ID "\"iss\":\"me\",\"aud\":\"you/ticket\",\"sub\":\"u\"," END, "wrong_claims"},
      {"{\"jti\":\"0011'--\",\"iss\":\"me\",\"aud\":\"you/ticket\",\"sub\":\"u\",\"kid\":\"k\"," END, "wrong_claims"},
      {"{" ID "\"iss\":\"me\",\"aud\":\"you/ticket\",\"sub\":\"u\",\"kid\":\"k\",\"exp\":1700000060}", "expired"},
      {"[1]", "wrong_issuer"},
      {"{", "malformed"},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"ticket+jwt\"}";
    struct fixture f;
    struct sealed got;
    unsigned char mac[SHA256_BYTES];
    begin(&f);
    base64url_encode(header, sizeof header - 1, &f.text);
    buffer_puts(&f.text, ".");
    base64url_encode(cases[i].claims, strlen(cases[i].claims), &f.text);
    cr_assert_eq(secret_sign(&f.secrets, SECRET_APP_JWT, SECRET_CURRENT, "ticket", f.text.data, f.text.len, mac), 0);
    buffer_puts(&f.text, ".");
    base64url_encode(mac, sizeof mac, &f.text);
    cr_expect_str_eq(open_as(&f, SEAL_TICKET, f.text.data, f.text.len, NOW_S, &got), cases[i].why_not, "case %zu", i);
    end(&f);
  }
}

Test(seal, what_is_too_long_is_not_sealed) {
  struct fixture f;
  struct sealed what = example();
  char sub[SEAL_MAX_BYTES];
  begin(&f);
  memset(sub, 'x', sizeof sub);
  sub[sizeof sub - 1] = 0;
  what.sub = sub;
  cr_expect_eq(seal(&f.secrets, SEAL_SESSION, NOW_S, &what, &f.text), -1);
  sub[257] = 0;
  buffer_clear(&f.text);
  cr_expect_eq(seal(&f.secrets, SEAL_SESSION, NOW_S, &what, &f.text), 0, "the longest subject that we mint");
  f.settings.session_secret.current = NULL;
  cr_expect_eq(seal(&f.secrets, SEAL_SESSION, NOW_S, &what, &f.text), -1);
  end(&f);
}
