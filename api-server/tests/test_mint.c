#include "auth/mint.h"

#include "crypto/jwt.h"
#include "support_ring.h"

#include <criterion/criterion.h>
#include <string.h>

enum { NOW_S = 1700000000 };

static int verify(const struct keyring *ring, const struct buffer *token, int64_t now_s, struct jwt_claims *ret) {
  struct jwt_rules rules = {.keys = ring->keys, .issuer = "me", .audience = "you", .now_s = now_s};
  return jwt_verify(&rules, token->data, token->len, ret, NULL, NULL);
}

Test(mint, what_a_token_says) {
  _cleanup_(keyring_freep) struct keyring *ring = support_ring("k1");
  _cleanup_(json_freep) cJSON *roles = cJSON_Parse("[\"admin\",\"other\"]"), *extra = cJSON_Parse("{\"team\":{\"a\":[1]}}");
  _cleanup_(jwt_claims_done) struct jwt_claims claims = {0};
  _cleanup_buffer_ struct buffer token;
  int64_t exp_s;
  buffer_init(&token, 1 << 16);
  struct mint_wish wish = {.sub = "zoë", .roles = roles, .extra = extra, .ttl_s = 60};
  cr_assert_eq(mint(ring, "me", "you", NOW_S, &wish, &token, &exp_s, NULL), 0);
  cr_expect_eq(exp_s, NOW_S + 60);
  cr_assert_eq(verify(ring, &token, NOW_S, &claims), 0);
  cr_expect_str_eq(claims.sub, "zoë");
  cr_expect_str_eq(claims.kid, "k1");
  cr_expect_eq(claims.exp_s, exp_s);
  cr_expect(jwt_has_role(&claims, "admin") && jwt_has_role(&claims, "other"));
  cr_expect_eq(json_int(claims.claims, "iat", 0), NOW_S);
  cr_expect_eq(strlen(json_string(claims.claims, "jti", "")), 32);
  cr_expect(json_equal(json_get(claims.claims, "team"), cJSON_GetObjectItemCaseSensitive(extra, "team")));
  struct jwt_claims late = {0};
  cr_expect_eq(verify(ring, &token, NOW_S + 60, &late), -1, "it has ended");
}

Test(mint, no_two_are_alike) {
  _cleanup_(keyring_freep) struct keyring *ring = support_ring("k1");
  _cleanup_buffer_ struct buffer one, other;
  int64_t exp_s;
  struct mint_wish wish = {.sub = "u", .ttl_s = 60};
  buffer_init(&one, 1 << 16);
  buffer_init(&other, 1 << 16);
  cr_assert_eq(mint(ring, "me", "you", NOW_S, &wish, &one, &exp_s, NULL), 0);
  cr_assert_eq(mint(ring, "me", "you", NOW_S, &wish, &other, &exp_s, NULL), 0);
  cr_expect_str_neq(buffer_text(&one), buffer_text(&other));
  _cleanup_(jwt_claims_done) struct jwt_claims claims = {0};
  cr_assert_eq(verify(ring, &one, NOW_S, &claims), 0);
  cr_expect(cJSON_IsArray(claims.roles) && cJSON_GetArraySize(claims.roles) == 0, "without roles the list is empty");
}

Test(mint, what_is_too_large_is_told) {
  _cleanup_(keyring_freep) struct keyring *ring = support_ring("k1");
  _cleanup_(json_freep) cJSON *extra = cJSON_CreateObject();
  _cleanup_buffer_ struct buffer token;
  struct error error = {0};
  int64_t exp_s;
  char text[JWT_MAX_BYTES];
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = 0;
  cr_assert(cJSON_AddStringToObject(extra, "note", text));
  buffer_init(&token, 1 << 20);
  cr_expect_eq(mint(ring, "me", "you", NOW_S, &(struct mint_wish){.sub = "u", .extra = extra, .ttl_s = 60}, &token, &exp_s, &error), -1);
  cr_expect_eq(error.kind, ERROR_INVALID);
  cr_expect_not_null(strstr(error.message, "too large"), "%s", error.message);
}

Test(mint, reserved_claims) {
  static const char *const reserved[] = {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "roles"}, *const others[] = {"", "Iss", "is",
                                                                                                                       "team", "issx"};
  for (size_t i = 0; i < ELEMENTS(reserved); i++) cr_expect(mint_is_reserved(reserved[i]), "%s", reserved[i]);
  for (size_t i = 0; i < ELEMENTS(others); i++) cr_expect_not(mint_is_reserved(others[i]), "%s", others[i]);
}
