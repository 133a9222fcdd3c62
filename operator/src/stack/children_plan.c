#include "stack/children_plan.h"

#include "base/clock.h"
#include "release/annotations.h"

#include <stdio.h>
#include <string.h>

#define REPLICAS_MANAGER         "supernova-operator-replicas"
#define APPLIED_REPLICAS_POINTER STACK_GROUP "~1applied-replicas" /* ANNOTATION_APPLIED_REPLICAS as a JSON pointer says it (RFC 6901) */

enum { LEAVING_LOOK_AGAIN_MS = 2000 };

static const enum resource child_resources[CHILD_KINDS] = {
    [CHILD_SERVICE_ACCOUNT] = RESOURCE_SERVICE_ACCOUNT,
    [CHILD_ENV] = RESOURCE_CONFIG_MAP,
    [CHILD_DESIGN_TOKENS] = RESOURCE_CONFIG_MAP,
    [CHILD_NETWORK_POLICY] = RESOURCE_NETWORK_POLICY,
    [CHILD_SERVICE] = RESOURCE_SERVICE,
    [CHILD_DEPLOYMENT] = RESOURCE_DEPLOYMENT,
    [CHILD_PDB] = RESOURCE_PDB,
    [CHILD_HPA] = RESOURCE_HPA,
    [CHILD_INGRESS] = RESOURCE_INGRESS,
    [CHILD_METRICS_SERVICE] = RESOURCE_SERVICE,
    [CHILD_SERVICE_MONITOR] = RESOURCE_SERVICE_MONITOR,
    [CHILD_PROMETHEUS_RULE] = RESOURCE_PROMETHEUS_RULE,
    [CHILD_DASHBOARD] = RESOURCE_CONFIG_MAP,
};

/* What lies over the revision in a pod template. */
struct overlays {
  const char *secret_hash, *restarted_at;
};

static struct overlays overlays_of(const struct child *deployment) {
  return (struct overlays){deployment->deployment.secret_hash, deployment->deployment.restarted_at};
}

/* A restart that the stack no longer knows of is none to be undone. */
static struct overlays overlays_wanted(const struct observation *o, const struct child *deployment) {
  const char *restarted = stack_annotation(o->stack, ANNOTATION_RESTARTED_AT);
  return (struct overlays){o->secret->hash, restarted || !deployment ? restarted : deployment->deployment.restarted_at};
}

static struct render_input input_of(const struct observation *o, const struct content *content, struct overlays overlays) {
  return (struct render_input){.stack = o->stack,
                               .release = &content->spec,
                               .image = content->image,
                               .content_hash = content->hash,
                               .env_hash = content->env_hash,
                               .env = content->env,
                               .secret_hash = overlays.secret_hash,
                               .restarted_at = overlays.restarted_at,
                               .monitors_served = o->apis[RESOURCE_SERVICE_MONITOR] != API_ABSENT,
                               .rules_served = o->apis[RESOURCE_PROMETHEUS_RULE] != API_ABSENT};
}

/* It was these very pods that were asked for last. */
static bool asks_for_the_same_pods(const struct child *deployment, const cJSON *manifest) {
  const cJSON *hash = json_member(json_get(manifest, "metadata.annotations"), ANNOTATION_TEMPLATE_HASH);
  const char *asked = deployment->deployment.template_hash;
  return asked && cJSON_IsString(hash) && !strcmp(asked, hash->valuestring);
}

/* The Deployment's own memory of its roll: since when it was asked for these pods, or for all of them. Put on before it is sealed. */
static void note_roll(const struct observation *o, const struct child *deployment, cJSON *manifest) {
  const struct deployment_facts *d = deployment ? &deployment->deployment : NULL;
  char now[RFC3339_SIZE];
  bool same_pods = deployment && asks_for_the_same_pods(deployment, manifest);
  bool same_pace = d && (d->min_ready_s > 0) == (json_get(manifest, "spec.minReadySeconds") != NULL);
  format_rfc3339(o->now_ms, now);
  cJSON *metadata = cJSON_GetObjectItemCaseSensitive(manifest, "metadata"), *to = cJSON_GetObjectItemCaseSensitive(metadata, "annotations");
  cJSON_AddStringToObject(to, ANNOTATION_ROLLING_SINCE, same_pods && same_pace && d->rolling_since ? d->rolling_since : now);
}

