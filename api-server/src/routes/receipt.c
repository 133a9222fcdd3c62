#include "routes/receipt.h"

#include "base/clock.h"
#include "base/random.h"
#include "crypto/jwt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ENTITLEMENTS_JSON_MAX = 8 * 1024 };

static int64_t end_of(const struct entitlements *owned, int64_t now_s) {
  int64_t end_s = now_s + RECEIPT_TTL_S, ends_ms;
  if (!owned->active || parse_rfc3339(owned->expires_at, &ends_ms) < 0) return end_s;
  return ends_ms / 1000 < end_s ? ends_ms / 1000 : end_s;
}

static cJSON *ledger_of(const struct entitlements *owned) {
  cJSON *ledger = cJSON_CreateObject();
  cJSON_AddNumberToObject(ledger, "seq", (double)owned->seq);
  cJSON_AddStringToObject(ledger, "head", owned->head);
  return ledger;
}

static cJSON *claims_of(const struct settings *settings, const char *profile, const struct entitlements *owned, int64_t now_s) {
  char audience[600], id[RANDOM_ID_SIZE];
  _cleanup_buffer_ struct buffer text;
  cJSON *claims = cJSON_CreateObject(), *entitlements = NULL;
  (void)snprintf(audience, sizeof audience, "%s/receipt", settings->auth_audience);
  random_id(id);
  buffer_init(&text, ENTITLEMENTS_JSON_MAX);
  entitlements_json(owned, &text);
  bool whole = !text.failed && json_parse(text.data, text.len, &json_limits_request, &entitlements, NULL) == 0;
  whole = whole && cJSON_AddStringToObject(claims, "iss", settings->auth_issuer) && cJSON_AddStringToObject(claims, "aud", audience) &&
          cJSON_AddStringToObject(claims, "sub", profile) && cJSON_AddNumberToObject(claims, "iat", (double)now_s) &&
          cJSON_AddNumberToObject(claims, "exp", (double)end_of(owned, now_s)) && cJSON_AddStringToObject(claims, "jti", id) &&
          cJSON_AddItemToObject(claims, "ledger", ledger_of(owned)) && cJSON_AddItemToObject(claims, "entitlements", entitlements);
  if (whole) return claims;
  cJSON_Delete(claims);
  return NULL;
}

int receipt_sign(const struct keyring *ring, const struct settings *settings, const char *profile, const struct entitlements *owned,
                 int64_t now_s, struct buffer *to, struct error *error) {
  _cleanup_(json_freep) cJSON *claims = claims_of(settings, profile, owned, now_s);
  if (!claims) return error_oom(error);
  return jwt_sign(claims, "entitlement-receipt+jwt", ring->signing, ring->signing_kid, to, error);
}

const char *receipt_etag(struct arena *arena, const struct keyring *ring, const struct entitlements *owned, int64_t now_s) {
  return arena_printf(arena, "W/\"%" PRId64 "-%d-%" PRId64 "-%s\"", owned->seq, owned->active, now_s / (RECEIPT_TTL_S / 2),
                      ring->signing_kid);
}
