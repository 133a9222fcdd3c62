/* Memory that goes at once: one arena for each reconcile, one for each request.
 *
 * Nothing allocated here is freed by itself, and no destructor runs; arena_free() or arena_reset() ends it all. Strings that a decision
 * builds live in the arena of that decision. Bounded: beyond max_bytes every allocation returns NULL, and arena_failed() stays true.
 *
 *     _cleanup_(arena_freep) struct arena *arena = arena_new(1 << 20);
 *     const char *name = arena_printf(arena, "%s-env-%s", stack, hash);
 */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

struct arena *arena_new(size_t max_bytes); /* NULL without memory */
void arena_free(struct arena *arena);      /* accepts NULL */
void arena_reset(struct arena *arena);     /* forgets everything, keeps the first block */

/* Zeroed, aligned for any type. NULL when the bound or memory is exhausted. */
void *arena_alloc(struct arena *arena, size_t size);
char *arena_strdup(struct arena *arena, const char *text); /* NULL stays NULL */
char *arena_strndup(struct arena *arena, const char *text, size_t n);
char *arena_printf(struct arena *arena, const char *format, ...) _printf_(2, 3);

bool arena_failed(const struct arena *arena);
size_t arena_used(const struct arena *arena);

DEFINE_CLEANUP(struct arena, arena_freep, arena_free)
