#include "crypto/key.h"

#include "codec/base64.h"
#include "crypto/digest.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PEM_BYTES = 32 * 1024, MAX_EXPONENT_BITS = 64 };

struct rsa_key {
  EVP_PKEY *pkey;
  EVP_PKEY_CTX *verifier, *signer; /* set up once; signer: of private keys */
};

DEFINE_CLEANUP(EVP_PKEY, pkey_freep, EVP_PKEY_free)
DEFINE_CLEANUP(EVP_PKEY_CTX, pkey_ctx_freep, EVP_PKEY_CTX_free)
DEFINE_CLEANUP(BIO, bio_freep, BIO_free)
DEFINE_CLEANUP(BIGNUM, bn_freep, BN_clear_free)
DEFINE_CLEANUP(BN_CTX, bn_ctx_freep, BN_CTX_free)
DEFINE_CLEANUP(OSSL_PARAM_BLD, builder_freep, OSSL_PARAM_BLD_free)
DEFINE_CLEANUP(OSSL_PARAM, parameters_freep, OSSL_PARAM_free)

/* What OpenSSL has to say goes nowhere: its queue must not grow, and its words help nobody who wrote a PEM. */
static int refuse(struct error *error, const char *what) {
  ERR_clear_error();
  return error_set(error, ERROR_INVALID, "%s", what);
}

static BIGNUM *number_of(const EVP_PKEY *pkey, const char *name) {
  BIGNUM *number = NULL;
  return EVP_PKEY_get_bn_param(pkey, name, &number) ? number : NULL;
}

static int check_public(const EVP_PKEY *pkey, struct error *error) {
  if (!EVP_PKEY_is_a(pkey, "RSA")) return refuse(error, "the key is no RSA key");
  int bits = EVP_PKEY_get_bits(pkey);
  if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS)
    return error_set(error, ERROR_INVALID, "the key has %d bits, expected %d to %d", bits, RSA_MIN_BITS, RSA_MAX_BITS);
  _cleanup_(bn_freep) BIGNUM *modulus = number_of(pkey, OSSL_PKEY_PARAM_RSA_N);
  _cleanup_(bn_freep) BIGNUM *exponent = number_of(pkey, OSSL_PKEY_PARAM_RSA_E);
  if (!modulus || !exponent) return error_oom(error);
  if (!BN_is_odd(modulus)) return refuse(error, "the key's modulus is even");
  if (!BN_is_odd(exponent) || BN_is_one(exponent) || BN_num_bits(exponent) > MAX_EXPONENT_BITS)
    return refuse(error, "the key's exponent is not an odd number of 3 to 64 bits");
  return 0;
}

static EVP_PKEY_CTX *prepare(EVP_PKEY *pkey, int (*init)(EVP_PKEY_CTX *)) {
  _cleanup_(pkey_ctx_freep) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
  if (!context || init(context) <= 0 || EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) <= 0 ||
      EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) <= 0)
    return NULL;
  return TAKE(context);
}

/* Of one prime: d mod (prime - 1) is EXPONENT, and undoes e. */
static bool exponent_agrees(const BIGNUM *e, const BIGNUM *d, const BIGNUM *prime, const BIGNUM *exponent, BN_CTX *context) {
  _cleanup_(bn_freep) BIGNUM *order = BN_dup(prime);
  _cleanup_(bn_freep) BIGNUM *result = BN_new();
  return order && result && BN_sub_word(order, 1) && BN_nnmod(result, d, order, context) && !BN_cmp(result, exponent) &&
         BN_mod_mul(result, e, exponent, order, context) && BN_is_one(result);
}

/* RFC 8017, 3.2: all numbers of a two-prime key fit each other. A trial signature alone doesn't show it, as OpenSSL goes around numbers
 * that are damaged; that the primes are primes is left to the trial (EVP_PKEY_pairwise_check proves it, in 40 ms). */
