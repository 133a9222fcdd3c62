#include "crypto/key.h"

#include "codec/base64.h"
#include "fixture.h"

/* RFC 7515, A.2. */
static const char signing_input[] =
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
static const char rfc_signature[] =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
    "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
    "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
static const char modulus[] =
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOW"
    "vG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9k"
    "G4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";

/* The JWK of RFC 7515's key with MORE (", \"alg\": …") behind its n and e. */
static cJSON *jwk_with(const char *n, const char *e, const char *more) {
  cJSON *jwk = NULL;
  struct buffer text;
  buffer_init(&text, 10000);
  buffer_printf(&text, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%s}", n, e, more);
  cr_assert_eq(json_parse(text.data, text.len, &json_limits_cluster, &jwk, NULL), 0, "%s", more);
  buffer_done(&text);
  return jwk;
}

static bool verifies(struct rsa_key *key, const char *input, const char *signature) {
  struct buffer bytes;
  buffer_init(&bytes, RSA_MAX_BYTES);
  cr_assert_eq(base64url_decode(signature, strlen(signature), &bytes), 0);
  bool right = rsa_key_verify(key, input, strlen(input), (unsigned char *)bytes.data, bytes.len);
  buffer_done(&bytes);
  return right;
}

Test(key, verifies_the_signature_of_rfc_7515) {
  _cleanup_(json_freep) cJSON *jwk = jwk_with(modulus, "AQAB", ",\"alg\":\"RS256\",\"use\":\"sig\",\"key_ops\":[\"verify\"],\"kid\":\"1\"");
  _cleanup_(rsa_key_freep) struct rsa_key *key = NULL;
  cr_assert_eq(rsa_key_parse_jwk(jwk, &key, NULL), 0);
  cr_expect_eq(rsa_key_bits(key), 2048);
  cr_expect_not(rsa_key_is_private(key));
  for (int again = 0; again < 3; again++) {
    cr_expect(verifies(key, signing_input, rfc_signature));
    cr_expect_not(verifies(key, "eyJhbGciOiJSUzI1NiJ9.", rfc_signature));
    cr_expect_not(verifies(key, signing_input, "AAAA"));
    cr_expect_not(verifies(key, signing_input, ""));
  }
}

Test(key, signs_as_rfc_7515_does) {
  static const char *const forms[] = {"rfc7515.pem", "rfc7515-pkcs1.pem"};
  for (size_t i = 0; i < ELEMENTS(forms); i++) {
    _cleanup_(rsa_key_freep) struct rsa_key *key = fixture_private(forms[i]);
    unsigned char signature[RSA_MAX_BYTES];
    size_t n = 0;
    struct buffer text;
    buffer_init(&text, 1000);
    cr_assert_eq(rsa_key_sign(key, signing_input, strlen(signing_input), signature, &n, NULL), 0);
    base64url_encode(signature, n, &text);
    cr_expect_str_eq(buffer_text(&text), rfc_signature);
    cr_expect(rsa_key_is_private(key));
    buffer_done(&text);
  }
}

Test(key, all_forms_are_the_same_key) {
  _cleanup_(rsa_key_freep) struct rsa_key *one = fixture_private("rfc7515.pem");
  _cleanup_(rsa_key_freep) struct rsa_key *other = fixture_private("other.pem");
  _cleanup_(rsa_key_freep) struct rsa_key *public = NULL;
  _cleanup_free_ char *pem = fixture_text("rfc7515-public.pem");
  cr_assert_eq(rsa_key_parse_public(pem, strlen(pem), &public, NULL), 0);
  cr_expect_not(rsa_key_is_private(public));
  cr_expect(rsa_key_same_public(one, public));
  cr_expect_not(rsa_key_same_public(one, other));
  struct buffer printed;
  buffer_init(&printed, 10000);
  cr_assert_eq(rsa_key_print_public(one, &printed, NULL), 0);
  cr_expect_str_eq(buffer_text(&printed), pem);
  buffer_done(&printed);
}

Test(key, the_private_half_is_written_as_pkcs8_and_read_back) {
  _cleanup_(rsa_key_freep) struct rsa_key *key = fixture_private("rfc7515-pkcs1.pem");
  _cleanup_(rsa_key_freep) struct rsa_key *back = NULL;
  _cleanup_free_ char *pem = fixture_text("rfc7515.pem");
  struct buffer printed;
  buffer_init_secret(&printed, 10000);
  cr_assert_eq(rsa_key_print_private(key, &printed, NULL), 0);
  cr_expect_str_eq(buffer_text(&printed), pem);
  cr_assert_eq(rsa_key_parse_private(printed.data, printed.len, &back, NULL), 0);
  cr_expect(rsa_key_same_public(key, back));
  buffer_done(&printed);
}

