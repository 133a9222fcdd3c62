#include "stack/stack.h"

#include "base/number.h"
#include "shape.h"
#include "stack/duration.h"
#include "stack/notification.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUR_FIELD "f:" STACK_GROUP "/" /* how managedFields (FieldsV1) write the name of an annotation of ours */

static const struct decode_field object_fields[] = {
    {"metadata.namespace", DECODE_STRING, offsetof(struct stack, namespace), .flags = DECODE_REQUIRED},
    {"metadata.name", DECODE_STRING, offsetof(struct stack, name), .flags = DECODE_REQUIRED},
    {"metadata.uid", DECODE_STRING, offsetof(struct stack, uid), .fallback = ""},
    {"metadata.resourceVersion", DECODE_STRING, offsetof(struct stack, resource_version), .fallback = ""},
    {"metadata.generation", DECODE_INT, offsetof(struct stack, generation), .flags = 0},
    {"metadata.annotations", DECODE_JSON, offsetof(struct stack, annotations), .flags = 0},
    {"metadata.finalizers", DECODE_JSON, offsetof(struct stack, finalizers), .flags = 0},
    {"status", DECODE_JSON, offsetof(struct stack, status), .flags = 0},
    {"spec", DECODE_OBJECT, offsetof(struct stack, spec), .fields = stack_fields},
    {0}};

/* What is kept of one entry: its time, and which annotations of ours it owns; NULL where it owns none. */
static cJSON *prune_entry(const cJSON *entry) {
  const cJSON *field;
  cJSON *kept = cJSON_CreateObject();
  cJSON_AddStringToObject(kept, "time", json_string(entry, "time", ""));
  cJSON *fields =
      cJSON_AddObjectToObject(cJSON_AddObjectToObject(cJSON_AddObjectToObject(kept, "fieldsV1"), "f:metadata"), "f:annotations");
  cJSON_ArrayForEach(field, json_get(entry, "fieldsV1.f:metadata.f:annotations")) {
    if (field->string && !strncmp(field->string, OUR_FIELD, strlen(OUR_FIELD))) cJSON_AddObjectToObject(fields, field->string);
  }
  if (cJSON_GetArraySize(fields)) return kept;
  cJSON_Delete(kept);
  return NULL;
}

static void prune_managed_fields(cJSON *metadata) {
  cJSON *list = cJSON_DetachItemFromObjectCaseSensitive(metadata, "managedFields"), *pruned = cJSON_CreateArray();
  const cJSON *entry;
  cJSON_ArrayForEach(entry, list) {
    cJSON *kept = prune_entry(entry);
    if (kept) cJSON_AddItemToArray(pruned, kept);
  }
  cJSON_Delete(list);
  if (cJSON_GetArraySize(pruned))
    cJSON_AddItemToObject(metadata, "managedFields", pruned);
  else
    cJSON_Delete(pruned);
}

/* The tree is the stack's from here on, so that whoever fails below frees both. */
static struct stack *stack_new(cJSON *object) {
  struct stack *stack = calloc(1, sizeof *stack);
  if (!stack) return cJSON_Delete(object), NULL;
  stack->object = object;
  return stack;
}

/* A hook or a receiver of messages that decodes here decodes everywhere. */
static int check_items(const struct stack *stack, struct error *error) {
  int place = 0;
  const cJSON *hook;
  cJSON_ArrayForEach(hook, stack->spec.hooks) {
    char prefix[32];
    struct stack_job job;
    (void)snprintf(prefix, sizeof prefix, "spec.hooks[%d]", place++);
    if (decode(hook, prefix, stack_hook_fields, &job, error) < 0) return -1;
  }
  place = 0;
  const cJSON *receiver;
  cJSON_ArrayForEach(receiver, stack->spec.notifications) {
    char prefix[40];
    struct stack_notification notification;
    (void)snprintf(prefix, sizeof prefix, "spec.notifications[%d]", place++);
    if (decode(receiver, prefix, stack_notification_fields, &notification, error) < 0) return -1;
    if (!notification.secret_name) return error_set(error, ERROR_INVALID, "%s.secretRef is missing", prefix);
  }
  return 0;
}

bool stack_hook_at(const struct stack_spec *spec, int place, struct stack_job *ret) {
  const cJSON *hook = cJSON_GetArrayItem(spec->hooks, place);
  return hook && decode(hook, "", stack_hook_fields, ret, NULL) == 0;
}

bool stack_hook_find(const struct stack_spec *spec, const char *name, struct stack_job *ret) {
  struct stack_job job;
  for (int place = 0; stack_hook_at(spec, place, &job); place++)
    if (!strcmp(job.name, name)) return *ret = job, true;
  return false;
}