static bool numbers_agree(const EVP_PKEY *pkey) {
  static const char *const names[] = {OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,           OSSL_PKEY_PARAM_RSA_D,
                                      OSSL_PKEY_PARAM_RSA_FACTOR1,   OSSL_PKEY_PARAM_RSA_FACTOR2,     OSSL_PKEY_PARAM_RSA_EXPONENT1,
                                      OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
  enum { N, E, D, P, Q, DP, DQ, QI, NUMBERS };
  BIGNUM *of[NUMBERS] = {0};
  _cleanup_(bn_ctx_freep) BN_CTX *context = BN_CTX_new();
  _cleanup_(bn_freep) BIGNUM *result = BN_new();
  bool agree = context && result;
  for (int i = 0; i < NUMBERS; i++) agree = (of[i] = number_of(pkey, names[i])) && agree;
  agree = agree && BN_mul(result, of[P], of[Q], context) && !BN_cmp(result, of[N]) &&
          exponent_agrees(of[E], of[D], of[P], of[DP], context) && exponent_agrees(of[E], of[D], of[Q], of[DQ], context) &&
          BN_mod_mul(result, of[QI], of[Q], of[P], context) && BN_is_one(result);
  for (int i = 0; i < NUMBERS; i++) BN_clear_free(of[i]);
  return agree;
}

static bool signs_what_it_verifies(struct rsa_key *key) {
  static const char trial[] = "a text that is signed to see that the halves match";
  unsigned char signature[RSA_MAX_BYTES];
  size_t n = 0;
  return rsa_key_sign(key, trial, sizeof trial, signature, &n, NULL) == 0 && rsa_key_verify(key, trial, sizeof trial, signature, n);
}

/* Takes PKEY in every case. */
static int wrap(EVP_PKEY *taken, bool private_half, struct rsa_key **ret, struct error *error) {
  _cleanup_(pkey_freep) EVP_PKEY *pkey = taken;
  if (check_public(pkey, error) < 0) return -1;
  _cleanup_(rsa_key_freep) struct rsa_key *key = calloc(1, sizeof *key);
  if (!key) return error_oom(error);
  key->pkey = TAKE(pkey);
  key->verifier = prepare(key->pkey, EVP_PKEY_verify_init);
  if (private_half) key->signer = prepare(key->pkey, EVP_PKEY_sign_init);
  if (!key->verifier || (private_half && !key->signer)) return refuse(error, "the key cannot be used with RS256");
  if (private_half && !(numbers_agree(key->pkey) && signs_what_it_verifies(key)))
    return refuse(error, "the key's private half does not match its public half");
  *ret = TAKE(key);
  return 0;
}

int rsa_key_generate(unsigned bits, struct rsa_key **ret, struct error *error) {
  if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS)
    return error_set(error, ERROR_INVALID, "%u bits were asked for, expected %d to %d", bits, RSA_MIN_BITS, RSA_MAX_BITS);
  EVP_PKEY *pkey = EVP_RSA_gen(bits);
  return pkey ? wrap(pkey, true, ret, error) : error_oom(error);
}

/* OpenSSL would ask at the terminal. */
static int no_passphrase(char *to, int size, int writing, void *owner) {
  (void)to, (void)size, (void)writing, (void)owner;
  return -1;
}

typedef EVP_PKEY *pem_reader(BIO *, EVP_PKEY **, pem_password_cb *, void *);

static EVP_PKEY *read_pem(const char *pem, size_t n, pem_reader *reader) {
  if (n > MAX_PEM_BYTES) return NULL;
  _cleanup_(bio_freep) BIO *bio = BIO_new_mem_buf(pem, (int)n);
  return bio ? reader(bio, NULL, no_passphrase, NULL) : NULL;
}

