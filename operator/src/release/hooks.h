/* The Jobs of a release: which series a stage has, in which order, and what they have come to. Pure.
 *
 *   preflight -> pre-install or pre-upgrade -> the Deployment is changed -> post-install or post-upgrade
 *
 * Install is until a revision was once Deployed, upgrade from then on. Within a stage they run by weight, and of equal weight migration, seeds, hooks by
 * name; one after the other: the next starts when the former is done. What each of them is, and when it is done with:
 *
 * preflight   `supernova-server check` of the new image, before anything is touched; of the companion image's repository alone, once a revision.
 * migrate     due when its identity (image, command, the database's host, port and name) is neither what succeeded last nor what this revision succeeded
 *             with: so an edit of config runs none, and a stack that is pointed at a restored database migrates it.
 * seed        at install once for a database, whatever becomes of the revision; at upgrade, where that is asked for, once a revision.
 * hooks       once a revision.
 *
 * Going back to a revision that was once Deployed runs none of them. A migration alone may come due while a revision is Deployed: for another
 * database, or when a person asks.
 */
#pragma once

#include "release/history.h"
#include "release/job_series.h"

struct hooks {
  struct series_report current;   /* the first that is not done; else the migration */
  struct series_report migration; /* OFF where none is wanted */
  bool settled;                   /* every one of this stage is done */
  bool pods_wait;                 /* the Deployment may not be changed yet */
  int64_t done_ms;                /* when the last of this revision's migrations succeeded; 0: none did */
  int64_t schema_version;         /* of the database, as the last migration told; -1: unknown */
  struct job_memory
      deployed;      /* what is to be remembered of the migration when the revision is Deployed; attempts aside; done NULL: nothing new */
  char identity[32]; /* of the migration */
};

/* How they stand, and the plan's next writes for the one whose turn it is. APPLIED: the Deployment says the target, so post- stages have come. NEEDS: the
 * actions that make what a Job refers to. PLAN NULL: only say how they stand. */
void hooks_plan(const struct observation *o, const struct history *history, const struct content *content, bool applied, uint64_t needs,
                struct plan *plan, struct hooks *ret);

/* What a revision remembers when it is Deployed without a migration of its own, so that none is owed a moment later. */
void hooks_annotate_deployed(const struct hooks *hooks, const struct child *revision, cJSON *annotations);

/* New pods may not be ready because one of them has yet to do its work, or did it less than HOOKS_PATIENCE_MS ago; one that can't begin is no excuse. */
enum { HOOKS_PATIENCE_MS = 60 * 1000 };
bool hooks_hold_pods_up(const struct hooks *hooks, int64_t now_ms);

/* Where the stack stands because of them. Not to be asked while everything is settled. */
struct standing hooks_standing(const struct hooks *hooks, struct arena *arena);

/* The hash that says which migration this is: "3fdba35f04@0c1d2e3f40", the second part of the database alone. */
void migration_identity(const struct content *content, const char *database, char to[32]);
