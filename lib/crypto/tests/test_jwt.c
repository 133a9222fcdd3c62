#include "crypto/jwt.h"

#include "codec/base64.h"
#include "crypto/digest.h"
#include "fixture.h"

#define ISS    "\"iss\":\"https://api.example.com\""
#define AUD    "\"aud\":\"supernova\""
#define SUB    "\"sub\":\"user123\""
#define OURS   ISS "," AUD "," SUB
#define HEADER "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"1\"}"
#define CLAIMS "{" OURS ",\"exp\":2000}"

static struct rsa_key *signer, *stranger;
static struct jwks *known;
static struct jwt_rules rules;

static void setup(void) {
  signer = fixture_private("rfc7515.pem");
  stranger = fixture_private("other.pem");
  known = jwks_new();
  cr_assert_eq(jwks_add(known, "1", fixture_public("rfc7515.pem"), NULL), 0);
  rules = (struct jwt_rules){.keys = known, .issuer = "https://api.example.com", .audience = "supernova", .now_s = 1000, .skew_s = 60};
}

static void teardown(void) {
  rsa_key_free(signer);
  rsa_key_free(stranger);
  jwks_free(known);
}

TestSuite(jwt, .init = setup, .fini = teardown);

/* Any header and claims, valid or not, under a right signature of KEY. */
static void compose(struct rsa_key *key, const char *header, const char *claims, struct buffer *to) {
  unsigned char signature[RSA_MAX_BYTES];
  size_t n;
  base64url_encode(header, strlen(header), to);
  buffer_puts(to, ".");
  base64url_encode(claims, strlen(claims), to);
  cr_assert_eq(rsa_key_sign(key, to->data, to->len, signature, &n, NULL), 0);
  buffer_puts(to, ".");
  base64url_encode(signature, n, to);
}

static enum jwt_refusal verdict(const char *token, size_t n) {
  struct jwt_claims claims = {.exp_s = 77};
  struct error error = {0};
  enum jwt_refusal refusal = (enum jwt_refusal)99;
  int rc = jwt_verify(&rules, token, n, &claims, &refusal, &error);
  cr_expect_eq(rc, refusal == JWT_ACCEPTED ? 0 : -1);
  if (rc < 0) {
    cr_expect(!claims.claims && !claims.sub && claims.exp_s == 77, "claims were given out");
    cr_expect_eq(error.kind, ERROR_INVALID);
    cr_expect(!strncmp(error.message, "the token ", 10), "%s", error.message);
    cr_expect_null(strstr(error.message, "user123"));
    return refusal;
  }
  jwt_claims_done(&claims);
  return refusal;
}

static void expect(const char *header, const char *claims, enum jwt_refusal expected) {
  struct buffer token;
  buffer_init(&token, 100000);
  compose(signer, header, claims, &token);
  enum jwt_refusal found = verdict(token.data, token.len);
  cr_expect_eq(found, expected, "%s.%s: %s, expected %s", header, claims, jwt_refusal_name(found), jwt_refusal_name(expected));
  buffer_done(&token);
}

Test(jwt, what_is_signed_is_verified) {
  _cleanup_(json_freep) cJSON *claims = cJSON_Parse("{" OURS ",\"exp\":1500,\"roles\":[\"admin\",\"finance\"],\"extra\":{\"a\":1}}");
  _cleanup_buffer_ struct buffer token = {0};
  buffer_init(&token, JWT_MAX_BYTES);
  struct error error = {0};
  cr_assert_eq(jwt_sign(claims, "JWT", signer, "1", &token, &error), 0, "%s", error.message);
  _cleanup_(jwt_claims_done) struct jwt_claims found = {0};
  enum jwt_refusal refusal;
  cr_assert_eq(jwt_verify(&rules, token.data, token.len, &found, &refusal, &error), 0, "%s", error.message);
  cr_expect_eq(refusal, JWT_ACCEPTED);
  cr_expect_str_eq(found.sub, "user123");
  cr_expect_str_eq(found.kid, "1");
  cr_expect_eq(found.exp_s, 1500);
  cr_expect(jwt_has_role(&found, "admin"));
  cr_expect(jwt_has_role(&found, "finance"));
  cr_expect_not(jwt_has_role(&found, "adm"));
  cr_expect(json_equal(found.claims, claims));
}

