#include "world.h"

#include "base/clock.h"
#include "codec/yaml.h"
#include "release/annotations.h"
#include "render/render.h"
#include "rotation/jwks_memory.h"
#include "rotation/keys.h"
#include "rotation/secrets.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_MS 1767225600000 /* 2026-01-01T00:00:00Z */

static cJSON *parse(const char *yaml) {
  cJSON *tree = NULL;
  struct error error = {0};
  cr_assert_eq(yaml_parse(yaml, strlen(yaml), &tree, &error), 0, "%s", error.message);
  return tree;
}

static void set_text(cJSON *object, const char *key, const char *value) {
  cJSON_DeleteItemFromObjectCaseSensitive(object, key);
  cJSON_AddStringToObject(object, key, value);
}

static cJSON *child_of(cJSON *object, const char *key) {
  cJSON *child = cJSON_GetObjectItemCaseSensitive(object, key);
  return child ? child : cJSON_AddObjectToObject(object, key);
}

static void touch(struct world *w, cJSON *object) {
  char version[24];
  (void)snprintf(version, sizeof version, "%lld", (long long)++w->version);
  set_text(child_of(object, "metadata"), "resourceVersion", version);
}

/* The stack as the API server would give it after a write. */
static void put_stack(struct world *w, cJSON *object) {
  struct error error = {0};
  touch(w, object);
  stack_free(w->stack);
  w->stack = stack_decode(object, &error);
  cr_assert_not_null(w->stack, "%s", error.message);
}

static cJSON *stack_object(const char *spec_yaml, int generation) {
  cJSON *object = parse(
      "apiVersion: platform.supernova.com/v1alpha1\nkind: SupernovaStack\n"
      "metadata: {name: shop, namespace: demo, uid: stack-uid}\nstatus: {observedGeneration: -1}\n");
  cJSON_AddNumberToObject(child_of(object, "metadata"), "generation", generation);
  cJSON *spec = parse(spec_yaml);
  if (!json_get(spec, "jwks.rotationInterval")) set_text(child_of(spec, "jwks"), "rotationInterval", "0h");
  if (!json_get(spec, "change")) cJSON_AddStringToObject(cJSON_AddObjectToObject(spec, "change"), "enforcement", "Off");
  bool given = json_get(spec, "rollout.canary") || (json_get(spec, "rollout") && !json_get(spec, "rollout")->child);
  cJSON *rollout = child_of(spec, "rollout");
  bool told = json_get(rollout, "onFailure") || !rollout->child;
  if (told && !given) {
    cJSON_AddItemToObject(rollout, "canary", parse("{replicas: 0}"));
    cJSON_AddItemToObject(rollout, "verification", parse("{windowSeconds: 0}"));
  }
  cJSON_AddItemToObject(object, "spec", spec);
  return object;
}

void world_init(struct world *w, const char *spec_yaml) {
  *w = (struct world){.version = 100, .said = {.read = true, .answered = true}};
  for (enum resource r = 0; r < RESOURCES; r++) w->objects[r] = cJSON_CreateArray();
  w->o.now_ms = START_MS;
  keys_view_set_absent(&w->keys);
  put_stack(w, stack_object(spec_yaml, 1));
}

void world_spec(struct world *w, const char *spec_yaml) {
  cJSON *object = stack_object(spec_yaml, (int)w->stack->generation + 1);
  if (w->stack->annotations)
    cJSON_AddItemToObject(child_of(object, "metadata"), "annotations", cJSON_Duplicate(w->stack->annotations, true));
  if (w->stack->finalizers) cJSON_AddItemToObject(child_of(object, "metadata"), "finalizers", cJSON_Duplicate(w->stack->finalizers, true));
  if (w->stack->status) cJSON_ReplaceItemInObjectCaseSensitive(object, "status", cJSON_Duplicate(w->stack->status, true));
  put_stack(w, object);
}

void world_annotate(struct world *w, const char *name, const char *value, const char *at) {
  cJSON *object = cJSON_Duplicate(w->stack->object, true), *metadata = child_of(object, "metadata");
  set_text(child_of(metadata, "annotations"), name, value);
  if (at) {
    cJSON *entry = parse("{manager: kubectl, fieldsV1: {'f:metadata': {'f:annotations': {}}}}");
    char field[160];
    (void)snprintf(field, sizeof field, "f:%s", name);
    set_text(entry, "time", at);
    cJSON_AddObjectToObject(child_of(child_of(child_of(entry, "fieldsV1"), "f:metadata"), "f:annotations"), field);
    cJSON_DeleteItemFromObjectCaseSensitive(metadata, "managedFields");
    cJSON_AddItemToArray(cJSON_AddArrayToObject(metadata, "managedFields"), entry);
  }
  put_stack(w, object);
}

