#include "auth/seal.h"

#include "codec/base64.h"
#include "codec/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { AUDIENCE_SIZE = 512 + 16 };

static const struct {
  const char *name; /* of the audience and of the derived key */
  enum secret secret;
  const char *header;
} kinds[] = {
    [SEAL_SESSION] = {"session", SECRET_SESSION, "{\"alg\":\"HS256\",\"typ\":\"session+jwt\"}"},
    [SEAL_TICKET] = {"ticket", SECRET_APP_JWT, "{\"alg\":\"HS256\",\"typ\":\"ticket+jwt\"}"},
};

static const struct {
  unsigned role;
  const char *name;
} roles[] = {{ROLE_ADMIN, "admin"}, {ROLE_FINANCE, "finance"}};

static const struct json_limits limits = {
    .max_bytes = SEAL_MAX_BYTES, .max_depth = 2, .max_keys = 16, .no_duplicate_keys = true, .exact_integers = true};

static bool is_id(const char *text) { return strspn(text, "0123456789abcdef") == SEAL_ID_SIZE - 1 && !text[SEAL_ID_SIZE - 1]; }

static void print_audience(const struct settings *settings, enum seal_kind kind, char to[AUDIENCE_SIZE]) {
  (void)snprintf(to, AUDIENCE_SIZE, "%s/%s", settings->auth_audience, kinds[kind].name);
}

/* ---- closing ---- */

static void put_text(struct buffer *to, const char *name, const char *text) {
  buffer_printf(to, ",\"%s\":", name);
  buffer_json_string(to, text, strlen(text));
}

static void put_claims(const struct settings *settings, enum seal_kind kind, int64_t now_s, const struct sealed *what, struct buffer *to) {
  char audience[AUDIENCE_SIZE];
  print_audience(settings, kind, audience);
  buffer_printf(to, "{\"jti\":\"%s\",\"iat\":%" PRId64 ",\"exp\":%" PRId64 ",\"until\":%" PRId64, what->id, now_s, what->exp_s,
                what->until_s);
  put_text(to, "iss", settings->auth_issuer);
  put_text(to, "aud", audience);
  put_text(to, "sub", what->sub);
  put_text(to, "kid", what->kid);
  if (what->sid) put_text(to, "sid", what->sid);
  buffer_puts(to, ",\"roles\":[");
  for (size_t i = 0, told = 0; i < ELEMENTS(roles); i++)
    if (what->roles & roles[i].role) buffer_printf(to, "%s\"%s\"", told++ ? "," : "", roles[i].name);
  buffer_puts(to, "]}");
}

int seal(const struct secrets *secrets, enum seal_kind kind, int64_t now_s, const struct sealed *what, struct buffer *to) {
  unsigned char mac[SHA256_BYTES];
  size_t before = to->len;
  _cleanup_buffer_ struct buffer claims;
  buffer_init(&claims, SEAL_MAX_BYTES);
  put_claims(secrets->settings, kind, now_s, what, &claims);
  base64url_encode(kinds[kind].header, strlen(kinds[kind].header), to);
  buffer_puts(to, ".");
  base64url_encode(buffer_text(&claims), claims.len, to);
  if (claims.failed || to->failed) return -1;
  if (secret_sign(secrets, kinds[kind].secret, SECRET_CURRENT, kinds[kind].name, to->data + before, to->len - before, mac) < 0) return -1;
  buffer_puts(to, ".");
  base64url_encode(mac, sizeof mac, to);
  return to->failed || to->len - before > SEAL_MAX_BYTES ? -1 : 0;
}

/* ---- opening ---- */