Test(jwt, headers) {
  static const struct {
    const char *header;
    enum jwt_refusal expected;
  } table[] = {
      {HEADER, JWT_ACCEPTED},
      {"{\"alg\":\"RS256\",\"kid\":\"1\"}", JWT_ACCEPTED},
      {"{\"alg\":\"RS256\",\"kid\":\"1\",\"typ\":\"at+jwt\"}", JWT_ACCEPTED},
      {"{\"alg\":\"RS256\",\"kid\":\"1\",\"typ\":\"AT+JWT\"}", JWT_ACCEPTED},
      {"{\"alg\":\"RS256\",\"kid\":\"1\",\"typ\":\"application/at+jwt\"}", JWT_ACCEPTED},
      {"{\"alg\":\"RS256\",\"kid\":\"1\",\"x5t\":\"abc\"}", JWT_ACCEPTED},
      {"{\"alg\":\"RS256\",\"kid\":\"1\",\"typ\":\"entitlement-receipt+jwt\"}", JWT_REFUSED_HEADER},
      {"{\"alg\":\"RS256\",\"kid\":\"1\",\"typ\":null}", JWT_REFUSED_HEADER},
      {"{\"alg\":\"RS256\",\"kid\":\"1\",\"typ\":[\"JWT\"]}", JWT_REFUSED_HEADER},
      {"{\"alg\":\"RS256\",\"kid\":\"1\",\"crit\":[\"exp\"]}", JWT_REFUSED_HEADER},
      {"{\"alg\":\"RS256\",\"kid\":\"1\",\"crit\":null}", JWT_REFUSED_HEADER},
      {"{\"alg\":\"RS256\",\"kid\":\"1\",\"jwk\":{}}", JWT_REFUSED_HEADER},
      {"{\"alg\":\"RS256\",\"kid\":\"1\",\"jku\":\"https://x\"}", JWT_REFUSED_HEADER},
      {"{\"alg\":\"RS256\",\"kid\":\"1\",\"x5u\":\"https://x\"}", JWT_REFUSED_HEADER},
      {"{\"alg\":\"none\",\"kid\":\"1\"}", JWT_REFUSED_HEADER},
      {"{\"alg\":\"None\",\"kid\":\"1\"}", JWT_REFUSED_HEADER},
      {"{\"alg\":\"HS256\",\"kid\":\"1\"}", JWT_REFUSED_HEADER},
      {"{\"alg\":\"PS256\",\"kid\":\"1\"}", JWT_REFUSED_HEADER},
      {"{\"alg\":\"RS512\",\"kid\":\"1\"}", JWT_REFUSED_HEADER},
      {"{\"alg\":\"rs256\",\"kid\":\"1\"}", JWT_REFUSED_HEADER},
      {"{\"alg\":[\"RS256\"],\"kid\":\"1\"}", JWT_REFUSED_HEADER},
      {"{\"ALG\":\"RS256\",\"kid\":\"1\"}", JWT_REFUSED_HEADER},
      {"{\"kid\":\"1\"}", JWT_REFUSED_HEADER},
      {"{\"alg\":\"RS256\"}", JWT_UNKNOWN_KEY},
      {"{\"alg\":\"RS256\",\"kid\":\"\"}", JWT_UNKNOWN_KEY},
      {"{\"alg\":\"RS256\",\"kid\":1}", JWT_UNKNOWN_KEY},
      {"{\"alg\":\"RS256\",\"kid\":\"2\"}", JWT_UNKNOWN_KEY},
      {"{\"alg\":\"RS256\",\"kid\":\"../1\"}", JWT_UNKNOWN_KEY},
      {"{\"alg\":\"RS256\",\"kid\":\"1\\u0000\"}", JWT_MALFORMED},
      {"{\"alg\":\"RS256\",\"alg\":\"RS256\",\"kid\":\"1\"}", JWT_MALFORMED},
      {"{\"alg\":\"RS256\",\"kid\":\"1\",\"\\u006bid\":\"1\"}", JWT_MALFORMED},
      {"{\"alg\":\"RS256\",\"kid\":\"1\"} ", JWT_ACCEPTED},
      {"{\"alg\":\"RS256\",\"kid\":\"1\"}x", JWT_MALFORMED},
      {"[]", JWT_MALFORMED},
      {"\"RS256\"", JWT_MALFORMED},
      {"null", JWT_MALFORMED},
      {"", JWT_MALFORMED},
  };
  for (size_t i = 0; i < ELEMENTS(table); i++) expect(table[i].header, CLAIMS, table[i].expected);
}