void world_done(struct world *w) {
  for (enum resource r = 0; r < RESOURCES; r++) {
    cJSON_Delete(w->objects[r]);
    for (size_t i = 0; i < WORLD_MAX_OBJECTS; i++) child_free(w->children[r][i]);
  }
  looks_done(&w->looks);
  plan_done(&w->plan);
  arena_free(w->arena);
  stack_free(w->stack);
  secret_view_done(&w->secret);
  keys_view_done(&w->keys);
}

void world_secret(struct world *w, const char *first_key, ...) {
  cJSON *secret = parse("metadata: {resourceVersion: '1'}\ndata: {}\n");
  va_list keys;
  va_start(keys, first_key);
  for (const char *key = first_key; key; key = va_arg(keys, const char *))
    cJSON_AddStringToObject(child_of(secret, "data"), key, !strcmp(key, "DATABASE_URL") ? "cG9zdGdyZXM6Ly91OnBAZGIvc2hvcA==" : "c2VjcmV0");
  va_end(keys);
  cr_assert_eq(secret_view_read(&w->secret, secret, "DATABASE_URL", NULL), 0);
  cJSON_Delete(secret);
}

void world_keys(struct world *w, const char *kid) {
  keys_view_set_absent(&w->keys);
  w->keys = (struct keys_view){.state = KEYS_READ, .signing = strdup(kid), .uid = strdup("keys-uid"), .created_ms = START_MS};
  w->keys.kids = cJSON_CreateObject();
  cJSON_AddTrueToObject(w->keys.kids, kid);
  w->keys.set = strdup("{\"keys\":[]}");
  w->keys.resource_version = strdup("1");
}

/* The Secret after a step, as far as a plan sees it: what it remembers is what it holds. */
static void step_keys(struct world *w, const cJSON *patch) {
  const char *text = json_string(json_member(json_get(patch, "metadata.annotations"), ANNOTATION_KEYS), "", "");
  cJSON *memory = NULL, *key;
  cr_assert_eq(json_parse(text, strlen(text), &json_limits_request, &memory, NULL), 0);
  free(w->keys.memory);
  w->keys.memory = strdup(text);
  cJSON_Delete(w->keys.kids);
  w->keys.kids = cJSON_CreateObject();
  cJSON_ArrayForEach(key, json_get(memory, "keys")) {
    const char *kid = json_string(key, "kid", ""), *state = json_string(key, "state", "");
    cJSON_AddBoolToObject(w->keys.kids, kid, strcmp(state, "retiring") != 0);
    if (strcmp(state, "signing") != 0) continue;
    free(w->keys.signing);
    w->keys.signing = strdup(kid);
  }
  cJSON_Delete(memory);
}

cJSON *world_object(struct world *w, enum resource resource, const char *name) {
  cJSON *object;
  cJSON_ArrayForEach(object, w->objects[resource]) {
    if (!strcmp(json_string(object, "metadata.name", ""), name)) return object;
  }
  return NULL;
}

void world_remove(struct world *w, enum resource resource, const char *name) {
  cJSON *object = world_object(w, resource, name);
  if (object) cJSON_Delete(cJSON_DetachItemViaPointer(w->objects[resource], object));
}

/* Takes OBJECT. */
static void put(struct world *w, enum resource resource, cJSON *object) {
  char uid[160];
  cJSON *metadata = child_of(object, "metadata");
  const char *name = json_string(metadata, "name", "");
  (void)snprintf(uid, sizeof uid, "uid-%s-%s", resources[resource].api.kind, name);
  set_text(metadata, "uid", uid);
  if (!json_get(metadata, "namespace")) set_text(metadata, "namespace", "demo");
  touch(w, object);
  world_remove(w, resource, name);
  cJSON_AddItemToArray(w->objects[resource], object);
}

void world_api(struct world *w, enum resource resource, enum api_state state) {
  w->o.apis[resource] = state;
  while (state != API_SERVED && cJSON_GetArraySize(w->objects[resource])) cJSON_DeleteItemFromArray(w->objects[resource], 0);
}

void world_put(struct world *w, enum resource resource, const char *yaml) { put(w, resource, parse(yaml)); }

