#include "crypto/jwks.h"

#include "fixture.h"

/* {"keys":[…]} with the public half of the key of RFC 7515 under each KID, MORE members behind it; a NULL kid is left out. */
static void build(struct buffer *to, const char *const *kids, size_t n, const char *more) {
  _cleanup_(rsa_key_freep) struct rsa_key *key = fixture_private("rfc7515.pem");
  buffer_puts(to, "{\"keys\":[");
  for (size_t i = 0; i < n; i++) {
    _cleanup_(json_freep) cJSON *jwk = rsa_key_jwk(key, kids[i] ? kids[i] : "");
    if (!kids[i]) cJSON_DeleteItemFromObjectCaseSensitive(jwk, "kid");
    if (i) buffer_puts(to, ",");
    json_print(jwk, to);
  }
  buffer_puts(to, more);
  buffer_puts(to, "]}");
}

static int parse(const struct buffer *text, struct jwks **ret, struct error *error) {
  return jwks_parse(text->data, text->len, ret, error);
}

Test(jwks, keys_are_found_by_their_kid) {
  static const char *const kids[] = {"1760908689588", "Two", "two"};
  _cleanup_buffer_ struct buffer text = {0};
  _cleanup_(jwks_freep) struct jwks *keys = NULL;
  _cleanup_(rsa_key_freep) struct rsa_key *key = fixture_private("rfc7515.pem");
  buffer_init(&text, 100000);
  build(&text, kids, 3, "");
  cr_assert_eq(parse(&text, &keys, NULL), 0);
  cr_expect_eq(jwks_count(keys), 3);
  for (size_t i = 0; i < 3; i++) {
    cr_expect_str_eq(jwks_kid(keys, i), kids[i]);
    cr_assert_not_null(jwks_get(keys, kids[i]));
    cr_expect(rsa_key_same_public(jwks_get(keys, kids[i]), key));
    cr_expect_not(rsa_key_is_private(jwks_get(keys, kids[i])));
  }
  cr_expect_null(jwks_get(keys, "TWO"));
  cr_expect_null(jwks_get(keys, ""));
  cr_expect_null(jwks_get(NULL, "two"));
  cr_expect_eq(jwks_count(NULL), 0);
}

Test(jwks, what_it_prints_is_what_it_read) {
  static const char *const kids[] = {"1", "2"};
  _cleanup_buffer_ struct buffer text = {0}, printed = {0};
  _cleanup_(jwks_freep) struct jwks *keys = NULL;
  buffer_init(&text, 100000);
  buffer_init(&printed, 100000);
  build(&text, kids, 2, "");
  cr_assert_eq(parse(&text, &keys, NULL), 0);
  cr_assert_eq(jwks_print(keys, &printed, NULL), 0);
  cr_expect_str_eq(buffer_text(&printed), buffer_text(&text));
}

Test(jwks, prints_nothing_private) {
  _cleanup_(jwks_freep) struct jwks *keys = jwks_new();
  _cleanup_(rsa_key_freep) struct rsa_key *key = fixture_private("rfc7515.pem");
  _cleanup_buffer_ struct buffer printed = {0};
  buffer_init(&printed, 100000);
  cr_assert_eq(jwks_add(keys, "1", TAKE(key), NULL), 0);
  cr_assert_eq(jwks_print(keys, &printed, NULL), 0);
  _cleanup_(json_freep) cJSON *json = cJSON_Parse(printed.data);
  const cJSON *jwk = json_get(json, "keys")->child;
  for (const cJSON *item = jwk->child; item; item = item->next)
    cr_expect_not_null(strstr(" kty n e kid alg use ", item->string), "%s", item->string);
  cr_expect_eq(cJSON_GetArraySize(jwk), 6);
}

