#include "stack/apply.h"

#include "render/render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_MANAGER "supernova-operator-status"

enum { BODY_MAX_BYTES = 2 << 20 };

struct apply {
  struct apply_context context;
  char *namespace, *name, *uid, *resource_version;
  struct plan *plan;
  struct apply_result result;
  size_t next; /* the action that is being carried out; action_count: the status */
  bool status_taken;
  struct kube_call *call;
  struct task step;
};

static void apply_free(struct apply *apply) {
  task_stop(&apply->step);
  free(apply->namespace);
  free(apply->name);
  free(apply->uid);
  free(apply->resource_version);
  free(apply);
}

/* How each type of action is sent. */
static const struct {
  const char *method, *content_type;
  bool to_collection, forced;
} forms[] = {
    [ACTION_CREATE] = {"POST", NULL, true, false},
    [ACTION_APPLY] = {"PATCH", KUBE_APPLY, false, true},
    [ACTION_OWN] = {"PATCH", KUBE_JSON_PATCH, false, false},
    [ACTION_MERGE] = {"PATCH", KUBE_MERGE_PATCH, false, false},
    [ACTION_DELETE] = {"DELETE", NULL, false, false},
    [ACTION_MAKE_KEYS] = {"POST", NULL, true, false},
    [ACTION_ADD_KEY] = {"PATCH", KUBE_MERGE_PATCH, false, false},
};

static void record(const struct apply *apply, const struct plan_event *event) {
  if (!event->reason) return;
  const struct event_subject subject = {
      .resource = &resources[RESOURCE_STACK].api, .namespace = apply->namespace, .name = apply->name, .uid = apply->uid};
  events_record(apply->context.events, &subject, strcmp(event->type, "Normal") ? EVENT_WARNING : EVENT_NORMAL, event->reason, "Reconcile",
                "%s", event->note ? event->note : "");
}

static void finish(struct apply *apply) {
  if (apply->status_taken) {
    record(apply, &apply->plan->event);
    record(apply, &apply->plan->notice);
    record(apply, &apply->plan->mail);
  }
  struct apply_context context = apply->context;
  struct apply_result result = apply->result;
  apply_free(apply);
  context.on_done(context.owner, &result);
}

static void note_failure(struct apply *apply, const struct error *error, const char *what) {
  if (error->kind == ERROR_CONFLICT || error->kind == ERROR_EXISTS || error->kind == ERROR_NOT_FOUND) {
    if (apply->result.outcome == APPLY_OK) apply->result.outcome = APPLY_CONFLICT;
    return;
  }
  if (apply->result.outcome == APPLY_FAILED) return;
  apply->result.outcome = APPLY_FAILED;
  apply->result.error = *error;
  (void)error_wrap(&apply->result.error, "write %s", what);
}

/* Our own write to the stack is no reason for the status to be stale. */
static void follow_stack(struct apply *apply, const cJSON *stack) {
  char *version = strdup(json_string(stack, "metadata.resourceVersion", apply->resource_version));
  if (!version) return; /* the status then conflicts, and is written in the next round */
  free(apply->resource_version);
  apply->resource_version = version;
}

/* Tells the owner what the API server holds now. */
static void note_object(struct apply *apply, enum resource resource, const char *name, const struct kube_response *response) {
  cJSON *object = NULL;
  if (kube_response_parse(response, &object, NULL) < 0) return;
  apply->context.wrote(apply->context.owner, resource, name, object);
  if (resource == RESOURCE_STACK) follow_stack(apply, object);
  render_secret_free(object); /* as plain as any other, where it is none */
}

static bool is_gone_already(const struct action *action, const struct error *error) {
  return action->type == ACTION_DELETE && error->kind == ERROR_NOT_FOUND;
}

static void on_action(void *owner, const struct kube_response *response) {
  struct apply *apply = owner;
  struct action *action = &apply->plan->actions[apply->next];
  apply->call = NULL;
  if (response->error.kind == ERROR_NONE || is_gone_already(action, &response->error)) {
    apply->result.writes++;
    if (action->type == ACTION_DELETE)
      apply->context.wrote(apply->context.owner, action->resource, action->name, NULL);
    else
      note_object(apply, action->resource, action->name, response);
    record(apply, &action->event);
  } else {
    apply->result.failed |= UINT64_C(1) << apply->next;
    if (response->error.kind == ERROR_EXISTS) apply->context.exists(apply->context.owner, action->resource, action->name);
    char what[160];
    (void)snprintf(what, sizeof what, "%s %s", resources[action->resource].api.kind, action->name);
    note_failure(apply, &response->error, what);
  }
  apply->next++;
  task_schedule(&apply->step);
}

static void on_status(void *owner, const struct kube_response *response) {
  struct apply *apply = owner;
  apply->call = NULL;
  if (response->error.kind == ERROR_NONE) {
    apply->result.writes++;
    apply->status_taken = true;
    note_object(apply, RESOURCE_STACK, apply->name, response);
  } else {
    note_failure(apply, &response->error, "the status");
  }
  finish(apply);
}