Test(jwt, claims) {
  static const struct {
    const char *claims;
    enum jwt_refusal expected;
  } table[] = {
      {CLAIMS, JWT_ACCEPTED},
      {"{" OURS ",\"exp\":2000,\"iss2\":1}", JWT_ACCEPTED},
      {"{" OURS "}", JWT_WRONG_CLAIMS},
      {"{" OURS ",\"exp\":\"2000\"}", JWT_WRONG_CLAIMS},
      {"{" OURS ",\"exp\":null}", JWT_WRONG_CLAIMS},
      {"{" OURS ",\"exp\":1e300}", JWT_WRONG_CLAIMS},
      {"{" OURS ",\"exp\":9007199254740991}", JWT_ACCEPTED},
      {"{" OURS ",\"exp\":9007199254740992}", JWT_MALFORMED},
      {"{" OURS ",\"exp\":1000}", JWT_ACCEPTED},
      {"{" OURS ",\"exp\":941}", JWT_ACCEPTED},
      {"{" OURS ",\"exp\":940.5}", JWT_ACCEPTED},
      {"{" OURS ",\"exp\":940}", JWT_EXPIRED},
      {"{" OURS ",\"exp\":0}", JWT_EXPIRED},
      {"{" OURS ",\"exp\":-1}", JWT_EXPIRED},
      {"{" OURS ",\"exp\":-1e300}", JWT_WRONG_CLAIMS},
      {"{" OURS ",\"exp\":2000,\"nbf\":1000}", JWT_ACCEPTED},
      {"{" OURS ",\"exp\":2000,\"nbf\":1060}", JWT_ACCEPTED},
      {"{" OURS ",\"exp\":2000,\"nbf\":1061}", JWT_NOT_YET},
      {"{" OURS ",\"exp\":2000,\"nbf\":\"1\"}", JWT_WRONG_CLAIMS},
      {"{" OURS ",\"exp\":2000,\"iat\":1060}", JWT_ACCEPTED},
      {"{" OURS ",\"exp\":2000,\"iat\":1061}", JWT_NOT_YET},
      {"{" OURS ",\"exp\":2000,\"iat\":true}", JWT_WRONG_CLAIMS},
      {"{" AUD "," SUB ",\"exp\":2000}", JWT_WRONG_ISSUER},
      {"{" AUD "," SUB ",\"exp\":2000,\"iss\":\"https://api.example.com/\"}", JWT_WRONG_ISSUER},
      {"{" AUD "," SUB ",\"exp\":2000,\"iss\":[\"https://api.example.com\"]}", JWT_WRONG_ISSUER},
      {"{" ISS "," SUB ",\"exp\":2000}", JWT_WRONG_AUDIENCE},
      {"{" ISS "," SUB ",\"exp\":2000,\"aud\":\"supernova/receipt\"}", JWT_WRONG_AUDIENCE},
      {"{" ISS "," SUB ",\"exp\":2000,\"aud\":[\"other\",\"supernova\"]}", JWT_ACCEPTED},
      {"{" ISS "," SUB ",\"exp\":2000,\"aud\":[\"other\",7]}", JWT_WRONG_AUDIENCE},
      {"{" ISS "," SUB ",\"exp\":2000,\"aud\":[]}", JWT_WRONG_AUDIENCE},
      {"{" ISS "," SUB ",\"exp\":2000,\"aud\":{\"supernova\":\"supernova\"}}", JWT_WRONG_AUDIENCE},
      {"{" ISS "," AUD ",\"exp\":2000}", JWT_WRONG_CLAIMS},
      {"{" ISS "," AUD ",\"exp\":2000,\"sub\":\"\"}", JWT_WRONG_CLAIMS},
      {"{" ISS "," AUD ",\"exp\":2000,\"sub\":7}", JWT_WRONG_CLAIMS},
      {"{" OURS ",\"exp\":2000,\"roles\":[]}", JWT_ACCEPTED},
      {"{" OURS ",\"exp\":2000,\"roles\":\"admin\"}", JWT_WRONG_CLAIMS},
      {"{" OURS ",\"exp\":2000,\"roles\":[\"admin\",7]}", JWT_WRONG_CLAIMS},
      {"{" OURS ",\"exp\":2000,\"roles\":null}", JWT_WRONG_CLAIMS},
      {"{" OURS ",\"exp\":2000,\"sub\":\"admin\"}", JWT_MALFORMED},
      {"{" OURS ",\"exp\":2000}{}", JWT_MALFORMED},
      {"[" CLAIMS "]", JWT_MALFORMED},
      {"", JWT_MALFORMED},
  };
  for (size_t i = 0; i < ELEMENTS(table); i++) expect(HEADER, table[i].claims, table[i].expected);
}