Test(jwks, keys_for_others_are_ignored) {
  static const char *const kids[] = {"1", NULL};
  static const char more[] =
      ",{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"a\",\"y\":\"b\",\"kid\":\"2\"},{\"kty\":\"oct\",\"kid\":\"3\"},{\"kty\":\"future\"},{},"
      "{\"kty\":\"RSA\",\"kid\":\"4\",\"alg\":\"RS512\"},{\"kty\":\"RSA\",\"kid\":\"5\",\"use\":\"enc\"}";
  _cleanup_buffer_ struct buffer text = {0};
  _cleanup_(jwks_freep) struct jwks *keys = NULL;
  struct error error = {0};
  buffer_init(&text, 100000);
  build(&text, kids, 2, more);
  cr_assert_eq(parse(&text, &keys, &error), 0, "%s", error.message);
  cr_expect_eq(jwks_count(keys), 1);
}

Test(jwks, refused_sets) {
  static const char *const one[] = {"1"}, *const twice[] = {"1", "2", "1"};
  static const char long_kid[] =
      "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789";
  static const char *const too_long[] = {long_kid};
  static const struct {
    const char *const *kids;
    size_t n;
    const char *more, *message;
  } table[] = {
      {twice, 3, "", "there are two keys of kid 1"},
      {too_long, 1, "", "a kid has 130 bytes, expected 1 to 128"},
      {one, 1, ",7", "keys holds something that is no object"},
      {one, 1, ",{\"kty\":\"RSA\",\"kid\":\"2\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", "key 2: the key has 17 bits"},
      {one, 1, ",{\"kty\":\"RSA\",\"kid\":\"2\",\"n\":\"AQAB\",\"e\":\"AQAB\",\"d\":\"AQAB\"}", "key 2: the JWK has the private member"},
      {one, 1, ",{\"kty\":\"RSA\",\"kid\":\"2\"}", "key 2: the JWK's n or e is missing"},
      {one, 1, ",{\"kty\":\"EC\",\"kty\":\"RSA\"}", "a key that the object already has"},
      {one, 1, "]} x", "expected the end"},
  };
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    struct jwks *keys = NULL;
    struct error error = {0};
    struct buffer text;
    buffer_init(&text, 100000);
    build(&text, table[i].kids, table[i].n, table[i].more);
    cr_expect_eq(parse(&text, &keys, &error), -1, "row %zu is taken", i);
    cr_expect_null(keys);
    cr_expect_not_null(strstr(error.message, table[i].message), "row %zu: %s", i, error.message);
    buffer_done(&text);
  }
}

Test(jwks, what_is_no_set) {
  static const char *const texts[] = {"", "[]", "{}", "null", "{\"keys\":{}}", "{\"keys\":null}", "{\"Keys\":[]}"};
  for (size_t i = 0; i < ELEMENTS(texts); i++) {
    struct jwks *keys = NULL;
    cr_expect_eq(jwks_parse(texts[i], strlen(texts[i]), &keys, NULL), -1, "%s", texts[i]);
  }
  _cleanup_(jwks_freep) struct jwks *keys = NULL;
  cr_expect_eq(jwks_parse("{\"keys\":[]}", 11, &keys, NULL), 0);
  cr_expect_eq(jwks_count(keys), 0);
}

Test(jwks, holds_32_and_no_more) {
  _cleanup_(jwks_freep) struct jwks *keys = jwks_new();
  _cleanup_(rsa_key_freep) struct rsa_key *one_more = fixture_public("rfc7515.pem");
  struct error error = {0};
  for (int i = 0; i < JWKS_MAX; i++) {
    char kid[KID_SIZE];
    key_new_kid(i, kid);
    cr_assert_eq(jwks_add(keys, kid, fixture_public("rfc7515.pem"), NULL), 0);
  }
  cr_expect_eq(jwks_add(keys, "more", one_more, &error), -1);
  cr_expect_str_eq(error.message, "there are more than 32 keys");
  cr_expect_eq(jwks_count(keys), JWKS_MAX);
}