static void observe(struct world *w) {
  enum api_state apis[RESOURCES];
  memcpy(apis, w->o.apis, sizeof apis);
  w->o = (struct observation){.now_ms = w->o.now_ms,
                              .stack = w->stack,
                              .companion_image = "docker.io/library/supernova-server:1",
                              .secret = &w->secret,
                              .keys = &w->keys,
                              .design_tokens_found = w->o.design_tokens_found,
                              .last_error = w->o.last_error,
                              .mends = w->o.mends,
                              .looks = &w->looks};
  memcpy(w->o.apis, apis, sizeof apis);
  for (enum resource r = 0; r < RESOURCES; r++) {
    size_t count = 0;
    cJSON *object;
    for (size_t i = 0; i < WORLD_MAX_OBJECTS; i++) {
      child_free(w->children[r][i]);
      w->children[r][i] = NULL;
    }
    cJSON_ArrayForEach(object, w->objects[r]) {
      struct error error = {0};
      w->children[r][count] = child_project(resources[r].view, object, &error);
      cr_assert_not_null(w->children[r][count], "%s", error.message);
      w->pointers[r][count] = w->children[r][count];
      count++;
    }
    bool labelled = true;
    for (size_t i = 0; i < count; i++) labelled = labelled && w->children[r][i]->stack;
    *(labelled ? &w->o.children[r] : &w->o.fetched[r]) = (struct child_list){w->pointers[r], count};
  }
}

void world_plan(struct world *w) {
  struct error error = {0};
  observe(w);
  plan_done(&w->plan);
  arena_free(w->arena);
  w->arena = arena_new(4 << 20);
  w->plan = (struct plan){.arena = w->arena};
  cr_assert_eq(plan_make(&w->o, &w->plan, &error), 0, "%s", error.message);
}

const char *world_says(struct world *w) {
  static const char *const verbs[] = {
      [ACTION_CREATE] = "create", [ACTION_APPLY] = "apply",    [ACTION_OWN] = "own",    [ACTION_MERGE] = "merge",
      [ACTION_DELETE] = "delete", [ACTION_MAKE_KEYS] = "keys", [ACTION_ADD_KEY] = "key"};
  size_t n = 0;
  w->says[0] = 0;
  for (size_t i = 0; i < w->plan.action_count; i++)
    n += (size_t)snprintf(w->says + n, sizeof w->says - n, "%s%s %s %s", n ? "; " : "", verbs[w->plan.actions[i].type],
                          resources[w->plan.actions[i].resource].api.kind, w->plan.actions[i].name);
  if (w->plan.status_changed) (void)snprintf(w->says + n, sizeof w->says - n, "%sstatus %s", n ? "; " : "", w->plan.phase);
  return w->says;
}

