/* What the decisions read of one resource in one scope: projections, a few hundred bytes an object, kept current by a watch of its own.
 *
 *     static const struct cache_kind pods = {.project = pod_project, .free = pod_free, .index_of = pod_stack};
 *     struct cache *cache = cache_new(client, &(struct cache_options){.resource = &kube_pods, .labels = "app.kubernetes.io/managed-by=me",
 *                                     .kind = &pods, .on_change = enqueue, .owner = manager}, &error);
 *     const struct pod *pod = cache_get(cache, "shop/web-1");          // borrowed until the loop turns
 *     cache_each_indexed(cache, "shop/web", visit, me);
 *
 * Keys are "namespace/name", or "name" of what has no namespace. The cache owns the projections. Whole objects are never kept.
 */
#pragma once

#include "kube/watch.h"

struct cache;

struct cache_kind {
  /* A new projection, or NULL: with an error the object is counted, logged and not held; without one it is of no interest. */
  void *(*project)(const cJSON *object, struct error *error);
  void (*free)(void *projection);
  const char *(*index_of)(const void *projection); /* borrowed from the projection; may return NULL; NULL: no index */
};

struct cache_options {
  const struct kube_resource *resource; /* these are the watch's */
  const char *namespace, *labels, *fields;
  bool metadata_only;
  unsigned page_size;
  int64_t silence_ms;

  const struct cache_kind *kind; /* borrowed */
  /* Each add (OLD is NULL), change and removal (NOW is NULL), of events and of whole sets; in a swap only what differs by uid or
   * resourceVersion. OLD is freed afterwards; the cache shows NOW already. */
  void (*on_change)(void *owner, const char *key, const void *old, const void *now);
  void (*on_synced)(void *owner); /* the first whole set is in; may be NULL */
  void *owner;
};

struct cache *cache_new(struct kube_client *client, const struct cache_options *options, struct error *error);
void cache_free(struct cache *cache); /* without on_change; not from within it; accepts NULL */

const void *cache_get(const struct cache *cache, const char *key); /* NULL: not there */
size_t cache_count(const struct cache *cache);

/* The cache does not change within these: the loop does not turn. Order is none. */
void cache_each(const struct cache *cache, void (*visit)(void *owner, const char *key, const void *projection), void *owner);
void cache_each_indexed(const struct cache *cache, const char *index, void (*visit)(void *owner, const char *key, const void *projection),
                        void *owner);

bool cache_synced(const struct cache *cache);
bool cache_stale(
    const struct cache *cache); /* not synced, or nothing heard for longer than the watch's silence bound and half of it again */
const struct watch *cache_watch(const struct cache *cache); /* state, age, counters for metrics */
uint64_t cache_passed_over(const struct cache *cache);      /* objects that could not be projected, so far */
const struct kube_resource *cache_resource(const struct cache *cache);

DEFINE_CLEANUP(struct cache, cache_freep, cache_free)