Test(jwt, issuer_and_audience_are_asked_for_where_the_rules_name_them) {
  rules.issuer = rules.audience = NULL;
  expect(HEADER, "{" SUB ",\"exp\":2000}", JWT_ACCEPTED);
}

Test(jwt, another_signature) {
  _cleanup_buffer_ struct buffer token = {0};
  buffer_init(&token, 100000);
  compose(stranger, HEADER, CLAIMS, &token);
  cr_expect_eq(verdict(token.data, token.len), JWT_WRONG_SIGNATURE);
  char *dot = strrchr(token.data, '.');
  cr_expect_eq(verdict(token.data, (size_t)(dot - token.data) + 1), JWT_WRONG_SIGNATURE);
  cr_expect_eq(verdict(token.data, (size_t)(dot - token.data)), JWT_MALFORMED);
}

/* The classic confusion: HS256 with the public key's PEM as the secret. */
Test(jwt, the_public_key_is_no_secret) {
  static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"1\"}";
  _cleanup_free_ char *pem = fixture_text("rfc7515-public.pem");
  _cleanup_buffer_ struct buffer token = {0};
  unsigned char mac[SHA256_BYTES];
  buffer_init(&token, 100000);
  base64url_encode(header, strlen(header), &token);
  buffer_puts(&token, ".");
  base64url_encode(CLAIMS, strlen(CLAIMS), &token);
  cr_assert_eq(hmac_sha256(pem, strlen(pem), token.data, token.len, mac), 0);
  buffer_puts(&token, ".");
  base64url_encode(mac, sizeof mac, &token);
  cr_expect_eq(verdict(token.data, token.len), JWT_REFUSED_HEADER);
}

Test(jwt, every_changed_or_missing_byte_is_refused) {
  _cleanup_buffer_ struct buffer token = {0};
  buffer_init(&token, 100000);
  compose(signer, HEADER, CLAIMS, &token);
  cr_assert_eq(verdict(token.data, token.len), JWT_ACCEPTED);
  for (size_t i = 0; i < token.len; i++) {
    char kept = token.data[i];
    token.data[i] = kept == 'A' ? 'B' : 'A';
    cr_expect_neq(verdict(token.data, token.len), JWT_ACCEPTED, "byte %zu", i);
    token.data[i] = kept;
    cr_expect_neq(verdict(token.data, i), JWT_ACCEPTED, "cut at %zu", i);
  }
}

Test(jwt, what_is_no_token) {
  static const char *const texts[] = {"",        ".",        "..",          "...",          "a.b",   "a.b.c",
                                      "a.b.c.d", "e30.e30.", "e30.e30.e30", "e30=.e30.e30", " . . ", "Bearer x"};
  for (size_t i = 0; i < ELEMENTS(texts); i++) cr_expect_neq(verdict(texts[i], strlen(texts[i])), JWT_ACCEPTED, "%s", texts[i]);
  cr_expect_eq(verdict("a.b", 3), JWT_MALFORMED);
  cr_expect_eq(verdict("a.b.c.d", 7), JWT_MALFORMED);
}

Test(jwt, length) {
  static char text[JWT_MAX_BYTES + 2];
  memset(text, 'a', sizeof text);
  cr_expect_eq(verdict(text, JWT_MAX_BYTES + 1), JWT_MALFORMED);
  cr_expect_eq(verdict(text, JWT_MAX_BYTES), JWT_MALFORMED);
  _cleanup_(json_freep) cJSON *claims = cJSON_Parse(CLAIMS);
  text[JWT_MAX_BYTES] = 0;
  (void)cJSON_AddStringToObject(claims, "large", text);
  _cleanup_buffer_ struct buffer token = {0};
  struct error error = {0};
  buffer_init(&token, 100000);
  cr_expect_eq(jwt_sign(claims, "JWT", signer, "1", &token, &error), -1);
  cr_expect_str_eq(error.message, "the claims are too large for a token");
}

