/* One series of Jobs of one revision (its migration, its seeds, a hook, its preflight): which attempt is next, when, and when to give up. Pure.
 *
 *   due -> attempt n is recorded on the revision -> Job -> complete: recorded, done
 *                  ^                                 \-> failed: wait min(initial * 2^(n-1), max) -> n + 1
 *                  +--------------------------------------------/      \-> n = maxAttempts, or exit 65: failed, recorded, told
 *
 * The number never falls, and is written before the Job it announces, with what the attempt is for: killed at any point, no attempt runs twice, and an
 * outcome counts for the database and the Secret that the attempt had, whatever they have become since. A number whose Job is there already without a
 * record, or is somebody else's, is passed over. All memory is in one annotation (job_memory.h); the status may be lost.
 */
#pragma once

#include "release/content.h"
#include "release/job_memory.h"
#include "stack/plan.h"
#include "stack/standing.h"

enum series_state {
  SERIES_OFF,      /* not wanted, or not at this stage of a release */
  SERIES_DONE,     /* this identity has succeeded */
  SERIES_DUE,      /* its turn has not come yet */
  SERIES_STARTING, /* a Job is about to be made */
  SERIES_RUNNING,  /* it was seen, and is at work */
  SERIES_WAITING,  /* until the next attempt */
  SERIES_FAILED,   /* given up, remembered until what could mend it changes */
};

/* A sort of series, and its words. */
struct series_kind {
  const char *component;                 /* of the labels */
  const char *noun;                      /* "migration" */
  const char *phase;                     /* of the stack while it is at work */
  const char *working, *retrying, *lost; /* reasons of the stack's conditions: MigrationFailed … */
  const char *started, *succeeded;       /* reasons of events */
  const char *block;                     /* of the spec; NULL: none */
  const char *remedies;                  /* what could mend a failure */
};
extern const struct series_kind series_preflight, series_migrate, series_seed, series_hook;

struct job_series {
  const struct series_kind *kind;
  const char *name; /* migrate, seed, preflight, or the hook's */
  const cJSON *command;
  struct stack_job settings; /* as the spec has them now */
  char identity[32];         /* what a success of it stands for */
  bool done;                 /* another revision's success counts for this one */
  int64_t after_ms;          /* a success recorded now is later than this */
  bool before_rollout;       /* the pods wait for it */
};

/* What the attempts are made for, and with. */
struct series_context {
  const struct observation *o;
  const struct content *content;
  const struct child *revision; /* NULL: it has yet to be made */
  uint64_t needs;               /* actions that make what a Job refers to */
  struct plan *plan;            /* NULL: only say how it stands */
};

struct series_report {
  const struct series_kind *kind;
  const char *name;
  enum series_state state;
  bool before_rollout;
  int64_t attempt, max_attempts;
  int64_t next_attempt_ms; /* of WAITING */
  const char *
      message; /* of WAITING and FAILED: the last lines, cleaned; of RUNNING: what hinders it, or NULL; in the plan's arena or the revision */
};

/* How SERIES stands, and the plan's next writes for it. Nothing runs before the revision is there. */
struct series_report job_series_plan(const struct series_context *context, const struct job_series *series);

/* A person asks for another attempt: adds to the annotations of a patch of REVISION what makes the series due at once, whatever was recorded of it.
 *
 *     cJSON *annotations, *body = annotations_patch(revision->resource_version, &annotations);
 *     job_series_ask(revision, "migrate", annotations);          then an ACTION_MERGE of the revision with body
 *
 * Asking twice before the attempt has begun is asking once. */
void job_series_ask(const struct child *revision, const char *series, cJSON *annotations);

/* Forgets, in the same manner, that any series of REVISION has failed for good: each is tried again from its next attempt on. False where none has. */
bool job_series_forget_failures(const struct child *revision, cJSON *annotations);

/* Where the stack stands while REPORT is at work or has failed. */
struct standing series_standing(const struct series_report *report, struct arena *arena);
