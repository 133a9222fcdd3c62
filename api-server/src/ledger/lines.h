/* The lines that signed heads cover (ledger/heads.h), hashed as they come: in the order of profiles, those of many signatures mixed. A few
 * hundred bytes a signature, however many lines.
 *
 *     struct lines *lines = lines_new(newest_id);
 *     lines_add(lines, 3, "example", 1, "ae6d…", &error);
 *     lines_end(lines, 3, digest, &count, &error);          // of no line at all, too
 */
#pragma once

#include "base/error.h"
#include "crypto/digest.h"

struct lines;

struct lines *lines_new(int64_t newest_id); /* ids 1 … NEWEST_ID; NULL without memory */
void lines_free(struct lines *lines);       /* accepts NULL */

/* An id beyond the newest is left out. -1 without memory. */
int lines_add(struct lines *lines, int64_t id, const char *profile, int64_t seq, const char *head, struct error *error) _must_check_;

/* Once for each id. */
int lines_end(struct lines *lines, int64_t id, char to[SHA256_HEX_SIZE], int64_t *ret_count, struct error *error) _must_check_;

DEFINE_CLEANUP(struct lines, lines_freep, lines_free)