/* The Deployment as it is to be, noted and sealed; NULL without memory. */
static cJSON *deployment_manifest(const struct observation *o, const struct child *deployment, const struct render_input *in) {
  cJSON *manifest = child_kinds[CHILD_DEPLOYMENT].render(in);
  if (!manifest) return NULL;
  note_roll(o, deployment, manifest);
  render_seal(manifest);
  return manifest;
}

static void add_step(cJSON *patch, const char *op, const char *path, const char *value) {
  cJSON *step = cJSON_CreateObject();
  cJSON_AddStringToObject(step, "op", op);
  cJSON_AddStringToObject(step, "path", path);
  if (value) cJSON_AddStringToObject(step, "value", value);
  cJSON_AddItemToArray(patch, step);
}

/* A JSON patch that turns our Update entry of managedFields into Apply's (or drops it where one of Apply exists), so that a field which leaves the
 * render leaves the object. Replicas and the note of them stay with nobody: an apply that no longer names them would set them back to 1. Replacing the resourceVersion by
 * the observed one makes a stale patch a conflict. */
static cJSON *own_patch(const struct child *child) {
  cJSON *patch = cJSON_CreateArray();
  char entry[64], path[192];
  (void)snprintf(entry, sizeof entry, "/metadata/managedFields/%d", child->update_entry);
  add_step(patch, "replace", "/metadata/resourceVersion", child->resource_version);
  if (child->apply_entry >= 0) {
    add_step(patch, "remove", entry, NULL);
    return patch;
  }
  if (child->update_owns_replicas) {
    (void)snprintf(path, sizeof path, "%s/fieldsV1/f:spec/f:replicas", entry);
    add_step(patch, "remove", path, NULL);
  }
  if (child->update_owns_applied) {
    (void)snprintf(path, sizeof path, "%s/fieldsV1/f:metadata/f:annotations/f:" APPLIED_REPLICAS_POINTER, entry);
    add_step(patch, "remove", path, NULL);
  }
  (void)snprintf(path, sizeof path, "%s/operation", entry);
  add_step(patch, "replace", path, "Apply");
  return patch;
}

static void set_metadata(cJSON *manifest, const char *key, const char *value) {
  cJSON_AddStringToObject(cJSON_GetObjectItemCaseSensitive(manifest, "metadata"), key, value);
}

/* "spec.type, last written by helm". Admission changes what we write ourselves, so no manager is told of it. */
static const char *what_changed(struct plan *plan, const struct child *child, const cJSON *manifest) {
  char field[160];
  bool missing = fingerprint_name_missing(&child->fingerprint, manifest, field, sizeof field);
  const char *writer = child->other_writer ? arena_printf(plan->arena, "last written by %s", child->other_writer)
                                           : "nobody else has written it: an admission webhook does it";
  return arena_printf(plan->arena, "%s, %s", missing ? field : "something is added to it", writer);
}

/* The whole manifest as a merge patch: its lists replace the live ones, and with them whatever was added. */
static uint64_t plan_mend(struct plan *plan, enum resource resource, const struct child *child, cJSON *manifest) {
  const char *what = what_changed(plan, child, manifest);
  set_metadata(manifest, "resourceVersion", child->resource_version);
  cJSON *pod = cJSON_GetObjectItemCaseSensitive(
      cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(manifest, "spec"), "template"), "spec");
  if (pod && !cJSON_GetObjectItemCaseSensitive(pod, "initContainers")) cJSON_AddNullToObject(pod, "initContainers");
  const char *note = arena_printf(plan->arena, "%s %s had something added that is not in the stack's spec: removed",
                                  resources[resource].api.kind, child->name);
  return plan_add(plan, (struct action){.type = ACTION_MERGE,
                                        .resource = resource,
                                        .name = child->name,
                                        .field_manager = FIELD_MANAGER,
                                        .body = manifest,
                                        .event = {"Warning", "DriftRemoved", note},
                                        .mend = {child->applied_hash, what}});
}

