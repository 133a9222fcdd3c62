/* Migrations: when one is due, which attempt is next, when, and when to give up. Pure.
 *
 * A migration is due when its identity (image, command, the database's host, port and name) differs from the last success of any revision; so an edit
 * of config runs none, and a stack that is pointed at a restored database migrates it before the roll.
 *
 *   due -> attempt n is recorded on the revision -> Job -> complete: recorded, done
 *                  ^                                 \-> failed: wait min(initial * 2^(n-1), max) -> n + 1
 *                  +--------------------------------------------/      \-> n = maxAttempts, or exit 65: failed, recorded, told
 *
 * The number never falls, and is written before the Job it announces, with what the attempt is for: killed at any point, no attempt runs twice, and an
 * outcome counts for the database and the Secret that the attempt had, whatever they have become since. A number whose Job's name is taken by somebody
 * else's is passed over.
 */
#pragma once

#include "release/history.h"

enum migration_state {
  MIGRATION_OFF,      /* disabled, or not at this stage of a release */
  MIGRATION_DONE,     /* this identity has succeeded */
  MIGRATION_DUE,      /* its stage has not come yet */
  MIGRATION_STARTING, /* a Job is about to be made */
  MIGRATION_RUNNING,  /* it was seen, and is at work */
  MIGRATION_WAITING,  /* until the next attempt */
  MIGRATION_FAILED,   /* given up, remembered until image, command, database, Secret or the migrations block change */
};

struct migration {
  enum migration_state state;
  bool before_rollout; /* it runs in a pre- stage */
  int64_t attempt, max_attempts;
  int64_t next_attempt_ms; /* of WAITING */
  int64_t schema_version;  /* as the last success told; -1: unknown */
  const char *message;     /* of WAITING and FAILED: the last lines, cleaned; in the plan's arena */
  char baseline[16];       /* of OFF because this stage is not in `when`: the identity that counts as done from here on; else "" */
};

/* What is due, and PLAN's next writes for it (none where PLAN is NULL). APPLIED: the Deployment says the target, so post- stages have come. NEEDS: the
 * actions that make what the Job refers to. Nothing runs before the target has its revision. */
struct migration migration_plan(const struct observation *o, const struct history *history, const struct content *content, bool applied,
                                uint64_t needs, struct plan *plan);

/* What a revision remembers when it is Deployed without the migration that `when` leaves out, so that it is not owed a moment later. */
void migration_annotate_baseline(const struct migration *migration, int64_t now_ms, cJSON *annotations);

/* The hash that says which migration this is. */
void migration_identity(const struct content *content, const char *database, char to[16]);