Test(key, a_public_half_neither_signs_nor_shows_a_private_one) {
  _cleanup_(rsa_key_freep) struct rsa_key *half = fixture_public("rfc7515.pem");
  unsigned char signature[RSA_MAX_BYTES];
  size_t n = 7;
  struct error error = {0};
  struct buffer printed;
  buffer_init_secret(&printed, 10000);
  cr_expect_eq(rsa_key_sign(half, "x", 1, signature, &n, &error), -1);
  cr_expect_eq(n, 7);
  cr_expect_eq(rsa_key_print_private(half, &printed, &error), -1);
  cr_expect_eq(printed.len, 0);
  cr_expect_str_eq(error.message, "the key has no private half");
  buffer_done(&printed);
}

Test(key, the_jwk_is_public_and_complete) {
  _cleanup_(rsa_key_freep) struct rsa_key *key = fixture_private("rfc7515.pem");
  _cleanup_(json_freep) cJSON *jwk = rsa_key_jwk(key, "1760908689588");
  _cleanup_(json_freep) cJSON *expected = jwk_with(modulus, "AQAB", ",\"kid\":\"1760908689588\",\"alg\":\"RS256\",\"use\":\"sig\"");
  cr_expect(json_equal(jwk, expected));
}

Test(key, refused_private_pems) {
  static const struct {
    const char *name, *message;
  } table[] = {{"bits-1024.pem", "the key has 1024 bits, expected 2048 to 8192"},
               {"elliptic.pem", "the key is no RSA key"},
               {"pss.pem", "the key is no RSA key"},
               {"passphrase.pem", "not a private key in PEM without a passphrase, or a damaged one"},
               {"mismatched.pem", "the key's private half does not match its public half"},
               {"rfc7515-public.pem", "not a private key in PEM without a passphrase, or a damaged one"}};
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    _cleanup_free_ char *pem = fixture_text(table[i].name);
    struct rsa_key *key = NULL;
    struct error error = {0};
    cr_expect_eq(rsa_key_parse_private(pem, strlen(pem), &key, &error), -1, "%s is taken", table[i].name);
    cr_expect_null(key);
    cr_expect_eq(error.kind, ERROR_INVALID);
    cr_expect_str_eq(error.message, table[i].message, "%s: %s", table[i].name, error.message);
  }
}

Test(key, refused_public_pems) {
  static const char *const names[] = {"exponent-1.pem", "rfc7515.pem", "elliptic.pem"};
  for (size_t i = 0; i < ELEMENTS(names); i++) {
    _cleanup_free_ char *pem = fixture_text(names[i]);
    struct rsa_key *key = NULL;
    cr_expect_eq(rsa_key_parse_public(pem, strlen(pem), &key, NULL), -1, "%s is taken", names[i]);
  }
}

/* One byte of the PEM after the other is changed. What is outside of the numbers (the text before and behind, line ends, bits that base64
 * doesn't use) may be taken, but then it is the same key. */
Test(key, damaged_pems, .timeout = 60) {
  _cleanup_(rsa_key_freep) struct rsa_key *whole = fixture_private("rfc7515.pem");
  _cleanup_free_ char *pem = fixture_text("rfc7515.pem");
  size_t n = strlen(pem), taken = 0;
  for (size_t i = 0; i < n; i += 5) {
    _cleanup_(rsa_key_freep) struct rsa_key *key = NULL;
    char kept = pem[i];
    pem[i] = kept == 'A' ? 'B' : 'A';
    if (rsa_key_parse_private(pem, n, &key, NULL) == 0) {
      cr_expect(rsa_key_same_public(key, whole), "byte %zu", i);
      taken++;
    }
    pem[i] = kept;
  }
  cr_expect_leq(taken, 2);
  for (size_t i = 0; i < n - 30; i += 31) {
    struct rsa_key *key = NULL;
    cr_expect_eq(rsa_key_parse_private(pem, i, &key, NULL), -1, "cut at %zu", i);
  }
}

