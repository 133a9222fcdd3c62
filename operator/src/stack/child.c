#include "stack/child.h"

#include "base/clock.h"
#include "base/number.h"
#include "codec/json.h"
#include "crypto/digest.h"
#include "release/annotations.h"
#include "release/content.h"
#include "release/failure.h"
#include "release/job_memory.h"
#include "release/pin.h"
#include "render/render.h"
#include "rotation/jwks_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A copy of the string at the path; NULL where it is absent. Memory that is short counts as absent: the next event mends it. */
static char *copy(const cJSON *object, const char *path) {
  const char *text = json_string(object, path, NULL);
  return text ? strdup(text) : NULL;
}

static const char *annotation(const cJSON *object, const char *name) {
  return cJSON_GetStringValue(json_member(json_get(object, "metadata.annotations"), name));
}

static const char *label(const cJSON *object, const char *name) {
  return cJSON_GetStringValue(json_member(json_get(object, "metadata.labels"), name));
}

static char *copy_text(const char *text) { return text ? strdup(text) : NULL; }

static int64_t number_or(const char *text, int64_t fallback) {
  int64_t value;
  return parse_int64(text, INT64_MIN, INT64_MAX, &value) < 0 ? fallback : value;
}

static int64_t time_or_zero(const char *text) {
  int64_t ms;
  return parse_rfc3339(text, &ms) < 0 ? 0 : ms;
}

/* The element of a list of conditions (or container statuses) whose KEY is VALUE. */
static const cJSON *find(const cJSON *list, const char *key, const char *value) {
  const cJSON *item;
  cJSON_ArrayForEach(item, list) {
    if (!strcmp(json_string(item, key, ""), value)) return item;
  }
  return NULL;
}

static bool condition_is(const cJSON *object, const char *type, const char *status) {
  return !strcmp(json_string(find(json_get(object, "status.conditions"), "type", type), "status", ""), status);
}

/* "namespace/name" of the stack that the label names. */
static char *stack_of(const cJSON *object) {
  const char *name = label(object, LABEL_STACK);
  char *key = NULL;
  if (!name || asprintf(&key, "%s/%s", json_string(object, "metadata.namespace", ""), name) < 0) return NULL;
  return key;
}

static void read_owner(const cJSON *object, struct child *child) {
  const cJSON *owner;
  cJSON_ArrayForEach(owner, json_get(object, "metadata.ownerReferences")) {
    if (!json_bool(owner, "controller", false)) continue;
    child->owner_uid = copy(owner, "uid");
    if (!strcmp(json_string(owner, "kind", ""), STACK_KIND)) child->owner_stack = copy(owner, "name");
  }
}

static void read_update_entry(const cJSON *fields, struct child *child) {
  child->update_owns_replicas = json_get(fields, "f:spec.f:replicas");
  child->update_owns_applied = json_member(json_get(fields, "f:metadata.f:annotations"), "f:" ANNOTATION_APPLIED_REPLICAS);
}

/* Status aside: every controller writes that. Times of one form compare as text. */
static const cJSON *later_of_others(const cJSON *a, const cJSON *b) {
  bool ours = !strncmp(json_string(b, "manager", ""), FIELD_MANAGER, strlen(FIELD_MANAGER));
  if (ours || *json_string(b, "subresource", "")) return a;
  return a && strcmp(json_string(a, "time", ""), json_string(b, "time", "")) > 0 ? a : b;
}

static void read_managers(const cJSON *object, struct child *child) {
  child->update_entry = child->apply_entry = -1;
  int place = 0;
  const cJSON *entry, *other = NULL;
  cJSON_ArrayForEach(entry, json_get(object, "metadata.managedFields")) {
    if (!strcmp(json_string(entry, "manager", ""), FIELD_MANAGER) && !*json_string(entry, "subresource", "")) {
      bool update = !strcmp(json_string(entry, "operation", ""), "Update");
      *(update ? &child->update_entry : &child->apply_entry) = place;
      if (update) read_update_entry(json_get(entry, "fieldsV1"), child);
    }
    other = later_of_others(other, entry);
    place++;
  }
  child->other_writer = copy(other, "manager");
}

static void read_deployment(const cJSON *object, struct deployment_facts *to) {
  const cJSON *conditions = json_get(object, "status.conditions");
  const cJSON *template = json_get(object, "spec.template");
  to->generation = json_int(object, "metadata.generation", 0);
  to->observed_generation = json_int(object, "status.observedGeneration", -1);
  to->replicas = json_int(object, "spec.replicas", 1);
  to->current = json_int(object, "status.replicas", 0);
  to->updated = json_int(object, "status.updatedReplicas", 0);
  to->ready = json_int(object, "status.readyReplicas", 0);
  to->available = json_int(object, "status.availableReplicas", 0);
  to->applied_replicas = number_or(annotation(object, ANNOTATION_APPLIED_REPLICAS), -1);
  const cJSON *failure = find(conditions, "type", "ReplicaFailure");
  if (!strcmp(json_string(failure, "status", ""), "True")) to->replica_failure = copy(failure, "message");
  to->content_hash = copy_text(annotation(template, ANNOTATION_CONTENT_HASH));
  to->secret_hash = copy_text(annotation(template, ANNOTATION_SECRET_HASH));
  to->restarted_at = copy_text(annotation(template, ANNOTATION_RESTARTED_AT));
  to->template_hash = copy_text(annotation(object, ANNOTATION_TEMPLATE_HASH));
  to->rolling_back = annotation(object, ANNOTATION_ROLLING_BACK);
  to->rolling_since = copy_text(annotation(object, ANNOTATION_ROLLING_SINCE));
  to->min_ready_s = json_int(object, "spec.minReadySeconds", 0);
}

