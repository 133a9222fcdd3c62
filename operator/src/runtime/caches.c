#include "runtime/caches.h"

#include "render/render.h"
#include "stack/stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One cache, and what its callbacks need to know. */
struct slot {
  struct caches *caches;
  enum resource resource;
  char *namespace;     /* NULL: all */
  struct cache *cache; /* NULL: of an optional resource that is not served */
};

struct caches {
  struct caches_options options;
  struct slot *slots;
  size_t count;
};

static void *project_stack(const cJSON *object, struct error *error) {
  cJSON *copy = cJSON_Duplicate(object, true);
  return copy ? stack_decode(copy, error) : ((void)error_oom(error), NULL);
}
static void free_stack(void *stack) { stack_free(stack); }
static const char *index_stack(const void *stack) { return ((const struct stack *)stack)->namespace; }

static void *project_plain(const cJSON *object, struct error *error) { return child_project(CHILD_VIEW_PLAIN, object, error); }
static void *project_deployment(const cJSON *object, struct error *error) { return child_project(CHILD_VIEW_DEPLOYMENT, object, error); }
static void *project_job(const cJSON *object, struct error *error) { return child_project(CHILD_VIEW_JOB, object, error); }
static void *project_revision(const cJSON *object, struct error *error) { return child_project(CHILD_VIEW_REVISION, object, error); }
static void *project_pod(const cJSON *object, struct error *error) { return child_project(CHILD_VIEW_POD, object, error); }
static void *project_hpa(const cJSON *object, struct error *error) { return child_project(CHILD_VIEW_HPA, object, error); }
static void *project_metadata(const cJSON *object, struct error *error) { return child_project(CHILD_VIEW_METADATA, object, error); }
static void free_child(void *child) { child_free(child); }
static const char *index_child(const void *child) { return ((const struct child *)child)->stack; }
static const char *index_namespace(const void *child) { return ((const struct child *)child)->namespace; }

static const struct cache_kind stack_kind = {project_stack, free_stack, index_stack};
static const struct cache_kind child_kinds_by_view[] = {
    [CHILD_VIEW_PLAIN] = {project_plain, free_child, index_child},
    [CHILD_VIEW_DEPLOYMENT] = {project_deployment, free_child, index_child},
    [CHILD_VIEW_JOB] = {project_job, free_child, index_child},
    [CHILD_VIEW_REVISION] = {project_revision, free_child, index_child},
    [CHILD_VIEW_POD] = {project_pod, free_child, index_child},
    [CHILD_VIEW_HPA] = {project_hpa, free_child, index_child},
    [CHILD_VIEW_METADATA] = {project_metadata, free_child, index_namespace},
};

static void on_change(void *owner, const char *key, const void *old, const void *now) {
  (void)key;
  const struct slot *slot = owner;
  slot->caches->options.changed(slot->caches->options.owner, slot->resource, old, now);
}

static void on_listed(void *owner) {
  const struct slot *slot = owner;
  slot->caches->options.listed(slot->caches->options.owner);
}

static int start(struct slot *slot, struct error *error) {
  const struct resource_row *row = &resources[slot->resource];
  slot->cache = cache_new(slot->caches->options.client,
                          &(struct cache_options){.resource = &row->api,
                                                  .namespace = slot->namespace,
                                                  .labels = row->ours ? LABEL_MANAGED_BY "=" FIELD_MANAGER : NULL,
                                                  .metadata_only = row->metadata_only,
                                                  .kind = slot->resource == RESOURCE_STACK ? &stack_kind : &child_kinds_by_view[row->view],
                                                  .on_change = on_change,
                                                  .on_synced = row->optional ? on_listed : NULL,
                                                  .owner = slot},
                          error);
  return slot->cache ? 0 : -1;
}

static int add_namespace(struct caches *caches, const char *namespace, struct error *error) {
  for (enum resource resource = 0; resource < RESOURCES; resource++) {
    struct slot *slot = &caches->slots[caches->count++];
    *slot = (struct slot){.caches = caches, .resource = resource, .namespace = namespace ? strdup(namespace) : NULL};
    if (namespace && !slot->namespace) return error_oom(error);
    if (!resources[resource].optional && start(slot, error) < 0) return error_wrap(error, "watch %s", resources[resource].api.plural);
  }
  return 0;
}

