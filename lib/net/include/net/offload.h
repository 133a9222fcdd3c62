/* Work that would hold the loop (making a key takes a tenth of a second): one helper thread, first come first served.
 *
 *     struct making { struct offload_job job; …; };
 *     making->job = (struct offload_job){.work = make, .done = on_made};
 *     offload_start(offload, &making->job);
 *     // make(job) on the thread: touches nothing but its own struct; then on_made(job) on the loop: frees it
 *
 * `done` is called exactly once for each job that was started, from the loop or from offload_free, where jobs that never ran have `ran` false. A job
 * that nobody waits for any more still ends in `done`: note that in your struct.
 */
#pragma once

#include "net/loop.h"

struct offload;

struct offload_job {
  void (*work)(struct offload_job *job);
  void (*done)(struct offload_job *job);
  bool ran;
  struct offload_job *next; /* the module's own */
};

struct offload *offload_new(struct loop *loop, struct error *error);
void offload_free(struct offload *offload); /* waits for the job that is being done; accepts NULL */
void offload_start(struct offload *offload, struct offload_job *job);

DEFINE_CLEANUP(struct offload, offload_freep, offload_free)
