#include "x5c_chain.h"

#include "crypto/digest.h"
#include "es256_internal.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <string.h>
#include <time.h>

/* OpenSSL's scale of security levels, 2: no key and no digest below 112 bits, so no SHA-1. */
enum { AUTH_LEVEL = 2 };

DEFINE_CLEANUP(X509, x509_freep, X509_free)
DEFINE_CLEANUP(X509_STORE_CTX, store_context_freep, X509_STORE_CTX_free)

static inline void untrusted_freep(STACK_OF(X509) * *stack) { sk_X509_free(*stack); }

static int refuse(struct error *error, const char *what) {
  ERR_clear_error();
  return error_set(error, ERROR_INVALID, "the chain %s", what);
}

static X509 *read_certificate(const struct buffer *der) {
  const unsigned char *at = (const unsigned char *)der->data;
  _cleanup_(x509_freep) X509 *certificate = d2i_X509(NULL, &at, (long)der->len);
  return certificate && at == (const unsigned char *)der->data + der->len ? TAKE(certificate) : NULL;
}

static bool seconds_of(const ASN1_TIME *time, int64_t *ret_s) {
  struct tm tm;
  if (!ASN1_TIME_to_tm(time, &tm)) return false;
  *ret_s = timegm(&tm);
  return true;
}

/* The time in which all of CHAIN live. */
static bool common_life(const STACK_OF(X509) * chain, struct x5c_chain *into) {
  into->from_s = INT64_MIN;
  into->until_s = INT64_MAX;
  for (int i = 0; i < sk_X509_num(chain); i++) {
    int64_t from, until;
    const X509 *certificate = sk_X509_value(chain, i);
    if (!seconds_of(X509_get0_notBefore(certificate), &from) || !seconds_of(X509_get0_notAfter(certificate), &until)) return false;
    if (from > into->from_s) into->from_s = from;
    if (until < into->until_s) into->until_s = until;
  }
  return true;
}

static bool has_extension(const X509 *certificate, const ASN1_OBJECT *oid) { return X509_get_ext_by_OBJ(certificate, oid, -1) >= 0; }

/* Exactly leaf, issuer and a root of ours: a leaf that a root has signed itself, or a root given as issuer, is another chain than what the
 * extensions are asked of. The date is compared by the caller, each time that the chain comes. */
static int verify_path(struct x5c *x5c, X509 *leaf, X509 *issuer, struct x5c_chain *into, struct error *error) {
  _cleanup_(store_context_freep) X509_STORE_CTX *context = X509_STORE_CTX_new();
  _cleanup_(untrusted_freep) STACK_OF(X509) *untrusted = sk_X509_new_null();
  if (!context || !untrusted || !sk_X509_push(untrusted, issuer) || !X509_STORE_CTX_init(context, x5c->roots, leaf, untrusted))
    return error_oom(error);
  X509_STORE_CTX_set_flags(context, X509_V_FLAG_NO_CHECK_TIME);
  X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(context), AUTH_LEVEL);
  if (X509_verify_cert(context) != 1) return refuse(error, "does not lead to a root that is trusted");
  const STACK_OF(X509) *found = X509_STORE_CTX_get0_chain(context);
  if (sk_X509_num(found) != X5C_CERTIFICATES || X509_cmp(sk_X509_value(found, 1), issuer) != 0)
    return refuse(error, "is not the two certificates and a root");
  return common_life(found, into) ? 0 : refuse(error, "has a certificate without a readable life");
}

static int verify_chain(struct x5c *x5c, const struct buffer certificates[2], struct x5c_chain *into, struct error *error) {
  _cleanup_(x509_freep) X509 *leaf = read_certificate(&certificates[0]);
  _cleanup_(x509_freep) X509 *issuer = read_certificate(&certificates[1]);
  if (!leaf || !issuer) return refuse(error, "has a certificate that can't be read");
  if (!has_extension(leaf, x5c->leaf_oid)) return refuse(error, "begins with a certificate that may not sign such texts");
  if (!has_extension(issuer, x5c->issuer_oid)) return refuse(error, "has an issuer that may not issue for such texts");
  if (verify_path(x5c, leaf, issuer, into, error) < 0) return -1;
  EVP_PKEY *pkey = X509_get_pubkey(leaf);
  return pkey && es256_key_wrap(pkey, false, &into->key, NULL) == 0 ? 0 : refuse(error, "begins with a key that is not for ES256");
}

/* The length first, so that no other pair of certificates is the same bytes. */
static int digest_pair(const struct buffer certificates[2], unsigned char to[SHA256_BYTES]) {
  _cleanup_buffer_ struct buffer both;
  buffer_init(&both, X5C_MAX_BYTES);
  buffer_printf(&both, "%zu:", certificates[0].len);
  buffer_append(&both, certificates[0].data, certificates[0].len);
  buffer_append(&both, certificates[1].data, certificates[1].len);
  return both.failed ? -1 : sha256(both.data, both.len, to);
}

const struct x5c_chain *x5c_chain_check(struct x5c *x5c, const struct buffer certificates[2], struct error *error) {
  struct x5c_chain fresh = {0};
  if (digest_pair(certificates, fresh.digest) < 0) return error_oom(error), NULL;
  for (size_t i = 0; i < X5C_CHAINS_KEPT; i++)
    if (x5c->kept[i].key && !memcmp(x5c->kept[i].digest, fresh.digest, sizeof fresh.digest)) return &x5c->kept[i];
  if (verify_chain(x5c, certificates, &fresh, error) < 0) return NULL;
  struct x5c_chain *place = &x5c->kept[x5c->next];
  x5c->next = (x5c->next + 1) % X5C_CHAINS_KEPT;
  x5c_chain_done(place);
  *place = fresh;
  return place;
}

void x5c_chain_done(struct x5c_chain *chain) {
  es256_key_free(chain->key);
  *chain = (struct x5c_chain){0};
}
