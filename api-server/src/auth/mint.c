#include "auth/mint.h"

#include "base/random.h"
#include "crypto/jwt.h"

#include <string.h>

const char *const mint_reserved[] = {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "roles", NULL};

bool mint_is_reserved(const char *claim) {
  for (const char *const *reserved = mint_reserved; *reserved; reserved++)
    if (!strcmp(*reserved, claim)) return true;
  return false;
}

static bool add(cJSON *claims, const char *name, cJSON *value) {
  if (value && cJSON_AddItemToObject(claims, name, value)) return true;
  cJSON_Delete(value);
  return false;
}

static bool add_extra(cJSON *claims, const cJSON *extra) {
  const cJSON *claim;
  cJSON_ArrayForEach(claim, extra) if (!add(claims, claim->string, cJSON_Duplicate(claim, true))) return false;
  return true;
}

static cJSON *claims_of(const char *issuer, const char *audience, int64_t now_s, const struct mint_wish *wish) {
  char id[RANDOM_ID_SIZE];
  random_id(id);
  cJSON *claims = cJSON_CreateObject();
  cJSON *roles = wish->roles ? cJSON_Duplicate(wish->roles, true) : cJSON_CreateArray();
  if (add(claims, "roles", roles) && add(claims, "iss", cJSON_CreateString(issuer)) && add(claims, "sub", cJSON_CreateString(wish->sub)) &&
      add(claims, "aud", cJSON_CreateString(audience)) && add(claims, "iat", cJSON_CreateNumber((double)now_s)) &&
      add(claims, "exp", cJSON_CreateNumber((double)(now_s + wish->ttl_s))) && add(claims, "jti", cJSON_CreateString(id)) &&
      add_extra(claims, wish->extra))
    return claims;
  cJSON_Delete(claims);
  return NULL;
}

int mint(const struct keyring *ring, const char *issuer, const char *audience, int64_t now_s, const struct mint_wish *wish,
         struct buffer *to, int64_t *ret_exp_s, struct error *error) {
  _cleanup_(json_freep) cJSON *claims = claims_of(issuer, audience, now_s, wish);
  if (!claims) return error_oom(error);
  if (jwt_sign(claims, "JWT", ring->signing, ring->signing_kid, to, error) < 0) return -1;
  return *ret_exp_s = now_s + wish->ttl_s, 0;
}