static uint64_t plan_change(struct plan *plan, enum resource resource, const struct child *child, cJSON *manifest, uint64_t needs,
                            bool drifted) {
  if (child->update_entry >= 0)
    needs |= plan_add(plan, (struct action){.type = ACTION_OWN,
                                            .resource = resource,
                                            .name = child->name,
                                            .field_manager = FIELD_MANAGER,
                                            .body = own_patch(child),
                                            .needs = needs});
  const char *what = drifted ? what_changed(plan, child, manifest) : NULL;
  set_metadata(manifest, "uid", child->uid);
  struct plan_event event = {0};
  if (drifted)
    event = (struct plan_event){
        "Warning", "DriftMended",
        arena_printf(plan->arena, "%s %s was changed by somebody else: set back", resources[resource].api.kind, child->name)};
  return plan_add(plan, (struct action){.type = ACTION_APPLY,
                                        .resource = resource,
                                        .name = child->name,
                                        .field_manager = FIELD_MANAGER,
                                        .body = manifest,
                                        .uid = child->uid,
                                        .needs = needs,
                                        .event = event,
                                        .mend = {drifted ? child->applied_hash : NULL, what}});
}

/* It was this very text that was written last. */
static bool says_the_same(const struct child *child, const cJSON *manifest) {
  const cJSON *hash = json_member(json_get(manifest, "metadata.annotations"), ANNOTATION_APPLIED_HASH);
  return child->applied_hash && cJSON_IsString(hash) && !strcmp(child->applied_hash, hash->valuestring);
}

/* Compares what was rendered (and is taken) with what is there. */
static uint64_t plan_existing(const struct observation *o, struct plan *plan, enum resource resource, const struct child *child,
                              cJSON *manifest, uint64_t needs) {
  struct fingerprint wanted = {0};
  bool same_render = says_the_same(child, manifest);
  int64_t wait_ms = same_render ? mends_wait_ms(o->mends, resource, child->name, child->applied_hash, o->now_ms) : 0;
  uint64_t bit = 0;
  if (child->deleting || fingerprint_take(manifest, &wanted) < 0) {
    cJSON_Delete(manifest); /* what is going comes back once it is gone */
  } else if (wait_ms) {
    cJSON_Delete(manifest); /* it was set back a moment ago, and again before */
    plan_look_again(plan, wait_ms);
  } else if (same_render && fingerprint_foreign(&child->fingerprint, &wanted)) {
    bit = plan_mend(plan, resource, child, manifest);
  } else if (!same_render || !fingerprint_covers(&child->fingerprint, &wanted)) {
    bit = plan_change(plan, resource, child, manifest, needs, same_render);
  } else {
    cJSON_Delete(manifest);
  }
  fingerprint_done(&wanted);
  return bit;
}

static void note_obstacle(const struct observation *o, enum resource resource, const struct child *child, struct plan *plan,
                          struct obstacles *to) {
  const char *kind = resources[resource].api.kind, *namespace = o->stack->namespace;
  if (observation_is_left_over(o, child)) {
    plan_look_again(plan, LEAVING_LOOK_AGAIN_MS);
    if (!to->leaving)
      to->leaving =
          arena_printf(plan->arena, "the %s %s of an earlier stack is being removed; it is made anew once it is gone", kind, child->name);
  } else if (!to->foreign) {
    to->foreign = arena_printf(
        plan->arena,
        "%s %s/%s belongs to somebody else and is left alone; rename one of them, delete it, or hand it over: kubectl -n %s annotate "
        "%s %s " ANNOTATION_ADOPT "=true",
        kind, namespace, child->name, namespace, resources[resource].api.plural, child->name);
  }
}

