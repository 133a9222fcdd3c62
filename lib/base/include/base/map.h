/* A hash map from strings to pointers: open addressing, no order, keys are copied.
 *
 * The map owns its keys, and its values where a free function is given. It must not change while it is stepped through.
 *
 *     struct map *m = map_new(free);
 *     map_put(m, "supernova/shop", value);        // 0, or -1 without memory (the value is then still the caller's)
 *     for (size_t at = 0; map_next(m, &at, &key, &value);) ...
 */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

struct map;

struct map *map_new(void (*free_value)(void *)); /* NULL: values are borrowed */
void map_free(struct map *map);

void *map_get(const struct map *map, const char *key); /* NULL when absent; the map may be NULL */
bool map_has(const struct map *map, const char *key);

/* Replaces (and frees) an old value. */
int map_put(struct map *map, const char *key, void *value) _must_check_;

/* Frees the value; false when there was none. */
bool map_remove(struct map *map, const char *key);

/* Removes the entry and hands its value to the caller; NULL when absent. */
void *map_take(struct map *map, const char *key);

void map_clear(struct map *map);
size_t map_count(const struct map *map);

/* Steps through the entries; *POSITION starts at 0; false at the end. */
bool map_next(const struct map *map, size_t *position, const char **ret_key, void **ret_value);

DEFINE_CLEANUP(struct map, map_freep, map_free)
