/* The header and the claims of a token, the key set, and JWKs. The input is tried as a token as it is; split at its first line end, as a
 * header and claims that are signed well, so that what stands behind the signature is reached; and as a key set.
 *
 *     clang -std=gnu17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Ilib/base/include \
 *       -Ilib/codec/include -Ilib/crypto/include lib/crypto/fuzz/fuzz_jwt.c lib/crypto/src/{digest,key,jwks,jwt}.c \
 *       lib/codec/src/{base64,json,json_check}.c lib/base/src/{buffer,cleanup,error}.c -lcjson -lcrypto -o fuzz_jwt
 *     ./fuzz_jwt -max_len=4096 -max_total_time=60 /tmp/new-inputs lib/crypto/fuzz/corpus_jwt
 */
#include "codec/base64.h"
#include "crypto/jwt.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool holds) {
  if (!holds) abort();
}

/* The key "1" of this run. */
static struct rsa_key *signer(struct jwks **ret_known) {
  static struct rsa_key *key;
  static struct jwks *known;
  if (!key) {
    must(rsa_key_generate(2048, &key, NULL) == 0 && (known = jwks_new()));
    cJSON *jwk = rsa_key_jwk(key, "1");
    struct rsa_key *half = NULL;
    must(jwk && rsa_key_parse_jwk(jwk, &half, NULL) == 0 && jwks_add(known, "1", half, NULL) == 0);
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
    must(refusal != JWT_ACCEPTED && error.kind == ERROR_INVALID && !claims.claims);
    return;
  }
  must(refusal == JWT_ACCEPTED && *claims.sub && claims.exp_s + 60 >= 1000 && !strcmp(claims.kid, "1"));
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
  must(rsa_key_sign(key, token.data, token.len, signature, &signature_n, NULL) == 0);
  buffer_puts(&token, ".");
  base64url_encode(signature, signature_n, &token);
  verify(known, token.data, token.len);
  buffer_done(&token);
}

static void read_key_set(const char *text, size_t n) {
  struct jwks *keys = NULL;
  struct buffer printed;
  if (jwks_parse(text, n, &keys, NULL) < 0) return;
  buffer_init(&printed, 1 << 20);
  must(jwks_print(keys, &printed, NULL) == 0);
  jwks_free(keys);
  must(jwks_parse(printed.data, printed.len, &keys, NULL) == 0);
  jwks_free(keys);
  buffer_done(&printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  struct jwks *known;
  (void)signer(&known);
  verify(known, (const char *)data, n);
  verify_signed((const char *)data, n);
  read_key_set((const char *)data, n);
  return 0;
}