struct caches *caches_new(const struct caches_options *options, struct error *error) {
  size_t namespaces = 0;
  while (options->namespaces[namespaces]) namespaces++;
  struct caches *caches = calloc(1, sizeof *caches);
  struct slot *slots = calloc((namespaces ? namespaces : 1) * RESOURCES, sizeof *slots);
  if (!caches || !slots) return free(caches), free(slots), (void)error_oom(error), NULL;
  caches->options = *options;
  caches->slots = slots;
  int result = namespaces ? 0 : add_namespace(caches, NULL, error);
  for (size_t i = 0; result == 0 && i < namespaces; i++) result = add_namespace(caches, options->namespaces[i], error);
  if (result < 0) return caches_free(caches), NULL;
  return caches;
}

void caches_free(struct caches *caches) {
  if (!caches) return;
  for (size_t i = 0; i < caches->count; i++) {
    cache_free(caches->slots[i].cache);
    free(caches->slots[i].namespace);
  }
  free(caches->slots);
  free(caches);
}

static const struct slot *slot_of(const struct caches *caches, enum resource resource, const char *namespace) {
  for (size_t i = 0; i < caches->count; i++) {
    const struct slot *slot = &caches->slots[i];
    if (slot->resource == resource && (!slot->namespace || !strcmp(slot->namespace, namespace))) return slot;
  }
  return NULL;
}

const void *caches_get(const struct caches *caches, enum resource resource, const char *namespace, const char *name) {
  char key[384];
  const struct slot *slot = slot_of(caches, resource, namespace);
  (void)snprintf(key, sizeof key, "%s/%s", namespace, name);
  return slot && slot->cache ? cache_get(slot->cache, key) : NULL;
}

void caches_each(const struct caches *caches, enum resource resource, const char *namespace, const char *index,
                 void (*visit)(void *owner, const char *key, const void *projection), void *owner) {
  const struct slot *slot = slot_of(caches, resource, namespace);
  if (slot && slot->cache) cache_each_indexed(slot->cache, index, visit, owner);
}

void caches_each_stack(const struct caches *caches, void (*visit)(void *owner, const char *key, const void *stack), void *owner) {
  for (size_t i = 0; i < caches->count; i++)
    if (caches->slots[i].resource == RESOURCE_STACK) cache_each(caches->slots[i].cache, visit, owner);
}

bool caches_serve(struct caches *caches, enum resource resource, bool served) {
  bool changed = false;
  for (size_t i = 0; i < caches->count; i++) {
    struct slot *slot = &caches->slots[i];
    if (slot->resource != resource || served == (slot->cache != NULL)) continue;
    changed = true;
    if (!served)
      cache_free(TAKE(slot->cache));
    else if (start(slot, NULL) < 0)
      changed = false;
  }
  return changed;
}

enum api_state caches_api(const struct caches *caches, enum resource resource, const char *namespace) {
  const struct slot *slot = slot_of(caches, resource, namespace);
  if (!slot || !slot->cache) return API_ABSENT;
  return cache_synced(slot->cache) ? API_SERVED : API_UNREAD;
}

static bool is_needed(const struct slot *slot) { return !resources[slot->resource].optional; }

bool caches_synced(const struct caches *caches) {
  for (size_t i = 0; i < caches->count; i++)
    if (is_needed(&caches->slots[i]) && !cache_synced(caches->slots[i].cache)) return false;
  return true;
}

const char *caches_stale(const struct caches *caches, struct buffer *why) {
  for (size_t i = 0; i < caches->count; i++) {
    const struct slot *slot = &caches->slots[i];
    if (!is_needed(slot) || !cache_stale(slot->cache)) continue;
    const struct error *error = watch_last_error(cache_watch(slot->cache));
    buffer_printf(why, "%s in %s: %s", resources[slot->resource].api.plural, slot->namespace ? slot->namespace : "all namespaces",
                  error && error->kind ? error->message : "nothing heard for too long");
    return buffer_text(why);
  }
  return NULL;
}

void caches_visit(const struct caches *caches, void (*visit)(void *owner, enum resource resource, const struct cache *cache), void *owner) {
  for (size_t i = 0; i < caches->count; i++)
    if (caches->slots[i].cache) visit(owner, caches->slots[i].resource, caches->slots[i].cache);
}
