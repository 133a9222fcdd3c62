#include "stack/conditions.h"

#include "base/clock.h"

#include <string.h>

enum { MESSAGE_MAX_BYTES = 1024 };

const cJSON *condition_find(const cJSON *list, const char *type) {
  const cJSON *item;
  cJSON_ArrayForEach(item, list) {
    if (!strcmp(json_string(item, "type", ""), type)) return item;
  }
  return NULL;
}

/* At most MESSAGE_MAX_BYTES, cut where a character begins. */
static cJSON *message_of(const char *text) {
  char cut[MESSAGE_MAX_BYTES + 1];
  size_t n = strlen(text);
  if (n > MESSAGE_MAX_BYTES)
    for (n = MESSAGE_MAX_BYTES; n && ((unsigned char)text[n] & 0xC0) == 0x80;) n--;
  memcpy(cut, text, n);
  cut[n] = 0;
  return cJSON_CreateString(cut);
}

void condition_set(struct conditions *c, const char *type, const char *status, const char *reason, const char *message) {
  const cJSON *old = condition_find(c->before, type);
  const char *since = strcmp(json_string(old, "status", ""), status) ? NULL : json_string(old, "lastTransitionTime", NULL);
  char now[RFC3339_SIZE];
  format_rfc3339(c->now_ms, now);
  cJSON *condition = cJSON_CreateObject();
  cJSON_AddStringToObject(condition, "type", type);
  cJSON_AddStringToObject(condition, "status", status);
  cJSON_AddStringToObject(condition, "reason", reason);
  cJSON_AddItemToObject(condition, "message", message_of(message));
  cJSON_AddStringToObject(condition, "lastTransitionTime", since ? since : now);
  cJSON_AddNumberToObject(condition, "observedGeneration", (double)c->generation);
  if (!cJSON_AddItemToArray(c->list, condition)) cJSON_Delete(condition);
}
