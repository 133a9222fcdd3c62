/* The last lines of a container, made fit for a condition that everybody may read: with passwords in URLs and in key=value pairs masked, and cut to a
 * length where a character begins.
 *
 *     last_words_clean(arena, "could not reach postgres://u:hunter2@db/shop", 400)      "could not reach postgres://u:*******@db/shop"
 *
 * It knows the forms in which libraries print connections; what an image prints on its own account is beyond it.
 */
#pragma once

#include "base/arena.h"

/* In ARENA; "" for NULL and without memory. */
const char *last_words_clean(struct arena *arena, const char *text, size_t max_bytes);
