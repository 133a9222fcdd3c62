#include "auth/authenticate.h"

#include "base/clock.h"
#include "codec/base64.h"
#include "crypto/jwt.h"

#include <string.h>

enum { SKEW_S = 60 };

static const char scheme[] = "bearer ";

/* The credential of "Bearer <token>" (RFC 6750, 2.1); the scheme in any case. */
static struct span bearer_of(struct span authorization) {
  if (authorization.len < sizeof scheme - 1 || strncasecmp(authorization.at, scheme, sizeof scheme - 1) != 0) return (struct span){0};
  return span_trim((struct span){authorization.at + sizeof scheme - 1, authorization.len - (sizeof scheme - 1)});
}

static unsigned roles_of(const struct jwt_claims *claims) {
  return (jwt_has_role(claims, "admin") ? ROLE_ADMIN : 0U) | (jwt_has_role(claims, "finance") ? ROLE_FINANCE : 0U);
}

static int verify(struct authenticator *auth, struct span token, int64_t now_s, struct jwt_claims *ret, const char **ret_why_not) {
  if (!auth->keys->ring) return *ret_why_not = "no key is loaded", -1;
  struct jwt_rules rules = {.keys = auth->keys->ring->keys,
                            .issuer = auth->settings->auth_issuer,
                            .audience = auth->settings->auth_audience,
                            .now_s = now_s,
                            .skew_s = SKEW_S};
  enum jwt_refusal refusal;
  if (jwt_verify(&rules, token.at, token.len, ret, &refusal, NULL) < 0) return *ret_why_not = jwt_refusal_name(refusal), -1;
  return 0;
}

static void remember(struct authenticator *auth, const unsigned char digest[SHA256_BYTES], const struct jwt_claims *claims) {
  struct token token = {.exp_s = claims->exp_s, .roles = roles_of(claims)};
  size_t n = strlen(claims->sub);
  if (n >= sizeof token.sub) return;
  memcpy(token.digest, digest, sizeof token.digest);
  memcpy(token.sub, claims->sub, n + 1);
  token_cache_put(auth->cache, &token);
}

int authenticate(struct authenticator *auth, struct span authorization, struct arena *arena, struct principal *ret,
                 const char **ret_why_not) {
  struct span token = bearer_of(authorization);
  unsigned char digest[SHA256_BYTES];
  *ret_why_not = NULL;
  if (!token.len) return -1;
  if (token.len > JWT_MAX_BYTES) return *ret_why_not = "the token is too long", -1;
  if (sha256(token.at, token.len, digest) < 0) return *ret_why_not = "out of memory", -1;
  int64_t now_s = clock_real_ms() / 1000;
  const struct token *known = token_cache_get(auth->cache, digest, now_s);
  series_add(known ? auth->hits : auth->misses, 1);
  if (known) {
    *ret = (struct principal){arena_strdup(arena, known->sub), known->roles, true};
    return ret->sub ? 0 : -1;
  }
  _cleanup_(jwt_claims_done) struct jwt_claims claims = {0};
  if (verify(auth, token, now_s, &claims, ret_why_not) < 0) return -1;
  remember(auth, digest, &claims);
  *ret = (struct principal){arena_strdup(arena, claims.sub), roles_of(&claims), true};
  return ret->sub ? 0 : -1;
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
  return (struct principal){.sub = *sub ? arena_strdup(arena, sub) : "anonymous"};
}
