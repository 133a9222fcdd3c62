#include "x5c_chain.h"

#include "codec/base64.h"
#include "jws.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

static const struct json_limits header_limits = {
    .max_bytes = X5C_MAX_BYTES, .max_depth = 4, .max_keys = 32, .no_duplicate_keys = true, .exact_integers = true};
static const struct json_limits payload_limits = {
    .max_bytes = X5C_MAX_BYTES, .max_depth = 16, .max_keys = 256, .no_duplicate_keys = true, .exact_integers = true};

struct verification {
  struct x5c *x5c;
  enum x5c_refusal refusal;
  struct error *error;
};

DEFINE_CLEANUP(BIO, bio_freep, BIO_free)
DEFINE_CLEANUP(X509, x509_freep, X509_free)

const char *x5c_refusal_name(enum x5c_refusal refusal) {
  static const char *const names[] = {
      [X5C_ACCEPTED] = "accepted",       [X5C_MALFORMED] = "malformed",   [X5C_REFUSED_HEADER] = "refused_header",
      [X5C_WRONG_CHAIN] = "wrong_chain", [X5C_WRONG_DATE] = "wrong_date", [X5C_WRONG_SIGNATURE] = "wrong_signature",
  };
  return (size_t)refusal < ELEMENTS(names) ? names[refusal] : "malformed";
}

/* ---- what is trusted ---- */

static int add_roots(X509_STORE *store, const char *pem, struct error *error) {
  size_t n = strlen(pem), count = 0;
  _cleanup_(bio_freep) BIO *bio = n <= X5C_MAX_BYTES ? BIO_new_mem_buf(pem, (int)n) : NULL;
  for (;; count++) {
    _cleanup_(x509_freep) X509 *root = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    if (!root) break;
    if (!X509_STORE_add_cert(store, root)) return error_oom(error);
  }
  bool whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  return count && whole ? 0 : error_set(error, ERROR_INVALID, "the roots are not certificates in PEM");
}

struct x5c *x5c_new(const struct x5c_rules *rules, struct error *error) {
  _cleanup_(x5c_freep) struct x5c *x5c = calloc(1, sizeof *x5c);
  if (!x5c || !(x5c->roots = X509_STORE_new()) || !(x5c->date_member = strdup(rules->date_member))) return error_oom(error), NULL;
  x5c->leaf_oid = OBJ_txt2obj(rules->leaf_oid, 1);
  x5c->issuer_oid = OBJ_txt2obj(rules->issuer_oid, 1);
  if (!x5c->leaf_oid || !x5c->issuer_oid) {
    ERR_clear_error();
    error_set(error, ERROR_INVALID, "an extension's name is not an object identifier");
    return NULL;
  }
  return add_roots(x5c->roots, rules->roots_pem, error) < 0 ? NULL : TAKE(x5c);
}

void x5c_free(struct x5c *x5c) {
  if (!x5c) return;
  for (size_t i = 0; i < X5C_CHAINS_KEPT; i++) x5c_chain_done(&x5c->kept[i]);
  X509_STORE_free(x5c->roots);
  ASN1_OBJECT_free(x5c->leaf_oid);
  ASN1_OBJECT_free(x5c->issuer_oid);
  free(x5c->date_member);
  free(x5c);
}

/* ---- one text ---- */

static int refuse(struct verification *v, enum x5c_refusal refusal, const char *what) {
  v->refusal = refusal;
  return error_set(v->error, ERROR_INVALID, "the signed text %s", what);
}

static int read_part(struct verification *v, const struct jws_part *part, const struct json_limits *limits, cJSON **ret) {
  const char *wrong = jws_read(part, limits, ret);
  return wrong ? refuse(v, X5C_MALFORMED, wrong) : 0;
}

static int split(struct verification *v, const char *text, size_t n, struct jws *ret) {
  const char *wrong = n > X5C_MAX_BYTES ? "is longer than 128 kB" : jws_split(text, n, ret);
  return wrong ? refuse(v, X5C_MALFORMED, wrong) : 0;
}

