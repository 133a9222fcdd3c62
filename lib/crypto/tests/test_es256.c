#include "crypto/es256.h"

#include "codec/base64.h"
#include "fixture.h"

#include <openssl/err.h>

/* RFC 7515, A.3 */
#define RFC_TEXT      "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define RFC_SIGNATURE "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define RFC_KEY                                                        \
  "-----BEGIN EC PRIVATE KEY-----\n"                                   \
  "MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49\n" \
  "AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b\n" \
  "focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"                             \
  "-----END EC PRIVATE KEY-----\n"

static struct es256_key *parse(const char *pem) {
  struct es256_key *key = NULL;
  struct error error = {0};
  cr_assert_eq(es256_key_parse_private(pem, strlen(pem), &key, &error), 0, "%s", error.message);
  return key;
}

static void decode(const char *text, struct buffer *to) {
  buffer_clear(to);
  cr_assert_eq(base64url_decode(text, strlen(text), to), 0);
}

Test(es256, the_rfc_s_example_is_verified) {
  _cleanup_(es256_key_freep) struct es256_key *key = parse(RFC_KEY);
  _cleanup_buffer_ struct buffer signature;
  buffer_init(&signature, 128);
  decode(RFC_SIGNATURE, &signature);
  cr_assert_eq(signature.len, ES256_SIGNATURE_BYTES);
  cr_expect(es256_verify(key, RFC_TEXT, strlen(RFC_TEXT), (unsigned char *)signature.data, signature.len));
  cr_expect_not(es256_verify(key, RFC_TEXT, strlen(RFC_TEXT) - 1, (unsigned char *)signature.data, signature.len));
  cr_expect_not(es256_verify(key, RFC_TEXT, strlen(RFC_TEXT), (unsigned char *)signature.data, signature.len - 1));
  for (size_t i = 0; i < signature.len; i++) {
    signature.data[i] ^= 1;
    cr_expect_not(es256_verify(key, RFC_TEXT, strlen(RFC_TEXT), (unsigned char *)signature.data, signature.len), "byte %zu", i);
    signature.data[i] ^= 1;
  }
  memset(signature.data, 0, signature.len);
  cr_expect_not(es256_verify(key, RFC_TEXT, strlen(RFC_TEXT), (unsigned char *)signature.data, signature.len));
  memset(signature.data, 0xff, signature.len);
  cr_expect_not(es256_verify(key, RFC_TEXT, strlen(RFC_TEXT), (unsigned char *)signature.data, signature.len));
  cr_expect_eq(ERR_peek_error(), 0UL);
}

/* r and s lose leading zero bytes in DER, and gain one where the first bit is set. */
Test(es256, what_is_signed_is_verified_whatever_the_numbers) {
  _cleanup_(es256_key_freep) struct es256_key *key = parse(RFC_KEY);
  unsigned char signature[ES256_SIGNATURE_BYTES];
  for (int i = 0; i < 2000; i++) {
    cr_assert_eq(es256_sign(key, &i, sizeof i, signature, NULL), 0);
    cr_assert(es256_verify(key, &i, sizeof i, signature, sizeof signature), "%d", i);
  }
}

Test(es256, a_token) {
  _cleanup_(es256_key_freep) struct es256_key *key = parse(RFC_KEY);
  _cleanup_(json_freep) cJSON *claims = cJSON_Parse("{\"iss\":\"me\",\"aud\":\"appstoreconnect-v1\"}");
  _cleanup_buffer_ struct buffer token, part;
  buffer_init(&token, 4096);
  buffer_init(&part, 4096);
  buffer_puts(&token, "Bearer ");
  cr_assert_eq(es256_sign_jwt(claims, key, "2X9R4HXF34", &token, NULL), 0);
  char *text = token.data + 7, *second = strrchr(text, '.'), *first = strchr(text, '.');
  decode(second + 1, &part);
  cr_expect(es256_verify(key, text, (size_t)(second - text), (unsigned char *)part.data, part.len));
  *first = *second = 0;
  decode(text, &part);
  cr_expect_str_eq(part.data, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"2X9R4HXF34\"}");
  decode(first + 1, &part);
  cr_expect_str_eq(part.data, "{\"iss\":\"me\",\"aud\":\"appstoreconnect-v1\"}");

  struct error error = {0};
  _cleanup_buffer_ struct buffer small;
  buffer_init(&small, 40);
  cr_expect_eq(es256_sign_jwt(claims, key, "1", &small, &error), -1);
  cr_expect_eq(error.kind, ERROR_INVALID);
}

Test(es256, keys_that_are_refused) {
  static const char *const files[] = {"rfc7515.pem", "rfc7515-public.pem", "passphrase.pem"};
  struct error error = {0};
  struct es256_key *key = NULL;
  for (size_t i = 0; i < ELEMENTS(files); i++) {
    _cleanup_free_ char *pem = fixture_text(files[i]);
    cr_expect_eq(es256_key_parse_private(pem, strlen(pem), &key, &error), -1, "%s", files[i]);
    cr_expect_eq(error.kind, ERROR_INVALID);
  }
  static const char *const texts[] = {"", "-----BEGIN PRIVATE KEY-----\n", "\xff"};
  for (size_t i = 0; i < ELEMENTS(texts); i++) cr_expect_eq(es256_key_parse_private(texts[i], strlen(texts[i]), &key, NULL), -1);
  cr_expect_null(key);
  cr_expect_eq(ERR_peek_error(), 0UL);
}
