#include "release/job_memory.h"

#include "base/clock.h"
#include "base/log.h"
#include "codec/decode.h"
#include "stack/child.h"

#include <stdio.h>
#include <string.h>

enum { ATTEMPTS_MAX = 1000000, TEXT_MAX_BYTES = 16384 };

/* As the text has it. */
struct form {
  struct job_memory memory;
  const char *done_at, *failed_at, *told_at;
  const cJSON *accepts;
};

#define AT(member) offsetof(struct form, member)

static const struct decode_field fields[] = {{"attempt", DECODE_INT, AT(memory.attempt), .flags = 0},
                                             {"settled", DECODE_INT, AT(memory.settled), .flags = 0},
                                             {"asked", DECODE_INT, AT(memory.asked), .flags = 0},
                                             {"for", DECODE_STRING, AT(memory.purpose), .flags = 0},
                                             {"key", DECODE_STRING, AT(memory.purpose_key), .flags = 0},
                                             {"done", DECODE_STRING, AT(memory.done), .flags = 0},
                                             {"doneAt", DECODE_STRING, AT(done_at), .flags = 0},
                                             {"failed", DECODE_STRING, AT(memory.failed), .flags = 0},
                                             {"failedAt", DECODE_STRING, AT(failed_at), .flags = 0},
                                             {"ran", DECODE_BOOL, AT(memory.ran), .fallback = "false"},
                                             {"message", DECODE_STRING, AT(memory.message), .flags = 0},
                                             {"toldAt", DECODE_STRING, AT(told_at), .flags = 0},
                                             {"schemaVersion", DECODE_INT, AT(memory.schema_version), .fallback = "-1"},
                                             {"servesFrom", DECODE_INT, AT(memory.serves_from), .fallback = "-1"},
                                             {"accepts", DECODE_JSON, AT(accepts), .flags = 0},
                                             {0}};

static int read_time(const char *text, const char *field, int64_t *ret_ms, struct error *error) {
  if (!text || parse_rfc3339(text, ret_ms) == 0) return 0;
  return error_set(error, ERROR_INVALID, "%s is %.40s, expected a time", field, text);
}

static int read_form(const cJSON *tree, struct job_memory *ret, struct error *error) {
  struct form form = {0};
  if (decode(tree, "", fields, &form, error) < 0) return -1;
  struct job_memory *memory = &form.memory;
  if (read_time(form.done_at, "doneAt", &memory->done_ms, error) < 0 ||
      read_time(form.failed_at, "failedAt", &memory->failed_ms, error) < 0 ||
      read_time(form.told_at, "toldAt", &memory->told_ms, error) < 0)
    return -1;
  if (memory->settled < 0 || memory->settled > memory->attempt || memory->attempt > ATTEMPTS_MAX || memory->asked < 0 ||
      memory->asked > memory->attempt + 1)
    return error_set(error, ERROR_INVALID, "attempt, settled and asked don't go together");
  memory->accepts_min = json_int(cJSON_GetArrayItem(form.accepts, 0), "", -1);
  memory->accepts_max = json_int(cJSON_GetArrayItem(form.accepts, 1), "", -1);
  *ret = form.memory;
  return 0;
}

struct job_memory job_memory_of(const struct child *revision, const char *series) {
  struct job_memory memory = {.schema_version = -1, .serves_from = -1, .accepts_min = -1, .accepts_max = -1};
  const cJSON *tree = revision ? json_member(revision->revision.jobs, series) : NULL;
  if (tree) (void)read_form(tree, &memory, NULL); /* it was well-formed when it was collected */
  return memory;
}

static void add_number(cJSON *to, const char *key, int64_t value, int64_t absent) {
  if (value != absent) cJSON_AddNumberToObject(to, key, (double)value);
}

static void add_text(cJSON *to, const char *key, const char *text) {
  if (text) cJSON_AddStringToObject(to, key, text);
}

static void add_time(cJSON *to, const char *key, int64_t ms) {
  char text[RFC3339_SIZE];
  format_rfc3339(ms, text);
  add_text(to, key, ms ? text : NULL);
}

void job_memory_write(const struct job_memory *memory, const char *series, cJSON *annotations) {
  char name[96];
  cJSON *tree = cJSON_CreateObject();
  struct buffer text;
  add_number(tree, "attempt", memory->attempt, 0);
  add_number(tree, "settled", memory->settled, 0);
  add_number(tree, "asked", memory->asked, 0);
  add_text(tree, "for", memory->purpose);
  add_text(tree, "key", memory->purpose_key);
  add_text(tree, "done", memory->done);
  add_time(tree, "doneAt", memory->done_ms);
  add_text(tree, "failed", memory->failed);
  add_time(tree, "failedAt", memory->failed_ms);
  if (memory->ran) cJSON_AddTrueToObject(tree, "ran");
  add_text(tree, "message", memory->message);
  add_time(tree, "toldAt", memory->told_ms);
  add_number(tree, "schemaVersion", memory->schema_version, -1);
  add_number(tree, "servesFrom", memory->serves_from, -1);
  if (memory->accepts_min >= 0 && memory->accepts_max >= 0) {
    cJSON *accepts = cJSON_AddArrayToObject(tree, "accepts");
    cJSON_AddItemToArray(accepts, cJSON_CreateNumber((double)memory->accepts_min));
    cJSON_AddItemToArray(accepts, cJSON_CreateNumber((double)memory->accepts_max));
  }
  buffer_init(&text, TEXT_MAX_BYTES);
  json_print(tree, &text);
  (void)snprintf(name, sizeof name, ANNOTATION_JOB_PREFIX "%s", series);
  cJSON_AddStringToObject(annotations, name, buffer_text(&text));
  buffer_done(&text);
  cJSON_Delete(tree);
}

/* The tree of TEXT; NULL where it is none that read_form takes. */
static cJSON *parse(const char *text, struct error *error) {
  _cleanup_(json_freep) cJSON *tree = NULL;
  struct job_memory memory;
  if (json_parse(text, strlen(text), &json_limits_request, &tree, error) < 0 || read_form(tree, &memory, error) < 0) return NULL;
  return TAKE(tree);
}

cJSON *job_memory_collect(const char *object_name, const cJSON *annotations) {
  cJSON *all = NULL;
  const cJSON *annotation;
  cJSON_ArrayForEach(annotation, annotations) {
    struct error error = {0};
    if (!cJSON_IsString(annotation) || strncmp(annotation->string, ANNOTATION_JOB_PREFIX, strlen(ANNOTATION_JOB_PREFIX)) != 0) continue;
    cJSON *tree = parse(annotation->valuestring, &error);
    if (!tree)
      log_warn("an annotation of a revision is not what the operator wrote, and counts as absent", log_str("revision", object_name),
               log_str("annotation", annotation->string), log_err(&error));
    if (tree && !all) all = cJSON_CreateObject();
    if (tree && !cJSON_AddItemToObject(all, annotation->string + strlen(ANNOTATION_JOB_PREFIX), tree)) cJSON_Delete(tree);
  }
  return all;
}
