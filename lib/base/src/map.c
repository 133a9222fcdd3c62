#include "base/map.h"

#include "base/random.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Linear probing with backward-shift deletion: no tombstones, so a map that churns for months stays as fast as a new one. */
struct entry {
  char *key; /* NULL: free */
  void *value;
  uint64_t hash;
};

struct map {
  struct entry *entries;
  size_t count, capacity; /* a power of two, or 0 */
  uint64_t seed;          /* keys come from outside: their collisions must not be predictable */
  void (*free_value)(void *);
};

struct map *map_new(void (*free_value)(void *)) {
  struct map *map = calloc(1, sizeof *map);
  if (!map) return NULL;
  map->free_value = free_value;
  map->seed = random_u64();
  return map;
}

static uint64_t hash_of(const struct map *map, const char *key) {
  uint64_t h = map->seed ^ 0xcbf29ce484222325u;
  for (; *key; key++) {
    h = (h ^ (unsigned char)*key) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
  }
  return h;
}

static struct entry *find(const struct map *map, const char *key) {
  if (!map || !map->count) return NULL;
  uint64_t hash = hash_of(map, key);
  for (size_t i = hash & (map->capacity - 1);; i = (i + 1) & (map->capacity - 1)) {
    struct entry *entry = &map->entries[i];
    if (!entry->key) return NULL;
    if (entry->hash == hash && !strcmp(entry->key, key)) return entry;
  }
}

void *map_get(const struct map *map, const char *key) {
  struct entry *entry = find(map, key);
  return entry ? entry->value : NULL;
}

bool map_has(const struct map *map, const char *key) { return find(map, key); }

static void place(struct entry *entries, size_t capacity, struct entry entry) {
  size_t i = entry.hash & (capacity - 1);
  while (entries[i].key) i = (i + 1) & (capacity - 1);
  entries[i] = entry;
}

static int grow(struct map *map) {
  size_t capacity = map->capacity ? map->capacity * 2 : 16;
  struct entry *entries = calloc(capacity, sizeof *entries);
  if (!entries) return -1;
  for (size_t i = 0; i < map->capacity; i++)
    if (map->entries[i].key) place(entries, capacity, map->entries[i]);
  free(map->entries);
  map->entries = entries;
  map->capacity = capacity;
  return 0;
}

int map_put(struct map *map, const char *key, void *value) {
  struct entry *entry = find(map, key);
  if (entry) {
    if (map->free_value && entry->value != value) map->free_value(entry->value);
    entry->value = value;
    return 0;
  }
  if (map->count * 4 >= map->capacity * 3 && grow(map) < 0) return -1;
  char *copy = strdup(key);
  if (!copy) return -1;
  place(map->entries, map->capacity, (struct entry){.key = copy, .value = value, .hash = hash_of(map, key)});
  map->count++;
  return 0;
}

/* Moves the entries behind a hole back over it where their own place allows. */
static void close_hole(struct map *map, size_t hole) {
  size_t mask = map->capacity - 1;
  for (size_t i = (hole + 1) & mask; map->entries[i].key; i = (i + 1) & mask) {
    size_t home = map->entries[i].hash & mask;
    if (((i - home) & mask) < ((i - hole) & mask)) continue;
    map->entries[hole] = map->entries[i];
    hole = i;
  }
  map->entries[hole] = (struct entry){0};
}

void *map_take(struct map *map, const char *key) {
  struct entry *entry = find(map, key);
  if (!entry) return NULL;
  void *value = entry->value;
  free(entry->key);
  map->count--;
  close_hole(map, (size_t)(entry - map->entries));
  return value;
}

bool map_remove(struct map *map, const char *key) {
  if (!map_has(map, key)) return false;
  void *value = map_take(map, key);
  if (map->free_value) map->free_value(value);
  return true;
}

void map_clear(struct map *map) {
  for (size_t i = 0; i < map->capacity; i++) {
    if (!map->entries[i].key) continue;
    free(map->entries[i].key);
    if (map->free_value) map->free_value(map->entries[i].value);
  }
  free(map->entries);
  map->entries = NULL;
  map->count = map->capacity = 0;
}

void map_free(struct map *map) {
  if (!map) return;
  map_clear(map);
  free(map);
}

size_t map_count(const struct map *map) { return map ? map->count : 0; }

bool map_next(const struct map *map, size_t *position, const char **ret_key, void **ret_value) {
  for (; map && *position < map->capacity; (*position)++) {
    const struct entry *entry = &map->entries[*position];
    if (!entry->key) continue;
    *ret_key = entry->key;
    *ret_value = entry->value;
    (*position)++;
    return true;
  }
  return false;
}
