#include "change/handled.h"

#include "base/clock.h"

#include <string.h>

cJSON *handled_read(const char *text) {
  cJSON *memory = NULL;
  if (text && json_parse(text, strlen(text), &json_limits_request, &memory, NULL) == 0 && cJSON_IsArray(memory)) return memory;
  cJSON_Delete(memory);
  return cJSON_CreateArray();
}

static cJSON *find(const cJSON *memory, const char *command, const char *key) {
  cJSON *entry;
  cJSON_ArrayForEach(entry, memory) {
    if (!strcmp(json_string(entry, "command", ""), command) && !strcmp(json_string(entry, "key", ""), key)) return entry;
  }
  return NULL;
}

static bool is_left(const cJSON *entry) { return json_bool(entry, "left", false); }

static bool is_same_sighting(const cJSON *entry, const char *at) { return at && *at && !strcmp(json_string(entry, "seen", ""), at); }

/* How often it was seen, this time with it. */
static int64_t times(const cJSON *entry, int64_t now_ms) {
  int64_t last_ms;
  if (!entry || parse_rfc3339(json_string(entry, "at", NULL), &last_ms) < 0 || now_ms - last_ms > HANDLED_WITHIN_MS) return 1;
  return json_int(entry, "times", 0) + 1;
}

enum handled_verdict handled_judge(const cJSON *memory, const char *command, const char *key, const char *at, int64_t now_ms) {
  const cJSON *entry = find(memory, command, key);
  if (!entry) return COMMAND_NEW;
  if (is_left(entry)) return COMMAND_LEFT;
  if (is_same_sighting(entry, at)) return COMMAND_AGAIN;
  if (times(entry, now_ms) >= HANDLED_TIMES) return COMMAND_COMES_BACK;
  return strncmp(key, "id=", 3) ? COMMAND_NEW : COMMAND_AGAIN;
}

void handled_note(cJSON *memory, const char *command, const char *key, const char *at, int64_t now_ms) {
  cJSON *before = find(memory, command, key), *entry = cJSON_CreateObject();
  char now[RFC3339_SIZE];
  int64_t count = before && is_same_sighting(before, at) ? json_int(before, "times", 1) : times(before, now_ms);
  format_rfc3339(now_ms, now);
  cJSON_AddStringToObject(entry, "command", command);
  cJSON_AddStringToObject(entry, "key", key);
  cJSON_AddStringToObject(entry, "seen", at ? at : "");
  cJSON_AddStringToObject(entry, "at", now);
  cJSON_AddNumberToObject(entry, "times", (double)count);
  if (count >= HANDLED_TIMES) cJSON_AddTrueToObject(entry, "left");
  if (before) cJSON_Delete(cJSON_DetachItemViaPointer(memory, before));
  if (cJSON_GetArraySize(memory) >= HANDLED_MAX) cJSON_DeleteItemFromArray(memory, 0);
  cJSON_AddItemToArray(memory, entry);
}

bool handled_release(cJSON *memory, const char *command, const char *key) {
  bool released = false;
  for (cJSON *entry = memory->child, *next; entry; entry = next) {
    next = entry->next;
    bool is_it = key && !strcmp(json_string(entry, "key", ""), key);
    if (!is_left(entry) || is_it || strcmp(json_string(entry, "command", ""), command)) continue;
    cJSON_Delete(cJSON_DetachItemViaPointer(memory, entry));
    released = true;
  }
  return released;
}