int rsa_key_parse_private(const char *pem, size_t n, struct rsa_key **ret, struct error *error) {
  EVP_PKEY *pkey = read_pem(pem, n, PEM_read_bio_PrivateKey);
  if (!pkey) return refuse(error, "not a private key in PEM without a passphrase, or a damaged one");
  return wrap(pkey, true, ret, error);
}

int rsa_key_parse_public(const char *pem, size_t n, struct rsa_key **ret, struct error *error) {
  EVP_PKEY *pkey = read_pem(pem, n, PEM_read_bio_PUBKEY);
  if (!pkey) return refuse(error, "not a public key in PEM, or a damaged one");
  return wrap(pkey, false, ret, error);
}

/* A Base64urlUInt (RFC 7518, 2), or NULL. */
static BIGNUM *decode_number(const cJSON *jwk, const char *name) {
  const char *text = json_string(jwk, name, "");
  struct buffer bytes;
  buffer_init(&bytes, RSA_MAX_BYTES + 1); /* some write a leading zero byte */
  BIGNUM *number = NULL;
  if (*text && base64url_decode(text, strlen(text), &bytes) == 0) number = BN_bin2bn((unsigned char *)bytes.data, (int)bytes.len, NULL);
  buffer_done(&bytes);
  return number;
}

static EVP_PKEY *build_public(const BIGNUM *modulus, const BIGNUM *exponent) {
  _cleanup_(builder_freep) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
  if (!builder || !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) ||
      !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent))
    return NULL;
  _cleanup_(parameters_freep) OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
  _cleanup_(pkey_ctx_freep) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
  EVP_PKEY *pkey = NULL;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context) <= 0 ||
      EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, parameters) <= 0)
    return NULL;
  return pkey;
}

static bool lists(const cJSON *list, const char *wanted) {
  for (const cJSON *item = list ? list->child : NULL; item; item = item->next)
    if (cJSON_IsString(item) && !strcmp(item->valuestring, wanted)) return true;
  return false;
}

/* RFC 7518, 6.3.2, and the k of symmetric keys. */
static int refuse_private_members(const cJSON *jwk, struct error *error) {
  static const char *const private_members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
  for (size_t i = 0; i < ELEMENTS(private_members); i++)
    if (cJSON_GetObjectItemCaseSensitive(jwk, private_members[i]))
      return error_set(error, ERROR_INVALID, "the JWK has the private member \"%s\"", private_members[i]);
  return 0;
}

int rsa_key_parse_jwk(const cJSON *jwk, struct rsa_key **ret, struct error *error) {
  if (refuse_private_members(jwk, error) < 0) return -1;
  if (strcmp(json_string(jwk, "kty", ""), "RSA") != 0) return refuse(error, "the JWK's kty is not RSA");
  if (json_member(jwk, "alg") && strcmp(json_string(jwk, "alg", ""), "RS256") != 0) return refuse(error, "the JWK's alg is not RS256");
  if (json_member(jwk, "use") && strcmp(json_string(jwk, "use", ""), "sig") != 0) return refuse(error, "the JWK's use is not sig");
  if (json_member(jwk, "key_ops") && !lists(json_member(jwk, "key_ops"), "verify"))
    return refuse(error, "the JWK's key_ops do not have verify");
  _cleanup_(bn_freep) BIGNUM *modulus = decode_number(jwk, "n");
  _cleanup_(bn_freep) BIGNUM *exponent = decode_number(jwk, "e");
  if (!modulus || !exponent) return refuse(error, "the JWK's n or e is missing or no base64url");
  EVP_PKEY *pkey = build_public(modulus, exponent);
  return pkey ? wrap(pkey, false, ret, error) : refuse(error, "the JWK's n and e make no RSA key");
}

void rsa_key_free(struct rsa_key *key) {
  if (!key) return;
  EVP_PKEY_CTX_free(key->verifier);
  EVP_PKEY_CTX_free(key->signer);
  EVP_PKEY_free(key->pkey);
  free(key);
}