/* JSON merge patch (RFC 7396). */
static void merge(cJSON *into, const cJSON *patch) {
  const cJSON *member;
  cJSON_ArrayForEach(member, patch) {
    cJSON *old = cJSON_GetObjectItemCaseSensitive(into, member->string);
    if (cJSON_IsObject(member) && cJSON_IsObject(old)) {
      merge(old, member);
      continue;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(into, member->string);
    if (!cJSON_IsNull(member)) cJSON_AddItemToObject(into, member->string, cJSON_Duplicate(member, true));
  }
}

static void add_manager(cJSON *object, const char *operation) {
  cJSON *metadata = child_of(object, "metadata"), *list = cJSON_CreateArray(), *entry = cJSON_CreateObject();
  cJSON_DeleteItemFromObjectCaseSensitive(metadata, "managedFields");
  cJSON_AddStringToObject(entry, "manager", FIELD_MANAGER);
  cJSON_AddStringToObject(entry, "operation", operation);
  cJSON_AddItemToArray(list, entry);
  cJSON_AddItemToObject(metadata, "managedFields", list);
}

/* What an apply no longer names goes: of annotations, as far as they are the operator's own. */
static void forget_annotations(cJSON *object, const struct action *action) {
  cJSON *annotations = cJSON_GetObjectItemCaseSensitive(child_of(object, "metadata"), "annotations");
  const cJSON *kept = json_get(action->body, "metadata.annotations");
  if (action->type != ACTION_APPLY || !action->field_manager || strcmp(action->field_manager, FIELD_MANAGER) != 0) return;
  for (cJSON *annotation = annotations ? annotations->child : NULL, *next; annotation; annotation = next) {
    next = annotation->next;
    bool ours = !strncmp(annotation->string, STACK_GROUP "/", strlen(STACK_GROUP "/"));
    if (!ours || !strcmp(annotation->string, ANNOTATION_APPLIED_REPLICAS) || json_member(kept, annotation->string)) continue;
    cJSON_Delete(cJSON_DetachItemViaPointer(annotations, annotation));
  }
}

static void carry_out(struct world *w, const struct action *action) {
  cJSON *live = world_object(w, action->resource, action->name);
  switch (action->type) {
    case ACTION_CREATE: {
      cr_assert_null(live, "%s %s is created though it is there", resources[action->resource].api.kind, action->name);
      cJSON *made = cJSON_Duplicate(action->body, true);
      add_manager(made, "Update");
      put(w, action->resource, made);
      break;
    }
    case ACTION_ADD_KEY: step_keys(w, action->body); break;
    case ACTION_APPLY:
    case ACTION_MERGE: {
      if (action->resource == RESOURCE_SECRET) {
        step_keys(w, action->body);
        break;
      }
      if (action->resource == RESOURCE_STACK) {
        cJSON *stack = cJSON_Duplicate(w->stack->object, true);
        merge(stack, action->body);
        put_stack(w, stack);
        break;
      }
      cr_assert_not_null(live);
      cJSON *changed = cJSON_Duplicate(live, true);
      forget_annotations(changed, action);
      bool holds = json_get(action->body, "spec.minReadySeconds"),
           applied = !strcmp(action->field_manager ? action->field_manager : "", FIELD_MANAGER);
      if (action->resource == RESOURCE_DEPLOYMENT && applied && !holds)
        cJSON_DeleteItemFromObjectCaseSensitive(child_of(changed, "spec"), "minReadySeconds"); /* what an apply no longer names goes */
      merge(changed, action->body);
      put(w, action->resource, changed);
      break;
    }
    case ACTION_OWN: add_manager(live, "Apply"); break;
    case ACTION_DELETE: world_remove(w, action->resource, action->name); break;
    case ACTION_MAKE_KEYS: world_keys(w, "1767225600000"); break;
  }
}

void world_carry_out(struct world *w) {
  for (size_t i = 0; i < w->plan.action_count; i++) carry_out(w, &w->plan.actions[i]);
  if (!w->plan.status_changed) return;
  cJSON *object = cJSON_Duplicate(w->stack->object, true);
  cJSON_DeleteItemFromObjectCaseSensitive(object, "status");
  cJSON_AddItemToObject(object, "status", cJSON_Duplicate(w->plan.status, true));
  put_stack(w, object);
}

/* Asks the pods that the plan wants to hear; false where all of them had been asked since they became ready. */
static bool look(struct world *w) {
  bool news = false;
  size_t count = w->plan.look_count;
  if (!count) return false;
  struct pod_look *items = calloc(count + w->looks.count, sizeof *items);
  for (size_t i = 0; i < w->plan.look_count; i++) {
    news |= !looks_of(&w->looks, w->plan.looks[i].uid, w->o.now_ms);
    items[i] = (struct pod_look){strdup(w->plan.looks[i].uid), w->o.now_ms, w->said};
  }
  for (size_t i = 0; i < w->looks.count; i++) {
    const struct pod_look *old = &w->looks.items[i];
    bool again = false;
    for (size_t k = 0; k < w->plan.look_count; k++) again |= !strcmp(items[k].uid, old->uid);
    if (!again) items[count++] = (struct pod_look){strdup(old->uid), old->at_ms, old->said};
  }
  looks_done(&w->looks);
  w->looks.items = items;
  w->looks.count = count;
  return news;
}

void world_settle(struct world *w) {
  for (int round = 0; round < 20; round++) {
    world_plan(w);
    bool heard = look(w);
    if (!w->plan.action_count && !w->plan.status_changed && !heard) return;
    world_carry_out(w);
  }
  cr_assert_fail("20 rounds and still: %s", world_says(w));
}

void world_delete(struct world *w) {
  cJSON *object = cJSON_Duplicate(w->stack->object, true);
  set_text(child_of(object, "metadata"), "deletionTimestamp", "2026-01-01T00:00:00Z");
  put_stack(w, object);
}

static bool is_server(const cJSON *pod) { return !strcmp(json_string(json_get(pod, "metadata"), "generateName", ""), "shop-"); }

void world_new_pods(struct world *w, int64_t count, int64_t ready) {
  const cJSON *template = json_get(world_object(w, RESOURCE_DEPLOYMENT, "shop"), "spec.template");
  for (int64_t i = 0; i < count; i++) {
    char name[32], since[RFC3339_SIZE];
    cJSON *pod = cJSON_CreateObject(), *metadata = cJSON_Duplicate(json_get(template, "metadata"), true);
    format_rfc3339(w->o.now_ms, since);
    (void)snprintf(name, sizeof name, "shop-new-%lld", (long long)i);
    cJSON_AddItemToObject(pod, "metadata", metadata);
    set_text(metadata, "name", name);
    set_text(metadata, "generateName", "shop-");
    cJSON *status = parse("{phase: Running, podIP: 10.0.0.1, conditions: [{type: Ready, status: 'True'}]}");
    cJSON *condition = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(status, "conditions"), 0);
    set_text(condition, "lastTransitionTime", since);
    if (i >= ready) set_text(condition, "status", "False");
    cJSON_AddItemToObject(pod, "status", status);
    put(w, RESOURCE_POD, pod);
  }
}

