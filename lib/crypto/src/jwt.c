#include "crypto/jwt.h"

#include "codec/base64.h"
#include "jws.h"

#include <math.h>
#include <string.h>
#include <strings.h>

static const struct json_limits header_limits = {
    .max_bytes = JWT_MAX_BYTES, .max_depth = 4, .max_keys = 32, .no_duplicate_keys = true, .exact_integers = true};
static const struct json_limits claims_limits = {
    .max_bytes = JWT_MAX_BYTES, .max_depth = 16, .max_keys = 128, .no_duplicate_keys = true, .exact_integers = true};

struct verification {
  const struct jwt_rules *rules;
  enum jwt_refusal refusal;
  struct error *error;
};

const char *jwt_refusal_name(enum jwt_refusal refusal) {
  static const char *const names[] = {
      [JWT_ACCEPTED] = "accepted",
      [JWT_MALFORMED] = "malformed",
      [JWT_REFUSED_HEADER] = "refused_header",
      [JWT_UNKNOWN_KEY] = "unknown_key",
      [JWT_WRONG_SIGNATURE] = "wrong_signature",
      [JWT_WRONG_CLAIMS] = "wrong_claims",
      [JWT_WRONG_ISSUER] = "wrong_issuer",
      [JWT_WRONG_AUDIENCE] = "wrong_audience",
      [JWT_EXPIRED] = "expired",
      [JWT_NOT_YET] = "not_yet",
  };
  return (size_t)refusal < ELEMENTS(names) ? names[refusal] : "malformed";
}

static int refuse(struct verification *v, enum jwt_refusal refusal, const char *what) {
  v->refusal = refusal;
  return error_set(v->error, ERROR_INVALID, "the token %s", what);
}

static int read_part(struct verification *v, const struct jws_part *part, const struct json_limits *limits, cJSON **ret) {
  const char *wrong = jws_read(part, limits, ret);
  return wrong ? refuse(v, JWT_MALFORMED, wrong) : 0;
}

static int split(struct verification *v, const char *token, size_t n, struct jws *ret) {
  const char *wrong = n > JWT_MAX_BYTES ? "is longer than 8 kB" : jws_split(token, n, ret);
  return wrong ? refuse(v, JWT_MALFORMED, wrong) : 0;
}

/* RFC 7515, 4.1.9: media types, without regard to case, "application/" left out. RFC 9068, 4 allows it to stand there. */
static bool is_token_type(const cJSON *typ) {
  static const char *const types[] = {"JWT", "at+jwt", "application/at+jwt"};
  if (!typ) return true;
  for (size_t i = 0; cJSON_IsString(typ) && i < ELEMENTS(types); i++)
    if (!strcasecmp(typ->valuestring, types[i])) return true;
  return false;
}

static int check_header(struct verification *v, const cJSON *header) {
  if (!jws_has_alg(header, "RS256")) return refuse(v, JWT_REFUSED_HEADER, "is not signed with RS256");
  if (!jws_is_plain(header)) return refuse(v, JWT_REFUSED_HEADER, JWS_NOT_PLAIN);
  if (!is_token_type(cJSON_GetObjectItemCaseSensitive(header, "typ"))) return refuse(v, JWT_REFUSED_HEADER, "has another typ than JWT");
  return 0;
}

static int find_key(struct verification *v, const cJSON *header, char kid[KID_SIZE], struct rsa_key **ret) {
  const char *named = json_string(header, "kid", "");
  if (!*named) return refuse(v, JWT_UNKNOWN_KEY, "names no key");
  struct rsa_key *key = jwks_get(v->rules->keys, named);
  if (!key) key = jwks_get(v->rules->more_keys, named);
  if (!key) return refuse(v, JWT_UNKNOWN_KEY, "is signed with a key that is not known");
  memcpy(kid, named, strlen(named) + 1); /* jwks_add has bounded it */
  *ret = key;
  return 0;
}

static int check_signature(struct verification *v, struct rsa_key *key, const struct jws *jws) {
  struct buffer signature;
  buffer_init(&signature, RSA_MAX_BYTES);
  int rc = 0;
  if (base64url_decode(jws->signature.text, jws->signature.n, &signature) < 0)
    rc = refuse(v, JWT_MALFORMED, "has a signature that is not base64url");
  else if (!rsa_key_verify(key, jws->covered.text, jws->covered.n, (unsigned char *)signature.data, signature.len))
    rc = refuse(v, JWT_WRONG_SIGNATURE, "has a wrong signature");
  buffer_done(&signature);
  return rc;
}

static bool names_audience(const cJSON *aud, const char *audience) {
  if (cJSON_IsString(aud)) return !strcmp(aud->valuestring, audience);
  for (const cJSON *item = cJSON_IsArray(aud) ? aud->child : NULL; item; item = item->next)
    if (cJSON_IsString(item) && !strcmp(item->valuestring, audience)) return true;
  return false;
}

/* NumericDate (RFC 7519, 2): seconds, that may have a fraction. 1 where it is there, 0 where not. */
static int read_date(struct verification *v, const cJSON *claims, const char *name, double *ret) {
  const cJSON *date = cJSON_GetObjectItemCaseSensitive(claims, name);
  if (!date) return 0;
  if (!cJSON_IsNumber(date) || fabs(date->valuedouble) > (double)JSON_INT_MAX)
    return refuse(v, JWT_WRONG_CLAIMS, "has an exp, nbf or iat that is no time");
  *ret = date->valuedouble;
  return 1;
}