/* A right signature over as many bytes as the bound, and over a few more. */
Test(jwt, the_bound_on_the_length_is_exact) {
  bool taken = false, refused = false;
  for (int length = 5700; length < 5900; length++) {
    struct buffer claims, token;
    buffer_init(&claims, 100000);
    buffer_init(&token, 100000);
    buffer_printf(&claims, "{" OURS ",\"exp\":2000,\"large\":\"%0*d\"}", length, 0);
    compose(signer, HEADER, claims.data, &token);
    bool fits = token.len <= JWT_MAX_BYTES;
    cr_expect_eq(verdict(token.data, token.len), fits ? JWT_ACCEPTED : JWT_MALFORMED, "%zu bytes", token.len);
    taken |= fits && token.len > JWT_MAX_BYTES - 4;
    refused |= !fits && token.len < JWT_MAX_BYTES + 4;
    buffer_done(&claims);
    buffer_done(&token);
  }
  cr_expect(taken && refused);
}

Test(jwt, the_largest_token_that_is_signed_is_taken) {
  for (int length = 5000; length < 6200; length += 10) {
    _cleanup_(json_freep) cJSON *claims = cJSON_Parse(CLAIMS);
    _cleanup_buffer_ struct buffer token = {0};
    buffer_init(&token, 100000);
    char text[6200];
    memset(text, 'a', sizeof text);
    text[length] = 0;
    (void)cJSON_AddStringToObject(claims, "large", text);
    if (jwt_sign(claims, "JWT", signer, "1", &token, NULL) == 0)
      cr_expect_eq(verdict(token.data, token.len), JWT_ACCEPTED, "%d", length);
    else
      cr_expect_gt(length, 5400);
  }
}

Test(jwt, a_second_set_is_asked_after_the_first) {
  _cleanup_(jwks_freep) struct jwks *more = jwks_new();
  cr_assert_eq(jwks_add(more, "2", fixture_public("other.pem"), NULL), 0);
  cr_assert_eq(jwks_add(more, "1", fixture_public("other.pem"), NULL), 0);
  _cleanup_buffer_ struct buffer token = {0};
  buffer_init(&token, 100000);
  compose(stranger, "{\"alg\":\"RS256\",\"kid\":\"2\"}", CLAIMS, &token);
  cr_expect_eq(verdict(token.data, token.len), JWT_UNKNOWN_KEY);
  rules.more_keys = more;
  cr_expect_eq(verdict(token.data, token.len), JWT_ACCEPTED);
  expect(HEADER, CLAIMS, JWT_ACCEPTED);
  buffer_clear(&token);
  compose(stranger, HEADER, CLAIMS, &token);
  cr_expect_eq(verdict(token.data, token.len), JWT_WRONG_SIGNATURE);
  rules.keys = NULL;
  cr_expect_eq(verdict(token.data, token.len), JWT_ACCEPTED);
}

Test(jwt, sign_appends_and_can_leave_the_kid_out) {
  _cleanup_(json_freep) cJSON *claims = cJSON_Parse(CLAIMS);
  _cleanup_buffer_ struct buffer token = {0}, header = {0};
  buffer_init(&token, 100000);
  buffer_init(&header, 1000);
  buffer_puts(&token, "Bearer ");
  cr_assert_eq(jwt_sign(claims, "entitlement-receipt+jwt", signer, NULL, &token, NULL), 0);
  const char *start = token.data + strlen("Bearer ");
  cr_assert_eq(base64url_decode(start, strcspn(start, "."), &header), 0);
  cr_expect_str_eq(buffer_text(&header), "{\"alg\":\"RS256\",\"typ\":\"entitlement-receipt+jwt\"}");
  cr_expect_eq(verdict(start, strlen(start)), JWT_REFUSED_HEADER);
}

Test(jwt, a_public_half_signs_nothing) {
  _cleanup_(json_freep) cJSON *claims = cJSON_Parse(CLAIMS);
  _cleanup_(rsa_key_freep) struct rsa_key *half = fixture_public("rfc7515.pem");
  _cleanup_buffer_ struct buffer token = {0};
  buffer_init(&token, 100000);
  cr_expect_eq(jwt_sign(claims, "JWT", half, "1", &token, NULL), -1);
}

Test(jwt, refusals_have_names_of_their_own) {
  for (enum jwt_refusal a = JWT_ACCEPTED; a <= JWT_NOT_YET; a++)
    for (enum jwt_refusal b = JWT_ACCEPTED; b < a; b++) cr_expect_str_neq(jwt_refusal_name(a), jwt_refusal_name(b));
  cr_expect_str_eq(jwt_refusal_name(JWT_EXPIRED), "expired");
}
