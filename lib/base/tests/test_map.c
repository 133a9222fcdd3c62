#include "base/map.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(map, puts_gets_replaces_removes) {
  _cleanup_(map_freep) struct map *map = map_new(free);
  char key[] = "supernova/shop";
  cr_assert_eq(map_put(map, key, strdup("one")), 0);
  key[0] = 'S';
  cr_expect_str_eq(map_get(map, "supernova/shop"), "one");
  cr_expect_not(map_has(map, key));
  cr_assert_eq(map_put(map, "supernova/shop", strdup("two")), 0);
  cr_expect_str_eq(map_get(map, "supernova/shop"), "two");
  cr_expect_eq(map_count(map), 1);
  cr_expect(map_remove(map, "supernova/shop"));
  cr_expect_not(map_remove(map, "supernova/shop"));
  cr_expect_eq(map_count(map), 0);
}

Test(map, take_hands_the_value_over) {
  _cleanup_(map_freep) struct map *map = map_new(free);
  cr_assert_eq(map_put(map, "a", strdup("mine")), 0);
  _cleanup_free_ char *taken = map_take(map, "a");
  cr_expect_str_eq(taken, "mine");
  cr_expect_null(map_take(map, "a"));
}

Test(map, null_is_an_empty_map) {
  size_t at = 0;
  const char *key;
  void *value;
  cr_expect_null(map_get(NULL, "a"));
  cr_expect_not(map_has(NULL, "a"));
  cr_expect_eq(map_count(NULL), 0);
  cr_expect_not(map_next(NULL, &at, &key, &value));
  map_free(NULL);
}

Test(map, null_values_are_there) {
  _cleanup_(map_freep) struct map *map = map_new(NULL);
  cr_assert_eq(map_put(map, "", NULL), 0);
  cr_expect(map_has(map, ""));
  cr_expect_null(map_get(map, ""));
}

/* Against a plain array: puts and removals in a fixed pseudo-random order, everything looked at along the way. */
Test(map, agrees_with_an_array_under_churn) {
  enum { KEYS = 500, STEPS = 20000 };
  static char present[KEYS];
  _cleanup_(map_freep) struct map *map = map_new(NULL);
  unsigned state = 1;
  size_t count = 0;
  for (int step = 0; step < STEPS; step++) {
    state = state * 1103515245u + 12345u;
    size_t k = state >> 8 & 0xFFFF;
    k %= KEYS;
    char key[16];
    (void)snprintf(key, sizeof key, "key-%zu", k);
    if (state >> 30 & 1) {
      cr_assert_eq(map_put(map, key, &present[k]), 0);
      count += !present[k];
      present[k] = 1;
    } else {
      cr_assert_eq(map_remove(map, key), present[k]);
      count -= (size_t)present[k];
      present[k] = 0;
    }
    cr_assert_eq(map_count(map), count);
  }
  size_t at = 0, seen = 0;
  const char *key;
  for (void *value; map_next(map, &at, &key, &value); seen++) {
    cr_assert_eq(*(char *)value, 1);
    cr_assert_eq(map_get(map, key), value);
  }
  cr_expect_eq(seen, count);
}

Test(map, clear_empties_and_goes_on) {
  _cleanup_(map_freep) struct map *map = map_new(free);
  for (int i = 0; i < 100; i++) {
    char key[16];
    (void)snprintf(key, sizeof key, "%d", i);
    cr_assert_eq(map_put(map, key, strdup(key)), 0);
  }
  map_clear(map);
  cr_expect_eq(map_count(map), 0);
  cr_expect_null(map_get(map, "7"));
  cr_assert_eq(map_put(map, "7", strdup("again")), 0);
  cr_expect_str_eq(map_get(map, "7"), "again");
}