static int check_header(struct verification *v, const cJSON *header) {
  const cJSON *x5c = cJSON_GetObjectItemCaseSensitive(header, "x5c");
  if (!jws_has_alg(header, "ES256")) return refuse(v, X5C_REFUSED_HEADER, "is not signed with ES256");
  if (!jws_is_plain(header)) return refuse(v, X5C_REFUSED_HEADER, JWS_NOT_PLAIN);
  if (!cJSON_IsArray(x5c) || cJSON_GetArraySize(x5c) != X5C_CERTIFICATES)
    return refuse(v, X5C_REFUSED_HEADER, "does not have exactly three certificates");
  for (const cJSON *item = x5c->child; item; item = item->next)
    if (!cJSON_IsString(item)) return refuse(v, X5C_REFUSED_HEADER, "has a certificate that is no text");
  return 0;
}

static const struct x5c_chain *find_chain(struct verification *v, const cJSON *header) {
  const cJSON *text = cJSON_GetObjectItemCaseSensitive(header, "x5c")->child;
  struct buffer certificates[2];
  const struct x5c_chain *chain = NULL;
  struct error why = {.message = "the chain is not base64"};
  for (size_t i = 0; i < 2; i++) buffer_init(&certificates[i], X5C_MAX_BYTES / 2);
  if (base64_decode(text->valuestring, strlen(text->valuestring), &certificates[0]) == 0 &&
      base64_decode(text->next->valuestring, strlen(text->next->valuestring), &certificates[1]) == 0)
    chain = x5c_chain_check(v->x5c, certificates, &why);
  for (size_t i = 0; i < 2; i++) buffer_done(&certificates[i]);
  if (!chain) {
    v->refusal = X5C_WRONG_CHAIN;
    error_set(v->error, ERROR_INVALID, "the signed text's certificates are refused: %s", why.message);
  }
  return chain;
}

static int check_date(struct verification *v, const struct x5c_chain *chain, const cJSON *payload) {
  const cJSON *date = cJSON_GetObjectItemCaseSensitive(payload, v->x5c->date_member);
  if (!cJSON_IsNumber(date) || !(date->valuedouble > 0) || date->valuedouble > (double)JSON_INT_MAX)
    return refuse(v, X5C_WRONG_DATE, "does not say when it was signed");
  int64_t at_s = (int64_t)(date->valuedouble / 1000);
  bool lived = at_s >= chain->from_s && at_s <= chain->until_s;
  return lived ? 0 : refuse(v, X5C_WRONG_DATE, "was signed when its certificates were not valid");
}

static int check_signature(struct verification *v, struct es256_key *key, const struct jws *jws) {
  _cleanup_buffer_ struct buffer signature;
  buffer_init(&signature, X5C_MAX_BYTES);
  if (base64url_decode(jws->signature.text, jws->signature.n, &signature) < 0)
    return refuse(v, X5C_MALFORMED, "has a signature that is not base64url");
  bool right = es256_verify(key, jws->covered.text, jws->covered.n, (const unsigned char *)signature.data, signature.len);
  return right ? 0 : refuse(v, X5C_WRONG_SIGNATURE, "has a wrong signature");
}

static int verify(struct verification *v, const char *text, size_t n, cJSON **ret_payload) {
  struct jws jws = {0};
  _cleanup_(json_freep) cJSON *header = NULL;
  _cleanup_(json_freep) cJSON *payload = NULL;
  if (split(v, text, n, &jws) < 0 || read_part(v, &jws.header, &header_limits, &header) < 0 || check_header(v, header) < 0) return -1;
  const struct x5c_chain *chain = find_chain(v, header);
  if (!chain || read_part(v, &jws.payload, &payload_limits, &payload) < 0 || check_date(v, chain, payload) < 0 ||
      check_signature(v, chain->key, &jws) < 0)
    return -1;
  *ret_payload = TAKE(payload);
  return 0;
}

int x5c_verify(struct x5c *x5c, const char *jws, size_t n, cJSON **ret_payload, enum x5c_refusal *ret_refusal, struct error *error) {
  struct verification v = {.x5c = x5c, .error = error};
  int rc = verify(&v, jws, n, ret_payload);
  if (ret_refusal) *ret_refusal = v.refusal;
  return rc;
}
