#include "crypto/jwks.h"

#include <stdlib.h>
#include <string.h>

static const struct json_limits limits = {
    .max_bytes = 128 << 10, .max_depth = 8, .max_keys = 64, .no_duplicate_keys = true, .exact_integers = true};

struct jwks {
  size_t count;
  struct {
    char kid[KID_SIZE];
    struct rsa_key *key;
  } keys[JWKS_MAX];
};

struct jwks *jwks_new(void) {
  return calloc(1, sizeof(struct jwks));
}

void jwks_free(struct jwks *keys) {
  if (!keys) return;
  for (size_t i = 0; i < keys->count; i++) rsa_key_free(keys->keys[i].key);
  free(keys);
}

int jwks_add(struct jwks *keys, const char *kid, struct rsa_key *key, struct error *error) {
  size_t n = strlen(kid);
  if (!n || n >= KID_SIZE) return error_set(error, ERROR_INVALID, "a kid has %zu bytes, expected 1 to %d", n, KID_SIZE - 1);
  if (jwks_get(keys, kid)) return error_set(error, ERROR_INVALID, "there are two keys of kid %s", kid);
  if (keys->count == JWKS_MAX) return error_set(error, ERROR_INVALID, "there are more than %d keys", JWKS_MAX);
  memcpy(keys->keys[keys->count].kid, kid, n + 1);
  keys->keys[keys->count++].key = key;
  return 0;
}

struct rsa_key *jwks_get(const struct jwks *keys, const char *kid) {
  for (size_t i = 0; keys && i < keys->count; i++)
    if (!strcmp(keys->keys[i].kid, kid)) return keys->keys[i].key;
  return NULL;
}

size_t jwks_count(const struct jwks *keys) { return keys ? keys->count : 0; }
const char *jwks_kid(const struct jwks *keys, size_t at) { return keys->keys[at].kid; }

/* RFC 7517, 5: a set may hold keys for others. */
static bool is_for_us(const cJSON *jwk) {
  return !strcmp(json_string(jwk, "kty", ""), "RSA") && !strcmp(json_string(jwk, "alg", "RS256"), "RS256") &&
         !strcmp(json_string(jwk, "use", "sig"), "sig") && *json_string(jwk, "kid", "");
}

static int add_jwk(struct jwks *keys, const cJSON *jwk, struct error *error) {
  _cleanup_(rsa_key_freep) struct rsa_key *key = NULL;
  if (!cJSON_IsObject(jwk)) return error_set(error, ERROR_INVALID, "keys holds something that is no object");
  if (!is_for_us(jwk)) return 0;
  const char *kid = json_string(jwk, "kid", "");
  if (rsa_key_parse_jwk(jwk, &key, error) < 0) return error_wrap(error, "key %.64s", kid);
  if (jwks_add(keys, kid, key, error) < 0) return -1;
  key = NULL;
  return 0;
}

int jwks_parse(const char *text, size_t n, struct jwks **ret, struct error *error) {
  _cleanup_(json_freep) cJSON *set = NULL;
  if (json_parse(text, n, &limits, &set, error) < 0) return -1;
  const cJSON *list = json_member(set, "keys");
  if (!cJSON_IsArray(list)) return error_set(error, ERROR_INVALID, "a key set without a list \"keys\"");
  _cleanup_(jwks_freep) struct jwks *keys = jwks_new();
  if (!keys) return error_oom(error);
  for (const cJSON *jwk = list->child; jwk; jwk = jwk->next)
    if (add_jwk(keys, jwk, error) < 0) return -1;
  *ret = TAKE(keys);
  return 0;
}

int jwks_print(const struct jwks *keys, struct buffer *to, struct error *error) {
  buffer_puts(to, "{\"keys\":[");
  for (size_t i = 0; i < keys->count; i++) {
    _cleanup_(json_freep) cJSON *jwk = rsa_key_jwk(keys->keys[i].key, keys->keys[i].kid);
    if (!jwk) return error_oom(error);
    if (i) buffer_puts(to, ",");
    json_print(jwk, to);
  }
  buffer_puts(to, "]}");
  return to->failed ? error_oom(error) : 0;
}
