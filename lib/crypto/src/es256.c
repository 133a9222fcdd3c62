#include "es256_internal.h"

#include "codec/base64.h"
#include "crypto/digest.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PEM_BYTES = 32 * 1024, MAX_DER_BYTES = 80, HALF = ES256_SIGNATURE_BYTES / 2 };

struct es256_key {
  EVP_PKEY *pkey;
  EVP_PKEY_CTX *verifier, *signer; /* set up once; signer: of private keys */
};

DEFINE_CLEANUP(EVP_PKEY, pkey_freep, EVP_PKEY_free)
DEFINE_CLEANUP(EVP_PKEY_CTX, pkey_ctx_freep, EVP_PKEY_CTX_free)
DEFINE_CLEANUP(BIO, bio_freep, BIO_free)
DEFINE_CLEANUP(ECDSA_SIG, ecdsa_freep, ECDSA_SIG_free)
DEFINE_CLEANUP(BIGNUM, bn_freep, BN_free)

/* OpenSSL's own words stay where they are: its queue must not grow. */
static int refuse(struct error *error, const char *what) {
  ERR_clear_error();
  return error_set(error, ERROR_INVALID, "%s", what);
}

static EVP_PKEY_CTX *prepare(EVP_PKEY *pkey, int (*init)(EVP_PKEY_CTX *)) {
  _cleanup_(pkey_ctx_freep) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
  if (!context || init(context) <= 0 || EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) <= 0) return NULL;
  return TAKE(context);
}

static bool is_p256(const EVP_PKEY *pkey) {
  char group[32];
  return EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) && !strcmp(group, "prime256v1");
}

int es256_key_wrap(EVP_PKEY *taken, bool private_half, struct es256_key **ret, struct error *error) {
  _cleanup_(pkey_freep) EVP_PKEY *pkey = taken;
  if (!is_p256(pkey)) return refuse(error, "the key is no elliptic key on P-256");
  _cleanup_(es256_key_freep) struct es256_key *key = calloc(1, sizeof *key);
  if (!key) return error_oom(error);
  key->pkey = TAKE(pkey);
  key->verifier = prepare(key->pkey, EVP_PKEY_verify_init);
  if (private_half) key->signer = prepare(key->pkey, EVP_PKEY_sign_init);
  if (!key->verifier || (private_half && !key->signer)) return refuse(error, "the key cannot be used with ES256");
  *ret = TAKE(key);
  return 0;
}

/* OpenSSL would ask at the terminal. */
static int no_passphrase(char *to, int size, int writing, void *owner) {
  (void)to, (void)size, (void)writing, (void)owner;
  return -1;
}

static bool signs_what_it_verifies(struct es256_key *key) {
  static const char trial[] = "a text that is signed to see that the halves match";
  unsigned char signature[ES256_SIGNATURE_BYTES];
  return es256_sign(key, trial, sizeof trial, signature, NULL) == 0 && es256_verify(key, trial, sizeof trial, signature, sizeof signature);
}

int es256_key_parse_private(const char *pem, size_t n, struct es256_key **ret, struct error *error) {
  _cleanup_(bio_freep) BIO *bio = n <= MAX_PEM_BYTES ? BIO_new_mem_buf(pem, (int)n) : NULL;
  EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
  if (!pkey) return refuse(error, "not a private key in PEM without a passphrase, or a damaged one");
  _cleanup_(es256_key_freep) struct es256_key *key = NULL;
  if (es256_key_wrap(pkey, true, &key, error) < 0) return -1;
  if (!signs_what_it_verifies(key)) return refuse(error, "the key's private half does not match its public half");
  *ret = TAKE(key);
  return 0;
}

void es256_key_free(struct es256_key *key) {
  if (!key) return;
  EVP_PKEY_CTX_free(key->verifier);
  EVP_PKEY_CTX_free(key->signer);
  EVP_PKEY_free(key->pkey);
  free(key);
}

/* RFC 7518, 3.4: r and s as they are, where X9.62 has DER. */
static bool der_to_pair(const unsigned char *der, size_t n, unsigned char to[ES256_SIGNATURE_BYTES]) {
  _cleanup_(ecdsa_freep) ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)n);
  return pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), to, HALF) == HALF && BN_bn2binpad(ECDSA_SIG_get0_s(pair), to + HALF, HALF) == HALF;
}

static int pair_to_der(const unsigned char *signature, unsigned char to[MAX_DER_BYTES]) {
  _cleanup_(ecdsa_freep) ECDSA_SIG *pair = ECDSA_SIG_new();
  _cleanup_(bn_freep) BIGNUM *r = BN_bin2bn(signature, HALF, NULL);
  _cleanup_(bn_freep) BIGNUM *s = BN_bin2bn(signature + HALF, HALF, NULL);
  if (!pair || !r || !s || !ECDSA_SIG_set0(pair, r, s)) return -1;
  r = s = NULL; /* the pair's now */
  return i2d_ECDSA_SIG(pair, &to);
}

int es256_sign(struct es256_key *key, const void *bytes, size_t n, unsigned char to[ES256_SIGNATURE_BYTES], struct error *error) {
  unsigned char digest[SHA256_BYTES], der[MAX_DER_BYTES];
  size_t der_n = sizeof der;
  if (!key->signer) return error_set(error, ERROR_BUG, "a public key can't sign");
  if (sha256(bytes, n, digest) < 0) return error_oom(error);
  if (EVP_PKEY_sign(key->signer, der, &der_n, digest, sizeof digest) <= 0 || !der_to_pair(der, der_n, to))
    return refuse(error, "the key cannot sign");
  return 0;
}

bool es256_verify(struct es256_key *key, const void *bytes, size_t n, const unsigned char *signature, size_t signature_n) {
  unsigned char digest[SHA256_BYTES], der[MAX_DER_BYTES];
  if (signature_n != ES256_SIGNATURE_BYTES || sha256(bytes, n, digest) < 0) return false;
  int der_n = pair_to_der(signature, der);
  bool right = der_n > 0 && EVP_PKEY_verify(key->verifier, der, (size_t)der_n, digest, sizeof digest) == 1;
  if (!right) ERR_clear_error();
  return right;
}

static void append_part(const struct buffer *json, struct buffer *to) {
  base64url_encode(json->data, json->len, to);
  if (json->failed) to->failed = true;
}

int es256_sign_jwt(const cJSON *claims, struct es256_key *key, const char *kid, struct buffer *to, struct error *error) {
  unsigned char signature[ES256_SIGNATURE_BYTES];
  size_t start = to->len;
  _cleanup_buffer_ struct buffer part;
  buffer_init(&part, 8192);
  buffer_puts(&part, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":");
  buffer_json_string(&part, kid, strlen(kid));
  buffer_puts(&part, "}");
  append_part(&part, to);
  buffer_puts(to, ".");
  buffer_clear(&part);
  json_print(claims, &part);
  append_part(&part, to);
  if (to->failed) return error_set(error, ERROR_INVALID, "the token is too long");
  if (es256_sign(key, to->data + start, to->len - start, signature, error) < 0) return -1;
  buffer_puts(to, ".");
  base64url_encode(signature, sizeof signature, to);
  return to->failed ? error_set(error, ERROR_INVALID, "the token is too long") : 0;
}
