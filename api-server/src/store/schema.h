/* Which schema a database has, which ones this image works with, and the one test whether the two fit.
 *
 * Every migration says in its first lines which is the oldest schema whose images still work after it (`-- serves-from: N`); the database
 * keeps the newest of those. So an old image goes on serving after a new migration exactly as long as that migration's author said.
 */
#pragma once

#include <stdbool.h>

struct schema_database {
  int current;     /* the newest migration that was applied; 0: none */
  int serves_from; /* images whose max is at least this one still work */
};

struct schema_image {
  int min; /* the oldest schema that this image's statements work with */
  int max; /* its newest migration */
};

bool schema_fits(struct schema_database database, struct schema_image image);

/* This binary's own. */
struct schema_image schema_of_image(void);