/* One child that is wanted: made, or compared. */
static uint64_t plan_wanted(const struct observation *o, enum child_kind kind, const struct render_input *in, uint64_t needs,
                            struct plan *plan, struct obstacles *obstacles) {
  enum resource resource = child_resources[kind];
  char name[64];
  child_kinds[kind].name(in, name);
  const struct child *child = observation_find(o, resource, name);
  if (child && !observation_owns(o, child)) {
    note_obstacle(o, resource, child, plan, obstacles);
    return 0;
  }
  cJSON *manifest = kind == CHILD_DEPLOYMENT ? deployment_manifest(o, child, in) : child_kinds[kind].render(in);
  if (!manifest) return 0;
  if (kind != CHILD_DEPLOYMENT) render_seal(manifest);
  if (child) return plan_existing(o, plan, resource, child, manifest, needs);
  if (kind == CHILD_DEPLOYMENT) render_initial_replicas(manifest, o->stack);
  return plan_add(plan, (struct action){.type = ACTION_CREATE,
                                        .resource = resource,
                                        .name = arena_strdup(plan->arena, name),
                                        .field_manager = FIELD_MANAGER,
                                        .body = manifest,
                                        .needs = needs});
}

static void plan_unwanted(const struct observation *o, enum child_kind kind, const struct render_input *in, struct plan *plan) {
  enum resource resource = child_resources[kind];
  char name[64];
  child_kinds[kind].name(in, name);
  const struct child *child = observation_find(o, resource, name);
  if (!child || child->deleting || !child->owner_uid || strcmp(child->owner_uid, o->stack->uid)) return;
  const char *note = arena_printf(plan->arena, "%s %s is turned off in the spec: deleted", resources[resource].api.kind, child->name);
  plan_add(
      plan,
      (struct action){
          .type = ACTION_DELETE, .resource = resource, .name = child->name, .uid = child->uid, .event = {"Normal", "ChildRemoved", note}});
}

struct children_verdict children_plan(const struct observation *o, const struct content *content, struct plan *plan) {
  struct children_verdict verdict = {0};
  const struct render_input in = input_of(o, content, overlays_wanted(o, NULL));
  for (enum child_kind kind = 0; kind < CHILD_KINDS; kind++) {
    enum resource resource = child_resources[kind];
    if (kind == CHILD_DEPLOYMENT || (resources[resource].optional && o->apis[resource] == API_UNREAD)) continue;
    if (!child_kinds[kind].wanted(&in)) {
      plan_unwanted(o, kind, &in, plan);
      continue;
    }
    uint64_t bit = plan_wanted(o, kind, &in, 0, plan, &verdict.obstacles);
    if (kind == CHILD_SERVICE_ACCOUNT || kind == CHILD_ENV || kind == CHILD_DESIGN_TOKENS) verdict.pods_need |= bit;
  }
  return verdict;
}

/* The number is the autoscaler's from now on: with the note gone, spec.replicas is news again on the day that autoscaling is turned off. */
static void plan_forget_replicas(const struct child *deployment, struct plan *plan) {
  cJSON *annotations, *body = annotations_patch(deployment->resource_version, &annotations);
  cJSON_AddNullToObject(annotations, ANNOTATION_APPLIED_REPLICAS);
  plan_add(plan, (struct action){.type = ACTION_MERGE,
                                 .resource = RESOURCE_DEPLOYMENT,
                                 .name = deployment->name,
                                 .field_manager = REPLICAS_MANAGER,
                                 .body = body});
}

