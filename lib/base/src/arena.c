#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 4096, LARGEST_BLOCK = 256 * 1024 };

struct block {
  struct block *next;
  size_t size, used;
  alignas(max_align_t) char bytes[];
};

struct arena {
  struct block *blocks; /* the newest first */
  size_t held, max;
  bool failed;
};

static struct block *block_new(size_t size) {
  struct block *block = malloc(sizeof *block + size);
  if (block) *block = (struct block){.size = size};
  return block;
}

struct arena *arena_new(size_t max_bytes) {
  struct arena *arena = calloc(1, sizeof *arena);
  if (arena) arena->max = max_bytes;
  return arena;
}

static void free_blocks(struct block *block) {
  while (block) {
    struct block *next = block->next;
    free(block);
    block = next;
  }
}

void arena_free(struct arena *arena) {
  if (!arena) return;
  free_blocks(arena->blocks);
  free(arena);
}

void arena_reset(struct arena *arena) {
  struct block *kept = arena->blocks;
  if (kept) {
    while (kept->next) {
      struct block *next = kept->next;
      free(kept);
      kept = next;
    }
    kept->used = 0;
  }
  arena->blocks = kept;
  arena->held = kept ? kept->size : 0;
  arena->failed = false;
}

static struct block *grow(struct arena *arena, size_t need) {
  size_t size = arena->blocks ? arena->blocks->size * 2 : FIRST_BLOCK;
  if (size > LARGEST_BLOCK) size = LARGEST_BLOCK;
  if (size < need) size = need;
  if (size > arena->max - arena->held) size = need;
  if (need > arena->max - arena->held) return NULL;
  struct block *block = block_new(size);
  if (!block) return NULL;
  block->next = arena->blocks;
  arena->blocks = block;
  arena->held += size;
  return block;
}

void *arena_alloc(struct arena *arena, size_t size) {
  size_t aligned = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
  if (aligned < size) return arena->failed = true, NULL;
  struct block *block = arena->blocks;
  if (!block || block->size - block->used < aligned) block = grow(arena, aligned);
  if (!block) return arena->failed = true, NULL;
  void *memory = block->bytes + block->used;
  block->used += aligned;
  return memset(memory, 0, size);
}

char *arena_strndup(struct arena *arena, const char *text, size_t n) {
  char *copy = arena_alloc(arena, n + 1);
  if (copy && n) memcpy(copy, text, n);
  return copy;
}

char *arena_strdup(struct arena *arena, const char *text) { return text ? arena_strndup(arena, text, strlen(text)) : NULL; }

/* Most texts are short: they are printed once and copied, longer ones are printed twice. */
char *arena_printf(struct arena *arena, const char *format, ...) {
  char brief[256];
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int n = vsnprintf(brief, sizeof brief, format, arguments);
  va_end(arguments);
  char *text = n < 0 ? NULL : arena_alloc(arena, (size_t)n + 1);
  if (text && (size_t)n < sizeof brief)
    memcpy(text, brief, (size_t)n);
  else if (text)
    (void)vsnprintf(text, (size_t)n + 1, format, again);
  va_end(again);
  return text;
}

bool arena_failed(const struct arena *arena) { return arena->failed; }
size_t arena_used(const struct arena *arena) { return arena->held; }