void world_pods_ready(struct world *w) {
  cJSON *deployment = world_object(w, RESOURCE_DEPLOYMENT, "shop");
  cr_assert_not_null(deployment);
  double replicas = (double)json_int(deployment, "spec.replicas", 1);
  cJSON *status = child_of(deployment, "status");
  static const char *const numbers[] = {"replicas", "updatedReplicas", "readyReplicas", "availableReplicas"};
  for (int i = cJSON_GetArraySize(w->objects[RESOURCE_POD]); i-- > 0;)
    if (is_server(cJSON_GetArrayItem(w->objects[RESOURCE_POD], i))) cJSON_DeleteItemFromArray(w->objects[RESOURCE_POD], i);
  world_new_pods(w, (int64_t)replicas, (int64_t)replicas);
  for (size_t i = 0; i < ELEMENTS(numbers); i++) {
    cJSON_DeleteItemFromObjectCaseSensitive(status, numbers[i]);
    cJSON_AddNumberToObject(status, numbers[i], replicas);
  }
  cJSON_DeleteItemFromObjectCaseSensitive(status, "conditions");
  cJSON_DeleteItemFromObjectCaseSensitive(status, "observedGeneration");
  cJSON_AddNumberToObject(status, "observedGeneration", 1);
  touch(w, deployment);
}

void world_pods_stuck(struct world *w) {
  cJSON *deployment = world_object(w, RESOURCE_DEPLOYMENT, "shop");
  cr_assert_not_null(deployment);
  cJSON_DeleteItemFromObjectCaseSensitive(deployment, "status");
  cJSON_AddItemToObject(deployment, "status",
                        parse("{observedGeneration: 1, replicas: 3, updatedReplicas: 1, readyReplicas: 2, availableReplicas: 2, "
                              "conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded}]}"));
  w->o.now_ms += 600 * 1000; /* the deadline is the operator's own */
  touch(w, deployment);
}

void world_job_ends(struct world *w, const char *job, bool succeeds, int exit_code, const char *message) {
  char yaml[1024];
  cJSON *object = world_object(w, RESOURCE_JOB, job);
  cr_assert_not_null(object, "no Job %s", job);
  (void)snprintf(yaml, sizeof yaml, "conditions: [{type: %s, status: 'True', reason: X, lastTransitionTime: '2026-01-01T00:00:00Z'}]",
                 succeeds ? "Complete" : "Failed");
  cJSON_DeleteItemFromObjectCaseSensitive(object, "status");
  cJSON_AddItemToObject(object, "status", parse(yaml));
  touch(w, object);
  (void)snprintf(yaml, sizeof yaml,
                 "metadata: {name: %s-pod, labels: {platform.supernova.com/stack: shop, batch.kubernetes.io/job-name: %s, "
                 "app.kubernetes.io/component: migrate}}\n"
                 "status: {phase: Failed, containerStatuses: [{state: {terminated: {exitCode: %d}}}]}",
                 job, job, exit_code);
  cJSON *pod = parse(yaml);
  set_text(
      cJSON_GetObjectItemCaseSensitive(
          cJSON_GetObjectItemCaseSensitive(
              cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(pod, "status"), "containerStatuses"), 0),
              "state"),
          "terminated"),
      "message", message);
  put(w, RESOURCE_POD, pod);
}

const char *world_phase(struct world *w) { return w->plan.phase; }

const char *world_condition(struct world *w, const char *type) {
  const cJSON *condition;
  static char text[256];
  *text = 0;
  cJSON_ArrayForEach(condition, json_get(w->plan.status, "conditions")) {
    if (strcmp(json_string(condition, "type", ""), type) != 0) continue;
    (void)snprintf(text, sizeof text, "%s %s", json_string(condition, "status", ""), json_string(condition, "reason", ""));
  }
  return text;
}