static void plan_apply_replicas(const struct stack *s, const struct child *deployment, struct plan *plan) {
  char number[24];
  (void)snprintf(number, sizeof number, "%lld", (long long)s->spec.replicas);
  cJSON *body = cJSON_CreateObject();
  cJSON_AddStringToObject(body, "apiVersion", "apps/v1");
  cJSON_AddStringToObject(body, "kind", "Deployment");
  cJSON *metadata = cJSON_AddObjectToObject(body, "metadata");
  cJSON_AddStringToObject(metadata, "name", deployment->name);
  cJSON_AddStringToObject(metadata, "namespace", s->namespace);
  cJSON_AddStringToObject(metadata, "uid", deployment->uid);
  cJSON_AddStringToObject(cJSON_AddObjectToObject(metadata, "annotations"), ANNOTATION_APPLIED_REPLICAS, number);
  cJSON_AddNumberToObject(cJSON_AddObjectToObject(body, "spec"), "replicas", (double)s->spec.replicas);
  plan_add(plan, (struct action){.type = ACTION_APPLY,
                                 .resource = RESOURCE_DEPLOYMENT,
                                 .name = deployment->name,
                                 .field_manager = REPLICAS_MANAGER,
                                 .body = body,
                                 .uid = deployment->uid});
}

/* Turned off in the spec, and yet to go. */
static bool autoscaler_lingers(const struct observation *o) {
  const struct child *hpa = observation_find(o, RESOURCE_HPA, o->stack->name);
  return hpa && observation_owns(o, hpa);
}

/* Replicas are set alone, by a manager of their own, and only when the spec's number has changed: so `kubectl scale` and an autoscaler work. */
static void plan_replicas(const struct observation *o, const struct child *deployment, struct plan *plan) {
  const struct stack *s = o->stack;
  int64_t applied = deployment->deployment.applied_replicas;
  bool autoscaling = s->spec.autoscaling.enabled;
  if (deployment->deleting) return;
  if (autoscaling && applied >= 0) plan_forget_replicas(deployment, plan);
  if (!autoscaling && applied != s->spec.replicas && !autoscaler_lingers(o)) plan_apply_replicas(s, deployment, plan);
}

void children_plan_deployment(const struct observation *o, const struct content *content, struct pace pace, uint64_t needs,
                              struct plan *plan, struct obstacles *obstacles) {
  const struct child *deployment = observation_find(o, RESOURCE_DEPLOYMENT, o->stack->name);
  struct render_input in = input_of(o, content, overlays_wanted(o, deployment && observation_owns(o, deployment) ? deployment : NULL));
  in.rolling_back = pace.back;
  in.canary = pace.canary;
  plan_wanted(o, CHILD_DEPLOYMENT, &in, needs, plan, obstacles);
  if (deployment && observation_owns(o, deployment)) plan_replicas(o, deployment, plan);
}

void children_keep_deployment(const struct observation *o, const struct content *content, struct plan *plan) {
  const struct child *deployment = observation_find(o, RESOURCE_DEPLOYMENT, o->stack->name);
  if (!deployment || !observation_owns(o, deployment)) return;
  struct render_input in = input_of(o, content, overlays_of(deployment));
  in.rolling_back = deployment->deployment.rolling_back;
  cJSON *manifest = deployment_manifest(o, deployment, &in);
  if (!manifest) return;
  if (asks_for_the_same_pods(deployment, manifest))
    plan_existing(o, plan, RESOURCE_DEPLOYMENT, deployment, manifest, 0);
  else
    cJSON_Delete(manifest);
  plan_replicas(o, deployment, plan);
}

bool children_would_roll(const struct observation *o, const struct content *content) {
  const struct child *deployment = observation_find(o, RESOURCE_DEPLOYMENT, o->stack->name);
  if (!deployment || !observation_owns(o, deployment)) return false;
  struct render_input in = input_of(o, content, overlays_wanted(o, deployment));
  in.rolling_back = deployment->deployment.rolling_back;
  cJSON *manifest = deployment_manifest(o, deployment, &in);
  if (!manifest) return false;
  bool same = asks_for_the_same_pods(deployment, manifest);
  cJSON_Delete(manifest);
  return !same;
}
