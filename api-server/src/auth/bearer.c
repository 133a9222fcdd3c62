#include "auth/bearer.h"

#include "codec/base64.h"
#include "crypto/jwt.h"

#include <string.h>

enum { SKEW_S = 60 };

static const char scheme[] = "bearer ";

struct span bearer_of(struct span authorization) {
  if (authorization.len < sizeof scheme - 1 || strncasecmp(authorization.at, scheme, sizeof scheme - 1) != 0) return (struct span){0};
  struct span token = span_trim((struct span){authorization.at + sizeof scheme - 1, authorization.len - (sizeof scheme - 1)});
  return token.len ? token : (struct span){0};
}

static unsigned roles_of(const struct jwt_claims *claims) {
  return (jwt_has_role(claims, "admin") ? ROLE_ADMIN : 0U) | (jwt_has_role(claims, "finance") ? ROLE_FINANCE : 0U);
}

static const struct jwks *own_keys(const struct authenticator *auth) { return auth->keys->ring ? auth->keys->ring->keys : NULL; }

bool bearer_knows_key(const struct authenticator *auth, const char *kid) {
  return jwks_get(own_keys(auth), kid) || (jwks_get(auth->foreign->keys, kid) && !keys_have_left(auth->keys, kid));
}

static enum jwt_refusal verify(struct authenticator *auth, struct span token, int64_t now_s, struct jwt_claims *ret) {
  struct jwt_rules rules = {.keys = own_keys(auth),
                            .more_keys = auth->foreign->keys,
                            .issuer = auth->settings->auth_issuer,
                            .audience = auth->settings->auth_audience,
                            .now_s = now_s,
                            .skew_s = SKEW_S};
  enum jwt_refusal refusal;
  if (jwt_verify(&rules, token.at, token.len, ret, &refusal, NULL) < 0) return refusal;
  return bearer_knows_key(auth, ret->kid) ? JWT_ACCEPTED : JWT_UNKNOWN_KEY;
}

static void remember(struct authenticator *auth, const unsigned char digest[SHA256_BYTES], const struct jwt_claims *claims) {
  struct token token = {.exp_s = claims->exp_s, .roles = roles_of(claims)};
  size_t sub_n = strlen(claims->sub), kid_n = strlen(claims->kid);
  if (sub_n >= sizeof token.sub || kid_n >= sizeof token.kid) return;
  memcpy(token.digest, digest, sizeof token.digest);
  memcpy(token.sub, claims->sub, sub_n + 1);
  memcpy(token.kid, claims->kid, kid_n + 1);
  token_cache_put(auth->cache, &token);
}

static int tell(struct arena *arena, const char *sub, const char *kid, unsigned roles, int64_t exp_s, struct principal *ret,
                const char **ret_why_not) {
  *ret = (struct principal){.sub = arena_strdup(arena, sub),
                            .kid = arena_strdup(arena, kid),
                            .roles = roles,
                            .verified = true,
                            .credential = CREDENTIAL_BEARER,
                            .until_s = exp_s};
  return ret->sub && ret->kid ? 0 : (*ret_why_not = "out of memory", -1);
}

int bearer_verify(struct authenticator *auth, struct span token, int64_t now_s, struct arena *arena, struct principal *ret,
                  bool *ret_unknown_key, const char **ret_why_not) {
  unsigned char digest[SHA256_BYTES];
  if (token.len > JWT_MAX_BYTES) return *ret_why_not = "the token is too long", -1;
  if (sha256(token.at, token.len, digest) < 0) return *ret_why_not = "out of memory", -1;
  const struct token *known = token_cache_get(auth->cache, digest, now_s);
  series_add(known ? auth->hits : auth->misses, 1);
  if (known) return tell(arena, known->sub, known->kid, known->roles, known->exp_s, ret, ret_why_not);
  _cleanup_(jwt_claims_done) struct jwt_claims claims = {0};
  enum jwt_refusal refusal = verify(auth, token, now_s, &claims);
  *ret_unknown_key = refusal == JWT_UNKNOWN_KEY;
  if (refusal != JWT_ACCEPTED) return *ret_why_not = jwt_refusal_name(refusal), -1;
  remember(auth, digest, &claims);
  return tell(arena, claims.sub, claims.kid, roles_of(&claims), claims.exp_s, ret, ret_why_not);
}

/* The payload of a token whose signature nobody has checked. */
static cJSON *claims_of(struct span token) {
  struct span rest = token, payload;
  _cleanup_buffer_ struct buffer text;
  cJSON *claims = NULL;
  buffer_init(&text, JWT_MAX_BYTES);
  (void)span_cut(&rest, '.');
  payload = rest.at ? span_cut(&rest, '.') : (struct span){0};
  if (!payload.len || base64url_decode(payload.at, payload.len, &text) < 0) return NULL;
  return json_parse(text.data, text.len, &json_limits_request, &claims, NULL) < 0 ? NULL : claims;
}

struct principal authenticate_unverified(struct span authorization, struct arena *arena) {
  struct span token = bearer_of(authorization);
  _cleanup_(json_freep) cJSON *claims = token.len && token.len <= JWT_MAX_BYTES ? claims_of(token) : NULL;
  const char *sub = json_string(claims, "sub", "");
  const char *kept = *sub ? arena_strdup(arena, sub) : NULL;
  return (struct principal){.sub = kept ? kept : "anonymous"};
}
