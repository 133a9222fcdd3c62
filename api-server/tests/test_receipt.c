#include "routes/receipt.h"

#include "codec/base64.h"
#include "crypto/jwt.h"
#include "support_ring.h"

#include <criterion/criterion.h>
#include <string.h>

enum { NOW_S = 1800000000 };

static struct keyring *ring;
static const struct settings settings = {.auth_issuer = "https://issuer", .auth_audience = "api"};

static void setup(void) { ring = support_ring("k1"); }

static void teardown(void) { keyring_free(ring); }

TestSuite(receipt, .init = setup, .fini = teardown);

static cJSON *payload_of(const struct buffer *token) {
  const char *first = strchr(token->data, '.') + 1;
  struct buffer text;
  cJSON *claims = NULL;
  buffer_init(&text, JWT_MAX_BYTES);
  cr_assert_eq(base64url_decode(first, (size_t)(strchr(first, '.') - first), &text), 0);
  cr_assert_eq(json_parse(text.data, text.len, &json_limits_request, &claims, NULL), 0);
  buffer_done(&text);
  return claims;
}

/* 1800000000 is 2027-01-15T08:00:00Z. */
Test(receipt, it_ends_within_an_hour_or_with_the_subscription) {
  static const struct {
    const char *plan, *expires_at;
    bool active;
    int64_t lives_s;
  } cases[] = {
      {NULL, NULL, false, 3600},
      {"gold", NULL, true, 3600},
      {"gold", "2027-01-15T09:30:00.000Z", true, 3600},
      {"gold", "2027-01-15T08:10:00.999Z", true, 600},
      {"gold", "2027-01-15T07:10:00.000Z", false, 3600},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct entitlements owned = {.coins = INT64_C(9007199254740991),
                                 .seq = 7,
                                 .plan = cases[i].plan,
                                 .expires_at = cases[i].expires_at,
                                 .active = cases[i].active,
                                 .head = "ab"};
    struct buffer token;
    buffer_init(&token, JWT_MAX_BYTES);
    cr_assert_eq(receipt_sign(ring, &settings, "u\"1", &owned, NOW_S, &token, NULL), 0);
    cJSON *claims = payload_of(&token);
    cr_expect_eq(json_int(claims, "exp", 0), NOW_S + cases[i].lives_s, "case %zu", i);
    cr_expect_eq(json_int(claims, "iat", 0), NOW_S);
    cr_expect_eq(json_int(claims, "entitlements.coins", 0), INT64_C(9007199254740991));
    cr_expect_eq(json_int(claims, "ledger.seq", 0), 7);
    cr_expect_str_eq(json_string(claims, "ledger.head", ""), "ab");
    cr_expect_str_eq(json_string(claims, "sub", ""), "u\"1");
    cr_expect_str_eq(json_string(claims, "aud", ""), "api/receipt");
    cJSON_Delete(claims);

    /* and it is no token, whatever audience is asked for */
    struct jwt_rules rules = {.keys = ring->keys, .issuer = "https://issuer", .now_s = NOW_S, .skew_s = 60};
    struct jwt_claims none = {0};
    enum jwt_refusal refusal;
    cr_expect_eq(jwt_verify(&rules, token.data, token.len, &none, &refusal, NULL), -1);
    cr_expect_eq(refusal, JWT_REFUSED_HEADER);
    buffer_done(&token);
  }
}

Test(receipt, its_tag_changes_with_what_it_says_the_key_and_the_half_hour) {
  struct arena *arena = arena_new(1 << 16);
  struct entitlements owned = {.seq = 7, .active = true, .head = ""}, later = {.seq = 8, .active = true, .head = ""},
                      ended = {.seq = 7, .head = ""};
  const char *tag = receipt_etag(arena, ring, &owned, NOW_S);
  cr_expect(strncmp(tag, "W/\"", 3) == 0 && tag[strlen(tag) - 1] == '"', "%s", tag);
  cr_expect_str_eq(receipt_etag(arena, ring, &owned, NOW_S + 1799), tag);
  cr_expect_str_neq(receipt_etag(arena, ring, &owned, NOW_S + 1800), tag);
  cr_expect_str_neq(receipt_etag(arena, ring, &later, NOW_S), tag);
  cr_expect_str_neq(receipt_etag(arena, ring, &ended, NOW_S), tag);
  strcpy(ring->signing_kid, "k2");
  cr_expect_str_neq(receipt_etag(arena, ring, &owned, NOW_S), tag);
  arena_free(arena);
}