Test(key, refused_jwks) {
  static const struct {
    const char *e, *more, *message;
  } table[] = {{"AQAB", ",\"d\":\"AQAB\"", "the JWK has the private member \"d\""},
               {"AQAB", ",\"p\":\"AQAB\"", "the JWK has the private member \"p\""},
               {"AQAB", ",\"q\":null", "the JWK has the private member \"q\""},
               {"AQAB", ",\"dp\":\"\"", "the JWK has the private member \"dp\""},
               {"AQAB", ",\"dq\":\"\"", "the JWK has the private member \"dq\""},
               {"AQAB", ",\"qi\":\"\"", "the JWK has the private member \"qi\""},
               {"AQAB", ",\"oth\":[]", "the JWK has the private member \"oth\""},
               {"AQAB", ",\"k\":\"\"", "the JWK has the private member \"k\""},
               {"AQAB", ",\"alg\":\"RS512\"", "the JWK's alg is not RS256"},
               {"AQAB", ",\"alg\":5", "the JWK's alg is not RS256"},
               {"AQAB", ",\"use\":\"enc\"", "the JWK's use is not sig"},
               {"AQAB", ",\"key_ops\":[\"sign\"]", "the JWK's key_ops do not have verify"},
               {"AQAB", ",\"key_ops\":\"verify\"", "the JWK's key_ops do not have verify"},
               {"", "", "the JWK's n or e is missing or no base64url"},
               {"AQ=B", "", "the JWK's n or e is missing or no base64url"},
               {"AQ", "", "the key's exponent is not an odd number of 3 to 64 bits"},
               {"AA", "", NULL},
               {"AQAA", "", "the key's exponent is not an odd number of 3 to 64 bits"},
               {"AQAAAAAAAAAAAQ", "", "the key's exponent is not an odd number of 3 to 64 bits"}};
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    _cleanup_(json_freep) cJSON *jwk = jwk_with(modulus, table[i].e, table[i].more);
    struct rsa_key *key = NULL;
    struct error error = {0};
    cr_expect_eq(rsa_key_parse_jwk(jwk, &key, &error), -1, "row %zu is taken", i);
    if (table[i].message) cr_expect_str_eq(error.message, table[i].message, "row %zu: %s", i, error.message);
  }
}

Test(key, refused_moduli) {
  char even[sizeof modulus];
  memcpy(even, modulus, sizeof modulus);
  even[sizeof modulus - 3] = 'A', even[sizeof modulus - 2] = 'A';
  static char long_one[1500];
  memset(long_one, 'x', 1400);
  const char *const moduli[] = {"", "AQAB", even, long_one, "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTY"};
  for (size_t i = 0; i < ELEMENTS(moduli); i++) {
    _cleanup_(json_freep) cJSON *jwk = jwk_with(moduli[i], "AQAB", "");
    struct rsa_key *key = NULL;
    cr_expect_eq(rsa_key_parse_jwk(jwk, &key, NULL), -1, "row %zu is taken", i);
  }
}

Test(key, generated_keys_sign_and_differ, .timeout = 60) {
  _cleanup_(rsa_key_freep) struct rsa_key *one = NULL;
  _cleanup_(rsa_key_freep) struct rsa_key *two = NULL;
  struct error error = {0};
  cr_assert_eq(rsa_key_generate(2048, &one, &error), 0, "%s", error.message);
  cr_assert_eq(rsa_key_generate(2048, &two, &error), 0, "%s", error.message);
  cr_expect_eq(rsa_key_bits(one), 2048);
  cr_expect_not(rsa_key_same_public(one, two));
  unsigned char signature[RSA_MAX_BYTES];
  size_t n = 0;
  cr_assert_eq(rsa_key_sign(one, "text", 4, signature, &n, NULL), 0);
  cr_expect(rsa_key_verify(one, "text", 4, signature, n));
  cr_expect_not(rsa_key_verify(two, "text", 4, signature, n));
  cr_expect_eq(rsa_key_generate(1024, &one, &error), -1);
  cr_expect_str_eq(error.message, "1024 bits were asked for, expected 2048 to 8192");
  cr_expect_eq(rsa_key_generate(16384, &one, &error), -1);
}

Test(key, a_kid_is_the_time) {
  char kid[KID_SIZE];
  key_new_kid(1760908689588, kid);
  cr_expect_str_eq(kid, "1760908689588");
}

Test(key, free_accepts_null) { rsa_key_free(NULL); }
