#include "release/failure.h"

#include "base/clock.h"
#include "crypto/digest.h"
#include "release/annotations.h"

#include <string.h>

enum { TEXT_MAX_BYTES = 4096 };

static const char *const blocks[] = {"migrations", "seeds", "hooks", "rollout"};

void failure_key(const struct observation *o, const struct content *content, bool by_secret, char to[16]) {
  cJSON *parts = cJSON_CreateArray();
  cJSON_AddItemToArray(parts, cJSON_CreateString(content->hash));
  cJSON_AddItemToArray(parts, cJSON_CreateString(by_secret ? o->secret->hash : ""));
  for (size_t i = 0; i < ELEMENTS(blocks); i++) {
    const cJSON *block = json_member(json_member(o->stack->object, "spec"), blocks[i]);
    cJSON_AddItemToArray(parts, block ? cJSON_Duplicate(block, true) : cJSON_CreateNull());
  }
  if (content_hash(parts, to) < 0) *to = 0;
  cJSON_Delete(parts);
}

bool failure_lacked_image(const struct child *revision) {
  return !strcmp(json_string(revision->revision.failed, "because", ""), "ImageNotPulled");
}

struct release_failure failure_read(const struct observation *o, const struct child *revision, const struct content *content) {
  const cJSON *failed = revision ? revision->revision.failed : NULL;
  struct release_failure failure = {.by_secret = json_bool(failed, "bySecret", false)};
  char key[16];
  if (!failed) return failure;
  failure_key(o, content, failure.by_secret, key);
  if (strcmp(json_string(failed, "key", ""), key) != 0) return failure;
  failure.reason = json_string(failed, "reason", "ReleaseFailed");
  failure.message = json_string(failed, "message", "");
  if (parse_rfc3339(json_string(failed, "at", NULL), &failure.at_ms) < 0) failure.at_ms = 0;
  return failure;
}

void failure_annotate(const struct release_failure *failure, const char *key, int64_t now_ms, cJSON *annotations) {
  char at[RFC3339_SIZE];
  struct buffer text;
  cJSON *tree = cJSON_CreateObject();
  format_rfc3339(now_ms, at);
  cJSON_AddStringToObject(tree, "key", key);
  cJSON_AddStringToObject(tree, "reason", failure->reason);
  cJSON_AddStringToObject(tree, "message", failure->message);
  cJSON_AddStringToObject(tree, "at", at);
  if (failure->by_secret) cJSON_AddTrueToObject(tree, "bySecret");
  if (failure->because) cJSON_AddStringToObject(tree, "because", failure->because);
  cJSON_AddNullToObject(annotations, ANNOTATION_BEGAN_AT);
  buffer_init(&text, TEXT_MAX_BYTES);
  json_print(tree, &text);
  if (!text.failed) cJSON_AddStringToObject(annotations, ANNOTATION_FAILED, buffer_text(&text));
  buffer_done(&text);
  cJSON_Delete(tree);
}

bool failure_forget(const struct child *revision, cJSON *annotations) {
  if (!revision->revision.failed) return false;
  cJSON_AddNullToObject(annotations, ANNOTATION_FAILED);
  return true;
}

void failure_plan(const struct observation *o, const struct child *revision, const struct content *content,
                  const struct release_failure *failure, struct plan *plan) {
  cJSON *annotations, *body = annotations_patch(revision->resource_version, &annotations);
  char key[16];
  failure_key(o, content, failure->by_secret, key);
  failure_annotate(failure, key, o->now_ms, annotations);
  const char *note = arena_printf(plan->arena, "revision %lld failed: %s", (long long)revision->revision.number, failure->message);
  plan_add(plan, (struct action){.type = ACTION_MERGE,
                                 .resource = RESOURCE_REVISION,
                                 .name = revision->name,
                                 .body = body,
                                 .event = {"Warning", failure->reason, note}});
}

cJSON *failure_collect(const char *object_name, const cJSON *annotations) {
  return annotations_collect(object_name, annotations, ANNOTATION_FAILED);
}