static void read_job(const cJSON *object, struct job_facts *to) {
  bool failed = condition_is(object, "Failed", "True"), complete = condition_is(object, "Complete", "True");
  to->state = complete ? JOB_COMPLETE : failed ? JOB_FAILED : JOB_RUNNING;
  const cJSON *end = find(json_get(object, "status.conditions"), "type", complete ? "Complete" : "Failed");
  if (to->state != JOB_RUNNING) to->finished_ms = time_or_zero(json_string(end, "lastTransitionTime", NULL));
  if (to->state == JOB_FAILED) to->reason = copy(end, "reason");
  to->pods_left = json_int(object, "status.active", 0) > 0 || json_int(object, "status.terminating", 0) > 0;
}

static void read_revision(const cJSON *object, struct revision_facts *to) {
  struct buffer content;
  buffer_init(&content, 1 << 20);
  json_print(json_get(object, "data"), &content);
  to->content = buffer_take(&content);
  buffer_done(&content);
  struct content parsed = {0};
  if (to->content && content_parse(to->content, &parsed, NULL) == 0) to->image = copy_text(parsed.image);
  content_done(&parsed);
  const cJSON *env = json_get(object, "data.env");
  char hash[CONTENT_HASH_SIZE];
  if (env && content_hash(env, hash) == 0) to->env_name_hash = strdup(hash);
  to->number = json_int(object, "revision", 0);
  to->verified = copy_text(annotation(object, ANNOTATION_VERIFIED));
  to->jobs = job_memory_collect(json_string(object, "metadata.name", ""), json_get(object, "metadata.annotations"));
  to->failed = failure_collect(json_string(object, "metadata.name", ""), json_get(object, "metadata.annotations"));
  to->pinned = pin_collect(json_string(object, "metadata.name", ""), json_get(object, "metadata.annotations"));
  to->deployed_ms = time_or_zero(annotation(object, ANNOTATION_DEPLOYED_AT));
  to->began_ms = time_or_zero(annotation(object, ANNOTATION_BEGAN_AT));
}

/* The end that a container came to: of its present state, else of the one before. */
static const cJSON *terminated(const cJSON *status) {
  const cJSON *now = json_get(status, "state.terminated");
  return now ? now : json_get(status, "lastState.terminated");
}

/* What says why it does not serve. */
static void read_evidence(const cJSON *object, const cJSON *container, struct pod_facts *to) {
  to->end_reason = copy(terminated(container), "reason");
  to->memory_limit = copy(cJSON_GetArrayItem(json_get(object, "spec.containers"), 0), "resources.limits.memory");
  to->running_since_ms = time_or_zero(json_string(container, "state.running.startedAt", NULL));
  to->started = json_bool(container, "started", false);
  to->no_container = container && !*json_string(container, "containerID", "") && !to->restarts;
}

static void read_pod(const cJSON *object, struct pod_facts *to) {
  const char *phase = json_string(object, "status.phase", "");
  const cJSON *container = cJSON_GetArrayItem(json_get(object, "status.containerStatuses"), 0);
  const cJSON *end = terminated(container), *waiting = json_get(container, "state.waiting");
  to->component = copy_text(label(object, "app.kubernetes.io/component"));
  to->job = copy_text(label(object, "batch.kubernetes.io/job-name"));
  to->content_hash = copy_text(annotation(object, ANNOTATION_CONTENT_HASH));
  to->secret_hash = copy_text(annotation(object, ANNOTATION_SECRET_HASH));
  to->restarted_at = copy_text(annotation(object, ANNOTATION_RESTARTED_AT));
  to->keys_heard = copy_text(annotation(object, ANNOTATION_KEYS_HEARD));
  to->address = copy(object, "status.podIP");
  const cJSON *ready = find(json_get(object, "status.conditions"), "type", "Ready");
  to->ready = !strcmp(json_string(ready, "status", ""), "True");
  if (to->ready) to->ready_since_ms = time_or_zero(json_string(ready, "lastTransitionTime", NULL));
  to->failed = !strcmp(phase, "Failed");
  to->succeeded = !strcmp(phase, "Succeeded");
  to->deadline_exceeded = !strcmp(json_string(object, "status.reason", ""), "DeadlineExceeded");
  if (waiting && strcmp(json_string(waiting, "reason", ""), "ContainerCreating")) {
    to->waiting = copy(waiting, "reason");
    to->waiting_message = copy(waiting, "message");
  }
  const cJSON *scheduled = find(json_get(object, "status.conditions"), "type", "PodScheduled");
  if (!strcmp(json_string(scheduled, "reason", ""), "Unschedulable")) to->unschedulable = copy(scheduled, "message");
  to->terminated = end;
  to->exit_code = json_int(end, "exitCode", 0);
  to->ended_ms = time_or_zero(json_string(end, "finishedAt", NULL));
  to->restarts = json_int(container, "restartCount", 0);
  to->termination_message = copy(end, "message");
  read_evidence(object, container, to);
}

