/* One cache for each watched resource in each namespace that the operator looks after (or one for all namespaces).
 *
 *     caches_get(caches, RESOURCE_STACK, "shop", "web")      the projection (struct stack or struct child), or NULL
 *     caches_each(caches, RESOURCE_POD, "shop", "shop/web", visit, me)
 *
 * A change calls `changed` with the resource and both projections; what belongs to which stack is for the caller to say. Resources that are optional
 * are watched from caches_serve(…, true) to caches_serve(…, false); nothing waits for them, and that they are stale blinds nobody.
 */
#pragma once

#include "kube/cache.h"
#include "stack/resources.h"

struct caches;

struct caches_options {
  struct kube_client *client;
  const char *const *namespaces; /* ends with NULL; an empty list: all namespaces */
  void (*changed)(void *owner, enum resource resource, const void *old, const void *now);
  void (*listed)(void *owner); /* the first whole set of an optional resource is in */
  void *owner;
};

struct caches *caches_new(const struct caches_options *options, struct error *error);
void caches_free(struct caches *caches); /* accepts NULL */

const void *caches_get(const struct caches *caches, enum resource resource, const char *namespace, const char *name);

/* INDEX: "namespace/name" of the stack whose children are meant; of RESOURCE_STACK the namespace. */
void caches_each(const struct caches *caches, enum resource resource, const char *namespace, const char *index,
                 void (*visit)(void *owner, const char *key, const void *projection), void *owner);
void caches_each_stack(const struct caches *caches, void (*visit)(void *owner, const char *key, const void *stack), void *owner);

/* Begins or ends to watch an optional resource; true where that changes anything. Without memory it is as if it were not served. Not from within
 * `changed` or `listed`. */
bool caches_serve(struct caches *caches, enum resource resource, bool served);
enum api_state caches_api(const struct caches *caches, enum resource resource, const char *namespace);

bool caches_synced(const struct caches *caches);

/* The first one that is stale, as "pods in shop: …why"; NULL when all are fresh. */
const char *caches_stale(const struct caches *caches, struct buffer *why);

/* For metrics. */
void caches_visit(const struct caches *caches, void (*visit)(void *owner, enum resource resource, const struct cache *cache), void *owner);