bool rsa_key_is_private(const struct rsa_key *key) { return key->signer; }
unsigned rsa_key_bits(const struct rsa_key *key) { return (unsigned)EVP_PKEY_get_bits(key->pkey); }
bool rsa_key_same_public(const struct rsa_key *a, const struct rsa_key *b) { return EVP_PKEY_eq(a->pkey, b->pkey) == 1; }

static void append_bio(BIO *bio, struct buffer *to) {
  char *text = NULL;
  long n = BIO_get_mem_data(bio, &text);
  if (n > 0) buffer_append(to, text, (size_t)n);
}

int rsa_key_print_private(const struct rsa_key *key, struct buffer *to, struct error *error) {
  if (!key->signer) return refuse(error, "the key has no private half");
  _cleanup_(bio_freep) BIO *bio = BIO_new(BIO_s_mem()); /* overwrites what it frees */
  if (!bio || !PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL)) return error_oom(error);
  append_bio(bio, to);
  return to->failed ? error_oom(error) : 0;
}

int rsa_key_print_public(const struct rsa_key *key, struct buffer *to, struct error *error) {
  _cleanup_(bio_freep) BIO *bio = BIO_new(BIO_s_mem());
  if (!bio || !PEM_write_bio_PUBKEY(bio, key->pkey)) return error_oom(error);
  append_bio(bio, to);
  return to->failed ? error_oom(error) : 0;
}

static int add_number(const EVP_PKEY *pkey, const char *parameter, cJSON *jwk, const char *name) {
  _cleanup_(bn_freep) BIGNUM *number = number_of(pkey, parameter);
  unsigned char bytes[RSA_MAX_BYTES];
  struct buffer text;
  buffer_init(&text, 2 * RSA_MAX_BYTES);
  if (number) base64url_encode(bytes, (size_t)BN_bn2bin(number, bytes), &text); /* check_public has bounded it */
  bool added = number && !text.failed && cJSON_AddStringToObject(jwk, name, buffer_text(&text));
  buffer_done(&text);
  return added ? 0 : -1;
}

cJSON *rsa_key_jwk(const struct rsa_key *key, const char *kid) {
  _cleanup_(json_freep) cJSON *jwk = cJSON_CreateObject();
  if (!jwk || !cJSON_AddStringToObject(jwk, "kty", "RSA") || add_number(key->pkey, OSSL_PKEY_PARAM_RSA_N, jwk, "n") < 0 ||
      add_number(key->pkey, OSSL_PKEY_PARAM_RSA_E, jwk, "e") < 0 || !cJSON_AddStringToObject(jwk, "kid", kid) ||
      !cJSON_AddStringToObject(jwk, "alg", "RS256") || !cJSON_AddStringToObject(jwk, "use", "sig"))
    return NULL;
  return TAKE(jwk);
}

int rsa_key_sign(struct rsa_key *key, const void *bytes, size_t n, unsigned char *to, size_t *ret_n, struct error *error) {
  unsigned char digest[SHA256_BYTES];
  size_t written = RSA_MAX_BYTES;
  if (!key->signer) return refuse(error, "the key has no private half");
  if (sha256(bytes, n, digest) < 0) return error_oom(error);
  if (EVP_PKEY_sign(key->signer, to, &written, digest, sizeof digest) <= 0) return refuse(error, "the key does not sign");
  *ret_n = written;
  return 0;
}

bool rsa_key_verify(struct rsa_key *key, const void *bytes, size_t n, const unsigned char *signature, size_t signature_n) {
  unsigned char digest[SHA256_BYTES];
  if (sha256(bytes, n, digest) < 0) return false;
  bool right = EVP_PKEY_verify(key->verifier, signature, signature_n, digest, sizeof digest) == 1;
  if (!right) ERR_clear_error();
  return right;
}

void key_new_kid(int64_t now_ms, char to[KID_SIZE]) { (void)snprintf(to, KID_SIZE, "%lld", (long long)now_ms); }