static int send(struct apply *apply, const char *method, const char *path, const char *content_type, const cJSON *body,
                void (*on_done)(void *, const struct kube_response *), struct error *error) {
  struct buffer text;
  buffer_init_secret(&text, BODY_MAX_BYTES); /* it may come to hold a key */
  if (body) json_print(body, &text);
  const struct kube_request request = {.method = method,
                                       .path = path,
                                       .content_type = content_type,
                                       .body = buffer_text(&text),
                                       .body_len = text.len,
                                       .on_done = on_done,
                                       .owner = apply};
  apply->call = text.failed ? NULL : kube_send(apply->context.client, &request, error);
  if (text.failed) (void)error_set(error, ERROR_INVALID, "the object is larger than %d bytes", BODY_MAX_BYTES);
  buffer_done(&text);
  return apply->call ? 0 : -1;
}

static cJSON *delete_options(const struct action *action) {
  cJSON *options = cJSON_CreateObject();
  cJSON_AddStringToObject(options, "propagationPolicy", "Background");
  if (action->uid) cJSON_AddStringToObject(cJSON_AddObjectToObject(options, "preconditions"), "uid", action->uid);
  return options;
}

static int send_action(struct apply *apply, const struct action *action, const cJSON *body, struct error *error) {
  struct buffer path;
  const char *name = forms[action->type].to_collection ? NULL : action->name;
  kube_path(&path, &resources[action->resource].api, apply->namespace, name, NULL);
  if (action->type != ACTION_DELETE) kube_query(&path, "fieldManager", action->field_manager ? action->field_manager : FIELD_MANAGER);
  if (forms[action->type].forced) kube_query(&path, "force", "true");
  int result = send(apply, forms[action->type].method, buffer_text(&path), forms[action->type].content_type, body, on_action, error);
  buffer_done(&path);
  return result;
}

/* 0 once its answer will come. */
static int start_action(struct apply *apply, const struct action *action, struct error *error) {
  if (action->type == ACTION_MAKE_KEYS || action->type == ACTION_ADD_KEY) {
    apply->context.make_keys(apply->context.owner, action);
    return 0;
  }
  cJSON *options = action->type == ACTION_DELETE ? delete_options(action) : NULL;
  int result = send_action(apply, action, options ? options : action->body, error);
  cJSON_Delete(options);
  return result;
}

static void fail_action(struct apply *apply, const struct error *error) {
  apply->result.failed |= UINT64_C(1) << apply->next;
  if (error) note_failure(apply, error, resources[apply->plan->actions[apply->next].resource].api.kind);
  apply->next++;
}

void apply_keys_made(struct apply *apply, const cJSON *manifest, const struct error *error) {
  struct error failure = manifest ? (struct error){0} : *error;
  if (manifest && send_action(apply, &apply->plan->actions[apply->next], manifest, &failure) == 0) return;
  fail_action(apply, &failure);
  task_schedule(&apply->step);
}

/* A JSON patch that sets the whole status, and the resourceVersion that it was decided at: a stale one is a conflict. */
static cJSON *status_patch(const struct apply *apply) {
  cJSON *patch = cJSON_CreateArray(), *version = cJSON_CreateObject(), *status = cJSON_CreateObject();
  cJSON_AddStringToObject(version, "op", "replace");
  cJSON_AddStringToObject(version, "path", "/metadata/resourceVersion");
  cJSON_AddStringToObject(version, "value", apply->resource_version);
  cJSON_AddStringToObject(status, "op", "add");
  cJSON_AddStringToObject(status, "path", "/status");
  cJSON_AddItemToObject(status, "value", cJSON_Duplicate(apply->plan->status, true));
  cJSON_AddItemToArray(patch, version);
  cJSON_AddItemToArray(patch, status);
  return patch;
}

static void send_status(struct apply *apply) {
  struct buffer path;
  struct error error = {0};
  kube_path(&path, &resources[RESOURCE_STACK].api, apply->namespace, apply->name, "status");
  kube_query(&path, "fieldManager", STATUS_MANAGER);
  cJSON *patch = status_patch(apply);
  int result = send(apply, "PATCH", buffer_text(&path), KUBE_JSON_PATCH, patch, on_status, &error);
  cJSON_Delete(patch);
  buffer_done(&path);
  if (result == 0) return;
  note_failure(apply, &error, "the status");
  finish(apply);
}

static void step(struct task *task) {
  struct apply *apply = CONTAINER_OF(task, struct apply, step);
  struct plan *plan = apply->plan;
  while (apply->next < plan->action_count) {
    const struct action *action = &plan->actions[apply->next];
    struct error error = {0};
    bool skipped = action->needs & apply->result.failed;
    if (!skipped && start_action(apply, action, &error) == 0) return;
    fail_action(apply, skipped ? NULL : &error);
  }
  if (plan->status_changed)
    send_status(apply);
  else
    finish(apply);
}

struct apply *apply_start(const struct apply_context *context, const struct apply_target *target, struct plan *plan, struct error *error) {
  struct apply *apply = calloc(1, sizeof *apply);
  if (!apply) return (void)error_oom(error), NULL;
  apply->context = *context;
  apply->plan = plan;
  task_init(&apply->step, kube_client_loop(context->client), step);
  apply->namespace = strdup(target->namespace);
  apply->name = strdup(target->name);
  apply->uid = strdup(target->uid);
  apply->resource_version = strdup(target->resource_version);
  if (!apply->namespace || !apply->name || !apply->uid || !apply->resource_version) {
    apply_free(apply);
    return (void)error_oom(error), NULL;
  }
  task_schedule(&apply->step);
  return apply;
}

void apply_cancel(struct apply *apply) {
  if (!apply) return;
  kube_cancel(apply->call);
  apply_free(apply);
}
