#include "release/job_words.h"

#include "release/last_words.h"

#include <string.h>

enum { MESSAGE_MAX_BYTES = 800 };

const struct pod_facts *job_last_pod(const struct observation *o, const char *job) {
  const struct pod_facts *found = NULL;
  for (size_t i = 0; i < o->children[RESOURCE_POD].count; i++) {
    const struct pod_facts *pod = &o->children[RESOURCE_POD].items[i]->pod;
    if (pod->job && !strcmp(pod->job, job) && (pod->terminated || pod->failed || !found)) found = pod;
  }
  return found;
}

/* A deadline is the kubelet's to enforce: what it says of the pod then is its last word. */
bool job_did_nothing(const struct observation *o, const char *job) {
  bool seen = false;
  for (size_t i = 0; i < o->children[RESOURCE_POD].count; i++) {
    const struct pod_facts *pod = &o->children[RESOURCE_POD].items[i]->pod;
    if (!pod->job || strcmp(pod->job, job) != 0) continue;
    if (!pod->deadline_exceeded || !pod->no_container) return false;
    seen = true;
  }
  return seen;
}

/* The termination message where it is JSON; the caller owns it. */
static cJSON *said(const struct pod_facts *pod) {
  cJSON *tree = NULL;
  if (!pod || !pod->termination_message) return NULL;
  if (json_parse(pod->termination_message, strlen(pod->termination_message), &json_limits_request, &tree, NULL) < 0) return NULL;
  return tree;
}

static const char *explain_deadline(const struct stack_job *settings, const char *block, struct arena *arena) {
  long long seconds = (long long)settings->active_deadline_s;
  return block ? arena_printf(arena, "it did not end within %lld s (%s.activeDeadlineSeconds)", seconds, block)
               : arena_printf(arena, "it did not end within %lld s", seconds);
}

const char *job_hindrance(const struct pod_facts *pod, struct arena *arena) {
  if (pod && pod->waiting)
    return arena_printf(arena, "%s: %s", pod->waiting,
                        last_words_clean(arena, pod->waiting_message ? pod->waiting_message : "", MESSAGE_MAX_BYTES));
  return pod && pod->unschedulable ? arena_printf(arena, "its pod cannot be scheduled: %s", pod->unschedulable) : NULL;
}

const char *job_explain(const struct child *job, const struct pod_facts *pod, const struct stack_job *settings, const char *block,
                        struct arena *arena) {
  if (pod && pod->deadline_exceeded) return explain_deadline(settings, block, arena);
  if (pod && pod->waiting) return job_hindrance(pod, arena);
  if (!pod || !pod->termination_message || !*pod->termination_message)
    return job ? arena_printf(arena, "Job %s failed: %s", job->name, job->job.reason ? job->job.reason : "no reason given")
               : "its Job is gone";
  _cleanup_(json_freep) cJSON *message = said(pod);
  if (!json_get(message, "error")) return last_words_clean(arena, pod->termination_message, MESSAGE_MAX_BYTES);
  const char *why = last_words_clean(arena, json_string(message, "error", ""), MESSAGE_MAX_BYTES);
  return json_get(message, "file")
             ? arena_printf(arena, "%s line %lld: %s", json_string(message, "file", ""), (long long)json_int(message, "line", 0), why)
             : why;
}

void job_learn(const struct pod_facts *pod, int64_t now_ms, struct job_memory *memory) {
  _cleanup_(json_freep) cJSON *message = said(pod);
  const cJSON *accepts = json_get(message, "accepts");
  int64_t schema_version = json_int(message, "schemaVersion", -1);
  int64_t min = json_int(cJSON_GetArrayItem(accepts, 0), "", -1), max = json_int(cJSON_GetArrayItem(accepts, 1), "", -1);
  if (schema_version >= 0) {
    memory->told_ms = now_ms;
    memory->schema_version = schema_version;
    memory->serves_from = json_int(message, "servesFrom", -1);
  }
  if (min >= 0 && max >= 0) {
    memory->accepts_min = min;
    memory->accepts_max = max;
  }
}
