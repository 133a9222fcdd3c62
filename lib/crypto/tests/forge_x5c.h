/* Certificate authorities of the tests' own, and texts that they sign: right ones, and wrong in any one way.
 *
 *     struct forged root = forge_certificate(NULL, &(struct forged_as){.ca = true});
 *     struct forged issuer = forge_certificate(&root, &(struct forged_as){.ca = true, .oid = ISSUER_OID});
 *     struct forged leaf = forge_certificate(&issuer, &(struct forged_as){.oid = LEAF_OID});
 *     forge_jws(&leaf, header, payload, &text);
 *
 * Ends the process where OpenSSL can't. Each forged thing ends with forged_done().
 */
#pragma once

#include "codec/base64.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAF_OID   "1.2.840.113635.100.6.11.1"
#define ISSUER_OID "1.2.840.113635.100.6.2.1"

enum { FORGED_FROM_S = 1700000000, FORGED_UNTIL_S = 1800000000 };

struct forged {
  X509 *certificate;
  EVP_PKEY *key;
};

struct forged_as {
  bool ca;
  const char *oid;         /* an extension that it has */
  const char *curve;       /* NULL: P-256 */
  const char *critical;    /* an extension that nobody knows and that is critical */
  int64_t from_s, until_s; /* 0: FORGED_FROM_S, FORGED_UNTIL_S */
  const EVP_MD *digest;    /* NULL: SHA-256 */
};

static inline void forge_must(bool holds) {
  if (!holds) abort();
}

static inline void forge_extension(X509 *certificate, const char *oid, bool critical) {
  static unsigned char nothing[] = {0x05, 0x00};
  ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
  ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
  forge_must(object && value && ASN1_OCTET_STRING_set(value, nothing, sizeof nothing));
  X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, critical, value);
  forge_must(extension && X509_add_ext(certificate, extension, -1));
  X509_EXTENSION_free(extension);
  ASN1_OCTET_STRING_free(value);
  ASN1_OBJECT_free(object);
}

static inline void forge_basic_constraints(X509 *certificate) {
  char value[] = "critical,CA:TRUE";
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, value);
  forge_must(extension && X509_add_ext(certificate, extension, -1));
  X509_EXTENSION_free(extension);
}

/* ISSUER NULL: signed by itself. */
static inline struct forged forge_certificate(const struct forged *issuer, const struct forged_as *as) {
  static long serial;
  char name[32];
  struct forged made = {.certificate = X509_new(), .key = EVP_EC_gen(as->curve ? as->curve : "P-256")};
  X509 *x = made.certificate;
  forge_must(x && made.key);
  (void)snprintf(name, sizeof name, "forged %ld", ++serial);
  X509_NAME *subject = X509_get_subject_name(x);
  forge_must(X509_set_version(x, X509_VERSION_3) && ASN1_INTEGER_set(X509_get_serialNumber(x), serial) &&
             X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (unsigned char *)name, -1, -1, 0) &&
             X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer->certificate) : subject) &&
             ASN1_TIME_set(X509_getm_notBefore(x), as->from_s ? as->from_s : FORGED_FROM_S) &&
             ASN1_TIME_set(X509_getm_notAfter(x), as->until_s ? as->until_s : FORGED_UNTIL_S) && X509_set_pubkey(x, made.key));
  if (as->ca) forge_basic_constraints(x);
  if (as->oid) forge_extension(x, as->oid, false);
  if (as->critical) forge_extension(x, as->critical, true);
  forge_must(X509_sign(x, issuer ? issuer->key : made.key, as->digest ? as->digest : EVP_sha256()) > 0);
  return made;
}

static inline void forged_done(struct forged *forged) {
  X509_free(forged->certificate);
  EVP_PKEY_free(forged->key);
  *forged = (struct forged){0};
}

/* The certificate as x5c holds it. */
static inline void forge_append_x5c(const struct forged *forged, struct buffer *to) {
  unsigned char *der = NULL;
  int n = i2d_X509(forged->certificate, &der);
  forge_must(n > 0);
  base64_encode(der, (size_t)n, to);
  OPENSSL_free(der);
}

static inline char *forge_pem(const struct forged *forged) {
  char *text = NULL;
  BIO *bio = BIO_new(BIO_s_mem());
  forge_must(bio && PEM_write_bio_X509(bio, forged->certificate));
  long n = BIO_get_mem_data(bio, &text);
  char *copy = strndup(text, (size_t)n);
  BIO_free(bio);
  forge_must(copy);
  return copy;
}

/* {"alg":ALG,"x5c":[…]} of COUNT certificates. */
static inline void forge_header(const char *alg, const struct forged *const *certificates, size_t count, struct buffer *to) {
  buffer_printf(to, "{\"alg\":\"%s\",\"x5c\":[", alg);
  for (size_t i = 0; i < count; i++) {
    buffer_puts(to, i ? ",\"" : "\"");
    forge_append_x5c(certificates[i], to);
    buffer_puts(to, "\"");
  }
  buffer_puts(to, "]}");
}

/* ECDSA over SHA-256: in DER, or as r and s of half the key's size each. */
static inline void forge_sign(const struct forged *signer, const struct buffer *text, bool der_form, struct buffer *to) {
  unsigned char der[256], pair[256];
  size_t der_n = sizeof der;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  forge_must(context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, signer->key) > 0 &&
             EVP_DigestSign(context, der, &der_n, (const unsigned char *)text->data, text->len) > 0);
  EVP_MD_CTX_free(context);
  if (der_form) {
    base64url_encode(der, der_n, to);
    return;
  }
  const unsigned char *at = der;
  ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)der_n);
  int half = (EVP_PKEY_get_bits(signer->key) + 7) / 8;
  forge_must(signature && BN_bn2binpad(ECDSA_SIG_get0_r(signature), pair, half) == half &&
             BN_bn2binpad(ECDSA_SIG_get0_s(signature), pair + half, half) == half);
  ECDSA_SIG_free(signature);
  base64url_encode(pair, (size_t)half * 2, to);
}

/* Any header and payload under a right signature of SIGNER. */
static inline void forge_jws(const struct forged *signer, const char *header, size_t header_n, const char *payload, size_t payload_n,
                             struct buffer *to) {
  base64url_encode(header, header_n, to);
  buffer_puts(to, ".");
  base64url_encode(payload, payload_n, to);
  struct buffer signature;
  buffer_init(&signature, 1024);
  forge_sign(signer, to, false, &signature);
  buffer_puts(to, ".");
  buffer_append(to, signature.data, signature.len);
  buffer_done(&signature);
}
