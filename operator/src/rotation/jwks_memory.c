#include "rotation/jwks_memory.h"

#include "base/clock.h"
#include "codec/base64.h"
#include "release/annotations.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX_BYTES = 256 * 1024 };

/* ---- read ---- */

static const cJSON *remembered_key(const cJSON *memory, const char *kid) {
  const cJSON *key;
  cJSON_ArrayForEach(key, json_get(memory, "keys")) {
    if (!strcmp(json_string(key, "kid", ""), kid)) return key;
  }
  return NULL;
}

static int64_t time_of(const cJSON *object, const char *name) {
  int64_t ms;
  return parse_rfc3339(json_string(object, name, NULL), &ms) < 0 ? 0 : ms;
}

static bool says(const cJSON *known, enum jwks_state state) { return !strcmp(json_string(known, "state", ""), jwks_state_names[state]); }

static enum jwks_state state_of(const struct keys_view *view, const cJSON *kid, const cJSON *known, const struct jwks_keys *before) {
  if (!strcmp(kid->string, view->signing)) return JWKS_SIGNING;
  return says(known, JWKS_PUBLISHED) && cJSON_IsTrue(kid) && !jwks_published(before) ? JWKS_PUBLISHED : JWKS_RETIRING;
}

/* True when it is remembered as it is. */
static bool read_key(const struct keys_view *view, const cJSON *kid, const cJSON *memory, int64_t now_ms, struct jwks_keys *to) {
  const cJSON *known = remembered_key(memory, kid->string);
  enum jwks_state state = state_of(view, kid, known, to);
  struct jwks_key *key = &to->keys[to->count++];
  bool same = says(known, state) && time_of(known, "since");
  *key = (struct jwks_key){.state = state, .since_ms = same ? time_of(known, "since") : now_ms};
  (void)snprintf(key->kid, sizeof key->kid, "%s", kid->string);
  if (!memory && state == JWKS_SIGNING && view->created_ms) key->since_ms = view->created_ms;
  if (same && state == JWKS_PUBLISHED) key->public_ms = time_of(known, "public");
  if (same && state == JWKS_RETIRING) key->until_ms = time_of(known, "until");
  return same && !(state == JWKS_RETIRING && cJSON_IsTrue(kid));
}

bool jwks_memory_read(const struct keys_view *view, int64_t now_ms, struct jwks_keys *ret) {
  cJSON *memory = NULL;
  const cJSON *kid;
  bool same = true;
  *ret = (struct jwks_keys){0};
  if (view->memory && json_parse(view->memory, strlen(view->memory), &json_limits_request, &memory, NULL) < 0) memory = NULL;
  cJSON_ArrayForEach(kid, view->kids) same &= read_key(view, kid, memory, now_ms, ret);
  ret->urgent_ms = time_of(memory, "urgent");
  bool nothing_lost = (size_t)cJSON_GetArraySize(json_get(memory, "keys")) == ret->count;
  bool plain = !view->memory && ret->count == 1; /* a key that was never rotated needs no memory */
  json_freep(&memory);
  return plain || (same && nothing_lost);
}

/* ---- write ---- */

static void add_time(cJSON *to, const char *name, int64_t ms) {
  char text[RFC3339_SIZE];
  if (!ms) return;
  format_rfc3339(ms, text);
  cJSON_AddStringToObject(to, name, text);
}

static void add_memory(cJSON *annotations, const struct jwks_keys *keys) {
  cJSON *memory = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(memory, "keys");
  for (size_t i = 0; i < keys->count; i++) {
    const struct jwks_key *key = &keys->keys[i];
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "kid", key->kid);
    cJSON_AddStringToObject(item, "state", jwks_state_names[key->state]);
    add_time(item, "since", key->since_ms);
    add_time(item, "public", key->public_ms);
    add_time(item, "until", key->until_ms);
    cJSON_AddItemToArray(list, item);
  }
  add_time(memory, "urgent", keys->urgent_ms);
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, TEXT_MAX_BYTES);
  json_print(memory, &text);
  cJSON_Delete(memory);
  cJSON_AddStringToObject(annotations, ANNOTATION_KEYS, buffer_text(&text));
}

static void add_file(cJSON *data, const char *name, const char *content) {
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, TEXT_MAX_BYTES);
  base64_encode(content, strlen(content), &text);
  cJSON_AddStringToObject(data, name, buffer_text(&text));
}

/* The set without the keys that leave; what others put there for others stays. */
static void add_set(cJSON *data, const struct keys_view *view, const struct jwks_keys *after) {
  static const struct json_limits limits = {.max_bytes = TEXT_MAX_BYTES, .max_depth = 8, .max_keys = 64};
  _cleanup_(json_freep) cJSON *set = NULL;
  if (json_parse(view->set, strlen(view->set), &limits, &set, NULL) < 0) return;
  cJSON *list = cJSON_GetObjectItemCaseSensitive(set, "keys");
  for (cJSON *jwk = list ? list->child : NULL, *next; jwk; jwk = next) {
    const char *kid = json_string(jwk, "kid", "");
    next = jwk->next;
    if (json_member(view->kids, kid) && !jwks_find(after, kid)) cJSON_Delete(cJSON_DetachItemViaPointer(list, jwk));
  }
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, TEXT_MAX_BYTES);
  json_print(set, &text);
  add_file(data, "jwks.json", buffer_text(&text));
}

static void drop_private(cJSON *data, const struct keys_view *view, const struct jwks_keys *after, bool *ret_leaves) {
  const cJSON *kid;
  cJSON_ArrayForEach(kid, view->kids) {
    const struct jwks_key *key = jwks_find(after, kid->string);
    char pem[KID_SIZE + 8];
    (void)snprintf(pem, sizeof pem, "%s.pem", kid->string);
    if (cJSON_IsTrue(kid) && (!key || key->state == JWKS_RETIRING)) cJSON_AddNullToObject(data, pem);
    *ret_leaves |= !key;
  }
}

cJSON *jwks_memory_patch(const struct keys_view *view, const struct jwks_step *step) {
  cJSON *annotations, *patch = annotations_patch(view->resource_version, &annotations), *data = cJSON_CreateObject();
  const struct jwks_key *signing = jwks_signing(&step->after);
  bool leaves = false;
  add_memory(annotations, &step->after);
  drop_private(data, view, &step->after, &leaves);
  if (leaves || step->makes) add_set(data, view, &step->after);
  if (signing && strcmp(signing->kid, view->signing) != 0) add_file(data, "signing", signing->kid);
  if (data && data->child)
    cJSON_AddItemToObject(patch, "data", data);
  else
    cJSON_Delete(data);
  return patch;
}
