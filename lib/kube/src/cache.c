#include "kube/cache.h"

#include "base/log.h"
#include "base/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One object. Entries of the same index are a list, whose first is what the index map knows. */
struct cached {
  void *projection;
  uint64_t version; /* a digest of uid and resourceVersion */
  struct cached *next, *previous;
  char key[];
};

/* One whole set; a relist gathers the next one beside it. */
struct set {
  struct map *objects; /* key -> cached */
  struct map *index;   /* index -> the first cached */
};

struct cache {
  const struct cache_kind *kind;
  struct kube_resource resource;
  struct set now, next;
  struct watch *watch;
  int64_t stale_ms;
  uint64_t undecodable;
  void (*on_change)(void *owner, const char *key, const void *old, const void *now);
  void (*on_synced)(void *owner);
  void *owner;
};

enum { MAX_KEY = 512 };

/* --- one object ----------------------------------------------------------------------------------------------------------------- */

static int make_key(const cJSON *object, char to[MAX_KEY]) {
  const char *namespace = json_string(object, "metadata.namespace", ""), *name = json_string(object, "metadata.name", "");
  int n = snprintf(to, MAX_KEY, "%s%s%s", namespace, *namespace ? "/" : "", name);
  return *name && n > 0 && n < MAX_KEY ? 0 : -1;
}

static uint64_t mix(uint64_t hash, const char *text) { /* FNV-1a */
  for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
  return (hash ^ 0xff) * 0x100000001b3u;
}

static uint64_t version_of(const cJSON *object) {
  return mix(mix(0xcbf29ce484222325u, json_string(object, "metadata.uid", "")), json_string(object, "metadata.resourceVersion", ""));
}

static void cached_free(const struct cache *cache, struct cached *cached) {
  if (!cached) return;
  cache->kind->free(cached->projection);
  free(cached);
}

/* NULL when the object is of no interest, or can't be read: that is told once here. */
static struct cached *cached_new(struct cache *cache, const char *key, const cJSON *object) {
  struct error error = {0};
  void *projection = cache->kind->project(object, &error);
  struct cached *cached = projection ? malloc(sizeof *cached + strlen(key) + 1) : NULL;
  if (cached) {
    *cached = (struct cached){.projection = projection, .version = version_of(object)};
    memcpy(cached->key, key, strlen(key) + 1);
    return cached;
  }
  if (projection) {
    cache->kind->free(projection);
    error_oom(&error);
  }
  if (!error.kind) return NULL;
  cache->undecodable++;
  log_warn("an object is passed over", log_str("resource", cache->resource.plural), log_str("key", key), log_err(&error));
  return NULL;
}

/* --- one set -------------------------------------------------------------------------------------------------------------------- */

static const char *index_of(const struct cache *cache, const struct cached *cached) {
  return cache->kind->index_of ? cache->kind->index_of(cached->projection) : NULL;
}

static int set_init(struct set *set) {
  set->objects = map_new(NULL);
  set->index = map_new(NULL);
  return set->objects && set->index ? 0 : -1;
}

static void set_done(const struct cache *cache, struct set *set) {
  const char *key;
  void *value;
  for (size_t at = 0; map_next(set->objects, &at, &key, &value);) cached_free(cache, value);
  map_free(set->objects);
  map_free(set->index);
  *set = (struct set){0};
}

static int index_add(const struct cache *cache, struct set *set, struct cached *cached) {
  const char *index = index_of(cache, cached);
  if (!index) return 0;
  struct cached *first = map_get(set->index, index);
  if (map_put(set->index, index, cached) < 0) return -1;
  cached->next = first;
  if (first) first->previous = cached;
  return 0;
}

static void index_remove(const struct cache *cache, struct set *set, struct cached *cached) {
  const char *index = index_of(cache, cached);
  if (!index) return;
  if (cached->next) cached->next->previous = cached->previous;
  if (cached->previous)
    cached->previous->next = cached->next;
  else if (!cached->next)
    map_remove(set->index, index);
  else if (map_put(set->index, index, cached->next) < 0)
    log_error("an index lost its place"); /* never: the key is there, nothing is allocated */
  cached->next = cached->previous = NULL;
}

static struct cached *set_take(const struct cache *cache, struct set *set, const char *key) {
  struct cached *cached = map_take(set->objects, key);
  if (cached) index_remove(cache, set, cached);
  return cached;
}

static int set_add(const struct cache *cache, struct set *set, struct cached *cached) {
  if (map_put(set->objects, cached->key, cached) < 0) return -1;
  if (index_add(cache, set, cached) == 0) return 0;
  (void)map_take(set->objects, cached->key); /* CACHED goes back to the caller */
  return -1;
}

/* --- what the watch says -------------------------------------------------------------------------------------------------------- */

static const void *projection_of(const struct cached *cached) { return cached ? cached->projection : NULL; }

static void tell(const struct cache *cache, const char *key, const struct cached *old, const struct cached *now) {
  if ((old || now) && cache->on_change) cache->on_change(cache->owner, key, projection_of(old), projection_of(now));
}

