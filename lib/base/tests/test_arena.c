#include "base/arena.h"

#include <criterion/criterion.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

Test(arena, gives_zeroed_aligned_memory_of_any_size) {
  _cleanup_(arena_freep) struct arena *arena = arena_new(1 << 20);
  static const size_t sizes[] = {0, 1, 7, 16, 100, 4096, 5000, 300000, 3};
  for (size_t i = 0; i < ELEMENTS(sizes); i++) {
    unsigned char *memory = arena_alloc(arena, sizes[i]);
    cr_assert_not_null(memory, "%zu bytes", sizes[i]);
    cr_expect_eq((uintptr_t)memory % alignof(max_align_t), 0);
    for (size_t k = 0; k < sizes[i]; k++) cr_assert_eq(memory[k], 0);
    memset(memory, 0xAA, sizes[i]);
  }
  cr_expect_not(arena_failed(arena));
}

Test(arena, strings_are_copies) {
  _cleanup_(arena_freep) struct arena *arena = arena_new(1 << 16);
  char source[] = "supernova/shop";
  const char *whole = arena_strdup(arena, source), *part = arena_strndup(arena, source, 9);
  const char *printed = arena_printf(arena, "%s-env-%d", part, 7);
  memset(source, 'x', sizeof source - 1);
  cr_expect_str_eq(whole, "supernova/shop");
  cr_expect_str_eq(part, "supernova");
  cr_expect_str_eq(printed, "supernova-env-7");
  cr_expect_null(arena_strdup(arena, NULL));
  cr_expect_str_eq(arena_strndup(arena, "", 0), "");
}

Test(arena, refuses_beyond_its_bound_and_says_so_until_reset) {
  _cleanup_(arena_freep) struct arena *arena = arena_new(10000);
  cr_expect_not_null(arena_alloc(arena, 9000));
  cr_expect_null(arena_alloc(arena, 9000));
  cr_expect_null(arena_alloc(arena, SIZE_MAX));
  cr_expect(arena_failed(arena));
  cr_expect_leq(arena_used(arena), 10000);
  arena_reset(arena);
  cr_expect_not(arena_failed(arena));
  cr_expect_not_null(arena_alloc(arena, 9000));
}

Test(arena, reset_keeps_one_block_and_forgets_the_rest) {
  _cleanup_(arena_freep) struct arena *arena = arena_new(1 << 20);
  for (int i = 0; i < 1000; i++) (void)arena_alloc(arena, 500);
  size_t before = arena_used(arena);
  arena_reset(arena);
  cr_expect_gt(before, 500000);
  cr_expect_leq(arena_used(arena), 8192);
  const char *text = arena_strdup(arena, "again");
  cr_expect_str_eq(text, "again");
}

Test(arena, free_accepts_null_and_empty) {
  arena_free(NULL);
  arena_free(arena_new(1));
}
