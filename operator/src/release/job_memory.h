/* What is remembered of one series of Jobs of one revision: a JSON text in one annotation of its ControllerRevision, written before the Job that it
 * announces and before what it was learnt from may go.
 *
 *     platform.supernova.com/job-migrate: {"attempt":2,"settled":1,"for":"3fdba35f04@0c1d2e3f40","key":"99aa00bb11"}
 *
 *     struct job_memory memory = job_memory_of(revision, "migrate");       nothing remembered: zeros, NULLs and -1
 *     memory.settled = memory.attempt;
 *     job_memory_write(&memory, "migrate", annotations);                   into a patch (annotations_patch)
 *
 * A text that does not decode counts as absent, and is logged when it is seen. Strings borrow from the revision. Pure but for that.
 */
#pragma once

#include "codec/json.h"
#include "stack/stack.h"

#define ANNOTATION_JOB_PREFIX STACK_GROUP "/job-"

struct child;

struct job_memory {
  int64_t attempt;         /* number of the last attempt that was begun; never falls */
  int64_t settled;         /* attempts up to this one have had their outcome recorded: the rest are of the present round */
  int64_t asked;           /* attempt that somebody asked for: due whatever was recorded before; 0: none */
  const char *purpose;     /* identity that the last attempt was begun for */
  const char *purpose_key; /* what its failure is to be remembered under */
  const char *done;        /* identity of the last success */
  int64_t done_ms;         /* real time, 0: never */
  const char *failed;      /* the key under which it is remembered as failed for good */
  int64_t failed_ms;
  bool ran;                         /* one of this round's attempts that failed may have done something */
  const char *message;              /* of that failure, cleaned */
  int64_t told_ms;                  /* real time at which a Job told what follows; 0: none has */
  int64_t schema_version;           /* of the database; -1: nobody told */
  int64_t serves_from;              /* oldest schema whose images it serves; -1 */
  int64_t accepts_min, accepts_max; /* schemas that the image works with; -1 */
};

struct job_memory job_memory_of(const struct child *revision, const char *series); /* REVISION may be NULL */

void job_memory_write(const struct job_memory *memory, const char *series, cJSON *annotations);

/* The series that an object's annotations remember, by name; NULL: none. For projections. The caller owns it. */
cJSON *job_memory_collect(const char *object_name, const cJSON *annotations);