/* What is signed is all before the last dot; the claims lie between the header and it. */
static bool cut(enum seal_kind kind, struct span text, struct span *ret_signed, struct span *ret_claims, struct span *ret_mac) {
  _cleanup_buffer_ struct buffer header;
  buffer_init(&header, 256);
  base64url_encode(kinds[kind].header, strlen(kinds[kind].header), &header);
  buffer_puts(&header, ".");
  if (header.failed || text.len > SEAL_MAX_BYTES || text.len <= header.len || memcmp(text.at, header.data, header.len) != 0) return false;
  struct span rest = {text.at + header.len, text.len - header.len};
  *ret_claims = span_cut(&rest, '.');
  *ret_mac = rest;
  *ret_signed = (struct span){text.at, header.len + ret_claims->len};
  return rest.at;
}

static enum secret_version verify(const struct secrets *secrets, enum seal_kind kind, struct span signed_text, struct span mac_text) {
  _cleanup_buffer_ struct buffer mac;
  buffer_init(&mac, SHA256_BYTES);
  if (base64url_decode(mac_text.at, mac_text.len, &mac) < 0 || mac.len != SHA256_BYTES) return SECRET_UNKNOWN;
  return secret_verify(secrets, kinds[kind].secret, kinds[kind].name, signed_text.at, signed_text.len, (const unsigned char *)mac.data);
}

static cJSON *parse(struct span claims) {
  cJSON *parsed = NULL;
  _cleanup_buffer_ struct buffer json;
  buffer_init(&json, SEAL_MAX_BYTES);
  if (base64url_decode(claims.at, claims.len, &json) < 0) return NULL;
  return json_parse(json.data, json.len, &limits, &parsed, NULL) < 0 ? NULL : parsed;
}

static unsigned roles_of(const cJSON *list) {
  unsigned found = 0;
  const cJSON *item;
  cJSON_ArrayForEach(item, list) for (size_t i = 0; cJSON_IsString(item) && i < ELEMENTS(roles); i++) {
    if (!strcmp(item->valuestring, roles[i].name)) found |= roles[i].role;
  }
  return found;
}

/* NULL, or why not. What is here was signed by us: only its audience, its time and what another version may have left out are asked. */
static const char *read(const struct settings *settings, enum seal_kind kind, const cJSON *claims, int64_t now_s, struct arena *arena,
                        struct sealed *ret) {
  char audience[AUDIENCE_SIZE];
  const char *id = json_string(claims, "jti", "");
  print_audience(settings, kind, audience);
  if (strcmp(json_string(claims, "iss", ""), settings->auth_issuer) != 0) return "wrong_issuer";
  if (strcmp(json_string(claims, "aud", ""), audience) != 0) return "wrong_audience";
  if (!is_id(id) || !*json_string(claims, "sub", "") || !*json_string(claims, "kid", "")) return "wrong_claims";
  *ret = (struct sealed){.sub = arena_strdup(arena, json_string(claims, "sub", "")),
                         .kid = arena_strdup(arena, json_string(claims, "kid", "")),
                         .sid = arena_strdup(arena, json_string(claims, "sid", NULL)),
                         .roles = roles_of(json_member(claims, "roles")),
                         .exp_s = json_int(claims, "exp", 0),
                         .until_s = json_int(claims, "until", 0)};
  memcpy(ret->id, id, SEAL_ID_SIZE);
  if (arena_failed(arena)) return "out of memory";
  return ret->exp_s <= now_s || ret->until_s <= now_s ? "expired" : NULL;
}

int seal_open(const struct secrets *secrets, enum seal_kind kind, struct span text, int64_t now_s, struct arena *arena, struct sealed *ret,
              enum secret_version *ret_version, const char **ret_why_not) {
  struct span signed_text, claims_text, mac;
  if (!cut(kind, text, &signed_text, &claims_text, &mac)) return *ret_why_not = "malformed", -1;
  enum secret_version version = verify(secrets, kind, signed_text, mac);
  if (version == SECRET_UNKNOWN) return *ret_why_not = "wrong_signature", -1;
  _cleanup_(json_freep) cJSON *claims = parse(claims_text);
  const char *why_not = claims ? read(secrets->settings, kind, claims, now_s, arena, ret) : "malformed";
  if (why_not) return *ret_why_not = why_not, -1;
  return *ret_version = version, 0;
}