struct stack *stack_decode(cJSON *object, struct error *error) {
  _cleanup_(stack_freep) struct stack *stack = stack_new(object);
  if (!stack) return (void)error_oom(error), NULL;
  if (object && !cJSON_IsObject(object)) return (void)error_set(error, ERROR_INVALID, "the stack has no metadata: it is no object"), NULL;
  cJSON *metadata = cJSON_GetObjectItemCaseSensitive(object, "metadata");
  prune_managed_fields(metadata);
  if (decode(object, "", object_fields, stack, error) < 0 || shape_check(object, error) < 0 || check_items(stack, error) < 0) return NULL;
  stack->deleting = json_member(metadata, "deletionTimestamp");
  return TAKE(stack);
}

void stack_free(struct stack *stack) {
  if (!stack) return;
  cJSON_Delete(stack->object);
  free(stack);
}

const char *stack_annotation(const struct stack *stack, const char *name) {
  return cJSON_GetStringValue(json_member(stack->annotations, name));
}

/* Times of one form compare as text. */
const char *stack_annotated_at(const struct stack *stack, const char *name) {
  char field[256];
  const char *latest = NULL;
  const cJSON *entry;
  (void)snprintf(field, sizeof field, "f:%s", name);
  cJSON_ArrayForEach(entry, json_get(stack->object, "metadata.managedFields")) {
    const char *time = json_string(entry, "time", "");
    bool owns = json_member(json_get(entry, "fieldsV1.f:metadata.f:annotations"), field);
    if (owns && (!latest || strcmp(time, latest) > 0)) latest = time;
  }
  return latest;
}

bool stack_rolls_back(const struct stack *stack) {
  const char *said = stack->spec.rollout.on_failure;
  return said ? !strcmp(said, "Rollback") : strcmp(stack->spec.environment, "development") != 0;
}

bool stack_is_production(const struct stack *stack) { return !strcmp(stack->spec.environment, "production"); }

bool stack_retains_keys(const struct stack *stack) {
  const cJSON *retain = stack->spec.jwks.retain;
  return retain ? cJSON_IsTrue(retain) : stack_is_production(stack);
}

/* What config.env says in seconds, or the server's default. */
static int64_t env_seconds_ms(const struct stack *stack, const char *name, int64_t max_s, int64_t fallback_s) {
  int64_t seconds;
  const char *text = json_string(json_member(json_get(stack->object, "spec.config.env"), name), "", NULL);
  return 1000 * (parse_int64(text, 0, max_s, &seconds) < 0 ? fallback_s : seconds);
}

static int64_t duration_or_zero(const char *text) {
  int64_t ms = 0;
  (void)!duration_parse(text, &ms); /* stack_validate has refused what is none */
  return ms;
}

struct stack_key_times stack_key_times(const struct stack *stack) {
  int64_t ahead_ms = duration_or_zero(stack->spec.jwks.publish_ahead);
  int64_t cached_ms = env_seconds_ms(stack, "JWKS_MAX_AGE_SECONDS", 86400, 300);
  return (struct stack_key_times){.interval_ms = duration_or_zero(stack->spec.jwks.rotation_interval),
                                  .overlap_ms = duration_or_zero(stack->spec.jwks.overlap),
                                  .ahead_ms = ahead_ms > cached_ms ? ahead_ms : cached_ms,
                                  .longest_token_ms = env_seconds_ms(stack, "JWT_MAX_TTL_SECONDS", 31536000, 86400)};
}

const char *stack_jwks_secret_name(const struct stack *stack, char to[64]) {
  if (stack->spec.jwks.secret_name) return stack->spec.jwks.secret_name;
  (void)snprintf(to, 64, "%s-jwks", stack->name);
  return to;
}

void stack_image_reference(const struct stack *stack, const char *companion, struct buffer *to) {
  const struct stack_image *image = &stack->spec.image;
  buffer_puts(to, image->repository ? image->repository : companion);
  if (!image->repository) return;
  if (image->tag) buffer_printf(to, ":%s", image->tag);
  if (image->digest) buffer_printf(to, "@%s", image->digest);
}

static const struct {
  const char *mode, *key;
} redis_keys[] = {
    {"single", "REDIS_URL"}, {"sentinel", "REDIS_SENTINEL"}, {"sentinel", "REDIS_MASTER"}, {"cluster", "REDIS_CLUSTER_NODES"}};

void stack_required_secret_keys(const struct stack *stack, const char *to[8]) {
  size_t n = 0;
  to[n++] = stack->spec.database.secret_key;
  for (size_t i = 0; i < ELEMENTS(redis_keys); i++) {
    if (!strcmp(stack->spec.redis.mode, redis_keys[i].mode)) to[n++] = redis_keys[i].key;
  }
  to[n++] = "ISSUER_ADMIN_SECRET";
  to[n] = NULL;
}