static int check_times(struct verification *v, const cJSON *claims, int64_t *ret_exp_s) {
  static const char *const starts[] = {"nbf", "iat"};
  double exp = 0, start = 0, now = (double)v->rules->now_s, skew = (double)v->rules->skew_s;
  int there = read_date(v, claims, "exp", &exp);
  if (there <= 0) return there < 0 ? -1 : refuse(v, JWT_WRONG_CLAIMS, "has no exp");
  if (now >= exp + skew) return refuse(v, JWT_EXPIRED, "has expired");
  for (size_t i = 0; i < ELEMENTS(starts); i++) {
    if ((there = read_date(v, claims, starts[i], &start)) < 0) return -1;
    if (there && start > now + skew) return refuse(v, JWT_NOT_YET, "is not valid yet");
  }
  *ret_exp_s = (int64_t)exp;
  return 0;
}

static bool are_strings(const cJSON *list) {
  if (!cJSON_IsArray(list)) return false;
  for (const cJSON *item = list->child; item; item = item->next)
    if (!cJSON_IsString(item)) return false;
  return true;
}

static int check_claims(struct verification *v, const cJSON *claims, struct jwt_claims *ret) {
  const struct jwt_rules *rules = v->rules;
  if (rules->issuer && strcmp(json_string(claims, "iss", ""), rules->issuer) != 0)
    return refuse(v, JWT_WRONG_ISSUER, "comes from another issuer");
  if (rules->audience && !names_audience(json_member(claims, "aud"), rules->audience))
    return refuse(v, JWT_WRONG_AUDIENCE, "is for another audience");
  if (check_times(v, claims, &ret->exp_s) < 0) return -1;
  ret->sub = json_string(claims, "sub", "");
  if (!*ret->sub) return refuse(v, JWT_WRONG_CLAIMS, "has no sub");
  ret->roles = cJSON_GetObjectItemCaseSensitive(claims, "roles");
  if (ret->roles && !are_strings(ret->roles)) return refuse(v, JWT_WRONG_CLAIMS, "has roles that are no list of strings");
  return 0;
}

static int verify(struct verification *v, const char *token, size_t n, struct jwt_claims *ret) {
  struct jws jws = {0};
  struct rsa_key *key = NULL;
  struct jwt_claims found = {0};
  _cleanup_(json_freep) cJSON *header = NULL;
  _cleanup_(json_freep) cJSON *claims = NULL;
  if (split(v, token, n, &jws) < 0 || read_part(v, &jws.header, &header_limits, &header) < 0 || check_header(v, header) < 0 ||
      find_key(v, header, found.kid, &key) < 0 || check_signature(v, key, &jws) < 0 ||
      read_part(v, &jws.payload, &claims_limits, &claims) < 0 || check_claims(v, claims, &found) < 0)
    return -1;
  found.claims = TAKE(claims);
  *ret = found;
  return 0;
}

int jwt_verify(const struct jwt_rules *rules, const char *token, size_t n, struct jwt_claims *ret, enum jwt_refusal *ret_refusal,
               struct error *error) {
  struct verification v = {.rules = rules, .error = error};
  int rc = verify(&v, token, n, ret);
  if (ret_refusal) *ret_refusal = v.refusal;
  return rc;
}

void jwt_claims_done(struct jwt_claims *claims) {
  cJSON_Delete(claims->claims);
  *claims = (struct jwt_claims){0};
}

bool jwt_has_role(const struct jwt_claims *claims, const char *role) {
  for (const cJSON *item = claims->roles ? claims->roles->child : NULL; item; item = item->next)
    if (!strcmp(item->valuestring, role)) return true;
  return false;
}

static void print_header(const char *typ, const char *kid, struct buffer *to) {
  buffer_puts(to, "{\"alg\":\"RS256\",\"typ\":");
  buffer_json_string(to, typ, strlen(typ));
  if (kid) {
    buffer_puts(to, ",\"kid\":");
    buffer_json_string(to, kid, strlen(kid));
  }
  buffer_puts(to, "}");
}

int jwt_sign(const cJSON *claims, const char *typ, struct rsa_key *key, const char *kid, struct buffer *to, struct error *error) {
  unsigned char signature[RSA_MAX_BYTES];
  size_t signature_n, before = to->len;
  struct buffer json;
  buffer_init(&json, JWT_MAX_BYTES);
  print_header(typ, kid, &json);
  base64url_encode(buffer_text(&json), json.len, to);
  buffer_puts(to, ".");
  bool failed = json.failed;
  buffer_clear(&json);
  json_print(claims, &json);
  base64url_encode(buffer_text(&json), json.len, to);
  failed = failed || json.failed || to->failed;
  buffer_done(&json);
  if (failed) return error_set(error, ERROR_INVALID, "the claims are too large for a token");
  if (rsa_key_sign(key, to->data + before, to->len - before, signature, &signature_n, error) < 0) return -1;
  buffer_puts(to, ".");
  base64url_encode(signature, signature_n, to);
  if (to->failed || to->len - before > JWT_MAX_BYTES) return error_set(error, ERROR_INVALID, "the claims are too large for a token");
  return 0;
}