/* HorizontalPodAutoscalerCondition ScalingLimited: TooFewReplicas and TooManyReplicas are its reasons at the ends of the range. */
static void read_hpa(const cJSON *object, struct hpa_facts *to) {
  const cJSON *limited = find(json_get(object, "status.conditions"), "type", "ScalingLimited");
  to->at_maximum = !strcmp(json_string(limited, "status", ""), "True") && !strcmp(json_string(limited, "reason", ""), "TooManyReplicas");
}

static void read_view(struct child *child, const cJSON *object) {
  switch (child->view) {
    case CHILD_VIEW_DEPLOYMENT: read_deployment(object, &child->deployment); break;
    case CHILD_VIEW_JOB: read_job(object, &child->job); break;
    case CHILD_VIEW_REVISION: read_revision(object, &child->revision); break;
    case CHILD_VIEW_POD: read_pod(object, &child->pod); break;
    case CHILD_VIEW_HPA: read_hpa(object, &child->hpa); break;
    case CHILD_VIEW_PLAIN:
    case CHILD_VIEW_METADATA: break;
  }
}

static bool is_fingerprinted(enum child_view view) {
  return view == CHILD_VIEW_PLAIN || view == CHILD_VIEW_DEPLOYMENT || view == CHILD_VIEW_HPA;
}

struct child *child_project(enum child_view view, const cJSON *object, struct error *error) {
  _cleanup_(child_freep) struct child *child = calloc(1, sizeof *child);
  if (!child) return (void)error_oom(error), NULL;
  child->view = view;
  child->namespace = copy_text(json_string(object, "metadata.namespace", ""));
  child->name = copy(object, "metadata.name");
  child->uid = copy(object, "metadata.uid");
  child->resource_version = copy(object, "metadata.resourceVersion");
  if (!child->namespace || !child->name || !child->uid || !child->resource_version)
    return (void)error_set(error, ERROR_INVALID, "an object without name, uid or resourceVersion"), NULL;
  child->stack = stack_of(object);
  child->applied_hash = copy_text(annotation(object, ANNOTATION_APPLIED_HASH));
  const char *adopt = annotation(object, ANNOTATION_ADOPT);
  child->adopt = adopt && !strcmp(adopt, "true");
  child->deleting = json_get(object, "metadata.deletionTimestamp");
  read_owner(object, child);
  read_managers(object, child);
  if (is_fingerprinted(view) && fingerprint_take(object, &child->fingerprint) < 0) return (void)error_oom(error), NULL;
  read_view(child, object);
  return TAKE(child);
}

const char *child_release_hash(const struct child *revision) {
  const char *dash = strrchr(revision->name, '-');
  return dash ? dash + 1 : "";
}

static void free_view(struct child *child) {
  switch (child->view) {
    case CHILD_VIEW_DEPLOYMENT:
      free(child->deployment.replica_failure);
      free(child->deployment.content_hash);
      free(child->deployment.secret_hash);
      free(child->deployment.restarted_at);
      free(child->deployment.template_hash);
      free(child->deployment.rolling_since);
      break;
    case CHILD_VIEW_JOB: free(child->job.reason); break;
    case CHILD_VIEW_REVISION:
      free(child->revision.content);
      free(child->revision.image);
      free(child->revision.env_name_hash);
      free(child->revision.verified);
      cJSON_Delete(child->revision.jobs);
      cJSON_Delete(child->revision.failed);
      cJSON_Delete(child->revision.pinned);
      break;
    case CHILD_VIEW_POD:
      free(child->pod.component);
      free(child->pod.job);
      free(child->pod.content_hash);
      free(child->pod.secret_hash);
      free(child->pod.restarted_at);
      free(child->pod.keys_heard);
      free(child->pod.address);
      free(child->pod.waiting);
      free(child->pod.waiting_message);
      free(child->pod.unschedulable);
      free(child->pod.termination_message);
      free(child->pod.end_reason);
      free(child->pod.memory_limit);
      break;
    case CHILD_VIEW_HPA:
    case CHILD_VIEW_PLAIN:
    case CHILD_VIEW_METADATA: break;
  }
}

void child_free(struct child *child) {
  if (!child) return;
  free(child->namespace);
  free(child->name);
  free(child->uid);
  free(child->resource_version);
  free(child->stack);
  free(child->owner_uid);
  free(child->owner_stack);
  free(child->applied_hash);
  free(child->other_writer);
  fingerprint_done(&child->fingerprint);
  free_view(child);
  free(child);
}
