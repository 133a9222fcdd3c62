/* JSON Web Tokens (RFC 7519) signed with RS256 alone, in JWS compact form (RFC 7515), by the rules of RFC 8725.
 *
 *     struct jwt_rules rules = {.keys = ring->keys, .issuer = "https://…", .audience = "supernova", .now_s = now, .skew_s = 60};
 *     _cleanup_(jwt_claims_done) struct jwt_claims claims = {0};
 *     enum jwt_refusal why;
 *     if (jwt_verify(&rules, token, n, &claims, &why, error) < 0) ...       why: 401's error_description, a metric's label
 *     if (jwt_has_role(&claims, "admin")) ...
 *
 * The algorithm is the key's and never the header's choice. Refused are: more than 8 kB; anything but three parts of strict base64url; JSON
 * that isn't strict or has a key twice; alg other than RS256; crit, jwk, jku, x5u; a typ other than JWT or at+jwt; an unknown kid. Nothing of
 * the claims is looked at, or given to anyone, before the signature is right.
 */
#pragma once

#include "crypto/jwks.h"

enum { JWT_MAX_BYTES = 8192 };

enum jwt_refusal {
  JWT_ACCEPTED,
  JWT_MALFORMED,      /* too long, not three parts, not base64url, not JSON, no object */
  JWT_REFUSED_HEADER, /* algorithm, type, or a member that could change how it is read */
  JWT_UNKNOWN_KEY,    /* a key set that was fetched long ago may be fetched again */
  JWT_WRONG_SIGNATURE,
  JWT_WRONG_CLAIMS, /* exp or sub missing, a claim of the wrong type */
  JWT_WRONG_ISSUER,
  JWT_WRONG_AUDIENCE,
  JWT_EXPIRED,
  JWT_NOT_YET, /* nbf or iat lies ahead */
};

/* "expired": a label. */
const char *jwt_refusal_name(enum jwt_refusal refusal);

struct jwt_rules {
  const struct jwks *keys;
  const struct jwks *more_keys; /* asked where `keys` doesn't know the kid; may be NULL */
  const char *issuer;           /* NULL: not checked, and so for audience */
  const char *audience;
  int64_t now_s, skew_s;
};

struct jwt_claims {
  cJSON *claims;      /* all of them; owned */
  const char *sub;    /* borrowed from it, never empty */
  const cJSON *roles; /* a list of strings, or NULL */
  int64_t exp_s;
  char kid[KID_SIZE];
};

/* ERROR_INVALID with a sentence that holds nothing of the token's claims. RET_REFUSAL may be NULL. */
int jwt_verify(const struct jwt_rules *rules, const char *token, size_t n, struct jwt_claims *ret, enum jwt_refusal *ret_refusal,
               struct error *error) _must_check_;

void jwt_claims_done(struct jwt_claims *claims); /* accepts one that is zeroed */
bool jwt_has_role(const struct jwt_claims *claims, const char *role);

/* Appends the token. TYP is "JWT" for ours; a NULL KID leaves the kid out. After a failure what was appended is no token. */
int jwt_sign(const cJSON *claims, const char *typ, struct rsa_key *key, const char *kid, struct buffer *to,
             struct error *error) _must_check_;
