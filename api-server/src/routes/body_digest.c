#include "routes/body_digest.h"

int body_digest(const cJSON *json, const char *without, char to[SHA256_HEX_SIZE]) {
  _cleanup_(json_freep) cJSON *compared = cJSON_Duplicate(json, true);
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, json_limits_request.max_bytes * 2);
  if (!compared) return -1;
  if (without) cJSON_DeleteItemFromObjectCaseSensitive(compared, without);
  json_canonical(compared, &text);
  return text.failed ? -1 : sha256_hex(text.data, text.len, to);
}