static void on_event(void *owner, enum watch_change change, const cJSON *object) {
  struct cache *cache = owner;
  char key[MAX_KEY];
  if (!cache->now.index || make_key(object, key) < 0) return;
  struct cached *now = change == WATCH_DELETED ? NULL : cached_new(cache, key, object);
  struct cached *old = set_take(cache, &cache->now, key);
  if (now && set_add(cache, &cache->now, now) < 0) {
    log_error("an object is lost until the next list: out of memory", log_str("key", key));
    cached_free(cache, now);
    now = NULL;
  }
  tell(cache, key, old, now);
  cached_free(cache, old);
}

static void on_list_begin(void *owner) {
  struct cache *cache = owner;
  set_done(cache, &cache->next);
  if (set_init(&cache->next) < 0) log_error("a list cannot be held: out of memory", log_str("resource", cache->resource.plural));
}

static void on_list_item(void *owner, const cJSON *object) {
  struct cache *cache = owner;
  char key[MAX_KEY];
  if (!cache->next.index || make_key(object, key) < 0) return;
  struct cached *cached = cached_new(cache, key, object);
  cached_free(cache, cached ? set_take(cache, &cache->next, key) : NULL); /* pages may show an object twice */
  if (cached && set_add(cache, &cache->next, cached) < 0) {
    log_error("an object is lost until the next list: out of memory", log_str("key", key));
    cached_free(cache, cached);
  }
}

/* The old set is only looked at from here on, and the new one is what everybody sees. */
static void on_list_end(void *owner) {
  struct cache *cache = owner;
  struct set old = cache->now;
  const char *key;
  void *value;
  bool first = !old.objects;
  if (!cache->next.index) return; /* there was no memory to gather it in: the old one is better than none */
  cache->now = cache->next;
  cache->next = (struct set){0};
  for (size_t at = 0; map_next(cache->now.objects, &at, &key, &value);) {
    const struct cached *now = value, *before = map_get(old.objects, key);
    if (!before || before->version != now->version) tell(cache, key, before, now);
  }
  for (size_t at = 0; map_next(old.objects, &at, &key, &value);)
    if (!map_has(cache->now.objects, key)) tell(cache, key, value, NULL);
  set_done(cache, &old);
  if (first && cache->on_synced) cache->on_synced(cache->owner);
}

/* --- the surface ---------------------------------------------------------------------------------------------------------------- */

struct cache *cache_new(struct kube_client *client, const struct cache_options *options, struct error *error) {
  static const struct watch_sink sink = {on_list_begin, on_list_item, on_list_end, on_event};
  _cleanup_(cache_freep) struct cache *cache = calloc(1, sizeof *cache);
  if (!cache) {
    error_oom(error);
    return NULL;
  }
  cache->kind = options->kind;
  cache->resource = *options->resource;
  cache->on_change = options->on_change;
  cache->on_synced = options->on_synced;
  cache->owner = options->owner;
  int64_t silence_ms = options->silence_ms ? options->silence_ms : 90000;
  cache->stale_ms = silence_ms + silence_ms / 2;
  cache->watch = watch_new(client,
                           &(struct watch_options){.resource = options->resource,
                                                   .namespace = options->namespace,
                                                   .labels = options->labels,
                                                   .fields = options->fields,
                                                   .metadata_only = options->metadata_only,
                                                   .page_size = options->page_size,
                                                   .silence_ms = silence_ms,
                                                   .sink = &sink,
                                                   .owner = cache},
                           error);
  return cache->watch ? TAKE(cache) : NULL;
}

void cache_free(struct cache *cache) {
  if (!cache) return;
  watch_free(cache->watch);
  set_done(cache, &cache->now);
  set_done(cache, &cache->next);
  free(cache);
}

const void *cache_get(const struct cache *cache, const char *key) { return projection_of(map_get(cache->now.objects, key)); }
size_t cache_count(const struct cache *cache) { return map_count(cache->now.objects); }

void cache_each(const struct cache *cache, void (*visit)(void *owner, const char *key, const void *projection), void *owner) {
  const char *key;
  void *value;
  for (size_t at = 0; map_next(cache->now.objects, &at, &key, &value);) visit(owner, key, projection_of(value));
}

void cache_each_indexed(const struct cache *cache, const char *index, void (*visit)(void *owner, const char *key, const void *projection),
                        void *owner) {
  for (const struct cached *cached = map_get(cache->now.index, index); cached; cached = cached->next)
    visit(owner, cached->key, cached->projection);
}

bool cache_synced(const struct cache *cache) { return watch_synced(cache->watch); }

bool cache_stale(const struct cache *cache) {
  int64_t age_ms = watch_age_ms(cache->watch);
  return age_ms < 0 || age_ms > cache->stale_ms;
}

const struct watch *cache_watch(const struct cache *cache) { return cache->watch; }
uint64_t cache_passed_over(const struct cache *cache) { return cache->undecodable; }
const struct kube_resource *cache_resource(const struct cache *cache) { return &cache->resource; }
