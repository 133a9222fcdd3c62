/* Which revisions a stack has, and which of them is what. Pure. */
#pragma once

#include "release/content.h"
#include "stack/plan.h"

struct history {
  const struct child *target;   /* the revision of the wanted content; NULL: it has yet to be made */
  const struct child *asked;    /* the one of what the spec says, where that is not what is wanted now; else the target */
  const struct child *current;  /* Deployed last; NULL: none ever was */
  const struct child *previous; /* Deployed last before current */
  const struct child *migrated; /* holds the newest recorded success of a migration; NULL: none */
  const struct child *schema;   /* holds the newest one that told the database's schema; NULL: none */
  bool back;                    /* the target is gone back to: by what made it, where it was never Deployed itself */
  int64_t next_number;          /* for a new one */
};

/* Going to the target is going back: nothing is asked of change control, and no hook runs. */
bool history_goes_back(const struct history *history);

struct history history_read(const struct observation *o, const struct content *target);

/* Whether the memory of any revision says that this series of Jobs has last succeeded with IDENTITY. */
bool history_has_done(const struct observation *o, const char *series, const char *identity);

/* Deletes what nobody needs any more: revisions beyond spec.revisionHistoryLimit that were Deployed, or never were (but none that is named above, is
 * pinned or on its way), finished Jobs of revisions that are none of these, and settings of revisions that are gone and that no pod still runs with. */
void history_prune(const struct observation *o, const struct history *history, const struct content *target, struct plan *plan);
