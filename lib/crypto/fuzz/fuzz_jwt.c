/* The header and the claims of a token. The input is tried as a token as it is; and, split at its first line end, as a header and claims that
 * are signed well, so that what stands behind the signature is reached.
 */
#include "codec/base64.h"
#include "crypto/jwt.h"
#include "testing/fuzz.h"

#include <string.h>

/* The key "1" of this run. */
static struct rsa_key *signer(struct jwks **ret_known) {
  static struct rsa_key *key;
  static struct jwks *known;
  if (!key) {
    demand(rsa_key_generate(2048, &key, NULL) == 0 && (known = jwks_new()));
    cJSON *jwk = rsa_key_jwk(key, "1");
    struct rsa_key *half = NULL;
    demand(jwk && rsa_key_parse_jwk(jwk, &half, NULL) == 0 && jwks_add(known, "1", half, NULL) == 0);
    cJSON_Delete(jwk);
  }
  *ret_known = known;
  return key;
}

static void verify(const struct jwks *known, const char *token, size_t n) {
  struct jwt_rules rules = {.keys = known, .issuer = "i", .audience = "a", .now_s = 1000, .skew_s = 60};
  struct jwt_claims claims = {0};
  struct error error = {0};
  enum jwt_refusal refusal;
  if (jwt_verify(&rules, token, n, &claims, &refusal, &error) < 0) {
    demand(refusal != JWT_ACCEPTED && error.kind == ERROR_INVALID && !claims.claims);
    return;
  }
  demand(refusal == JWT_ACCEPTED && *claims.sub && claims.exp_s + 60 >= 1000 && !strcmp(claims.kid, "1"));
  (void)jwt_has_role(&claims, "admin");
  jwt_claims_done(&claims);
}

static void verify_signed(const char *text, size_t n) {
  struct jwks *known;
  struct rsa_key *key = signer(&known);
  const char *end = memchr(text, '\n', n), *claims = end ? end + 1 : text + n;
  unsigned char signature[RSA_MAX_BYTES];
  size_t signature_n;
  struct buffer token;
  buffer_init(&token, 1 << 20);
  base64url_encode(text, (size_t)((end ? end : claims) - text), &token);
  buffer_puts(&token, ".");
  base64url_encode(claims, (size_t)(text + n - claims), &token);
  demand(rsa_key_sign(key, token.data, token.len, signature, &signature_n, NULL) == 0);
  buffer_puts(&token, ".");
  base64url_encode(signature, signature_n, &token);
  verify(known, token.data, token.len);
  buffer_done(&token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  struct jwks *known;
  (void)signer(&known);
  verify(known, (const char *)data, n);
  verify_signed((const char *)data, n);
  return 0;
}
