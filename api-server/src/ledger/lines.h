/* The lines that signed heads cover (ledger/heads.h), hashed as they come: in the order of profiles, those of many signatures mixed. A few
 * hundred bytes a signature, however many lines.
 *
 *     struct lines *lines = lines_new();
 *     lines_expect(lines, 3, &error);
 *     lines_add(lines, 3, "example", 1, "ae6d…", &error);
 *     lines_end(lines, 3, digest, &count, &error);          // of no line at all, too
 */
#pragma once

#include "base/error.h"
#include "crypto/digest.h"

struct lines;

struct lines *lines_new(void);        /* NULL without memory */
void lines_free(struct lines *lines); /* accepts NULL */

/* There is a signature ID; in rising order, before any line. -1 without memory. */
int lines_expect(struct lines *lines, int64_t id, struct error *error) _must_check_;

/* A line of an id that isn't expected is left out. -1 without memory. */
int lines_add(struct lines *lines, int64_t id, const char *profile, int64_t seq, const char *head, struct error *error) _must_check_;

/* Once for each id; one that isn't expected has no lines. */
int lines_end(struct lines *lines, int64_t id, char to[SHA256_HEX_SIZE], int64_t *ret_count, struct error *error) _must_check_;

DEFINE_CLEANUP(struct lines, lines_freep, lines_free)
