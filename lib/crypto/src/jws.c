#include "jws.h"

#include "codec/base64.h"

#include <string.h>

const char *jws_split(const char *text, size_t n, struct jws *ret) {
  const char *end = text + n, *first = n ? memchr(text, '.', n) : NULL;
  const char *second = first ? memchr(first + 1, '.', (size_t)(end - first) - 1) : NULL;
  if (!second || memchr(second + 1, '.', (size_t)(end - second) - 1)) return "does not have three parts";
  *ret = (struct jws){.header = {text, (size_t)(first - text)},
                      .payload = {first + 1, (size_t)(second - first) - 1},
                      .signature = {second + 1, (size_t)(end - second) - 1},
                      .covered = {text, (size_t)(second - text)}};
  return NULL;
}

const char *jws_read(const struct jws_part *part, const struct json_limits *limits, cJSON **ret) {
  _cleanup_buffer_ struct buffer json;
  buffer_init(&json, limits->max_bytes);
  if (base64url_decode(part->text, part->n, &json) < 0 || json_parse(buffer_text(&json), json.len, limits, ret, NULL) < 0)
    return "has a part that is not JSON in base64url";
  return cJSON_IsObject(*ret) ? NULL : "has a part that is no JSON object";
}

bool jws_has_alg(const cJSON *header, const char *alg) {
  const cJSON *found = cJSON_GetObjectItemCaseSensitive(header, "alg");
  return cJSON_IsString(found) && !strcmp(found->valuestring, alg);
}

bool jws_is_plain(const cJSON *header) {
  static const char *const refused[] = {"crit", "jwk", "jku", "x5u"};
  for (size_t i = 0; i < ELEMENTS(refused); i++)
    if (cJSON_GetObjectItemCaseSensitive(header, refused[i])) return false;
  return true;
}
