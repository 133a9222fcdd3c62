/* The helper thread and the loop, as ThreadSanitizer wants to see them: jobs that come while others are being done, in both directions, and
 * an end at every moment of that. Has a main of its own, because Criterion aborts under that sanitizer.
 */
#include "base/clock.h"
#include "net/offload.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHAINS = 32, LINKS = 50, ROUNDS = 200, DEADLINE_MS = 60000 };

/* A job that starts itself anew from `done` until its links are used up. All but `told` is written by whoever has the job at the moment. */
struct chain {
  struct offload_job job;
  struct offload *offload;
  int links, worked, told, told_unworked;
  char text[32];
};

static void expect(bool holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "threads_offload: %s\n", what);
  exit(1);
}

static void work(struct offload_job *job) {
  struct chain *chain = CONTAINER_OF(job, struct chain, job);
  chain->worked++;
  (void)snprintf(chain->text, sizeof chain->text, "%d of %d", chain->worked, chain->links);
}

static void on_done(struct offload_job *job) {
  struct chain *chain = CONTAINER_OF(job, struct chain, job);
  char text[32];
  (void)snprintf(text, sizeof text, "%d of %d", chain->worked, chain->links);
  if (job->ran) expect(strcmp(text, chain->text) == 0, "a job's own struct does not hold what the thread wrote into it");
  chain->told++;
  chain->told_unworked += !job->ran;
  if (job->ran && chain->offload && chain->told < chain->links) offload_start(chain->offload, &chain->job);
}

static void start_chains(struct chain *chains, size_t count, struct offload *offload, int links) {
  for (size_t i = 0; i < count; i++) {
    chains[i] = (struct chain){.job = {.work = work, .done = on_done}, .offload = offload, .links = links};
    offload_start(offload, &chains[i].job);
  }
}

static int64_t told(const struct chain *chains, size_t count) {
  int64_t sum = 0;
  for (size_t i = 0; i < count; i++) sum += chains[i].told;
  return sum;
}

static struct offload *open_offload(struct loop *loop) {
  struct error error = {0};
  struct offload *offload = offload_new(loop, &error);
  if (!offload) expect(false, error.message);
  return offload;
}

static void turn_until(struct loop *loop, const struct chain *chains, size_t count, int64_t wanted) {
  for (int64_t until = clock_monotonic_ms() + DEADLINE_MS; told(chains, count) < wanted;) {
    expect(clock_monotonic_ms() < until, "jobs that were started are not told within a minute");
    expect(loop_turn(loop, 100, NULL) == 0, "the loop can't wait");
  }
}

/* Each `done` starts the next job while the thread does another one's. */
static void jobs_beget_jobs(struct loop *loop) {
  static struct chain chains[CHAINS];
  struct offload *offload = open_offload(loop);
  start_chains(chains, CHAINS, offload, LINKS);
  turn_until(loop, chains, CHAINS, CHAINS * LINKS);
  offload_free(offload);
  for (size_t i = 0; i < CHAINS; i++) {
    expect(chains[i].told == LINKS && chains[i].worked == LINKS, "a chain of jobs was told more or less often than it was started");
    expect(!chains[i].told_unworked, "a job was told without having been done, although nothing ended");
  }
}

/* The end comes while a job is being done, others wait, and others are done but not told. */
static void ends_at_any_moment(struct loop *loop) {
  for (int round = 0; round < ROUNDS; round++) {
    struct chain chains[CHAINS];
    struct offload *offload = open_offload(loop);
    start_chains(chains, CHAINS, offload, 1);
    turn_until(loop, chains, CHAINS, round % (CHAINS + 1));
    for (size_t i = 0; i < CHAINS; i++) chains[i].offload = NULL;
    offload_free(offload);
    for (size_t i = 0; i < CHAINS; i++) {
      expect(chains[i].told == 1, "a job was not told exactly once when the helper ended");
      expect(chains[i].worked == !chains[i].told_unworked, "a job says that it ran when it didn't, or the other way round");
    }
  }
}

struct gate {
  struct offload_job job;
  pthread_mutex_t lock;
  pthread_cond_t moved;
  bool entered, open;
  int told;
};

static void wait_at_gate(struct offload_job *job) {
  struct gate *gate = CONTAINER_OF(job, struct gate, job);
  pthread_mutex_lock(&gate->lock);
  gate->entered = true;
  pthread_cond_signal(&gate->moved);
  while (!gate->open) pthread_cond_wait(&gate->moved, &gate->lock);
  pthread_mutex_unlock(&gate->lock);
}

static void on_gate(struct offload_job *job) { CONTAINER_OF(job, struct gate, job)->told++; }

static void *open_gate(void *owner) {
  struct gate *gate = owner;
  pthread_mutex_lock(&gate->lock);
  gate->open = true;
  pthread_cond_signal(&gate->moved);
  pthread_mutex_unlock(&gate->lock);
  return NULL;
}

/* offload_free waits for a job that is under way for certain, and which a third thread lets go. */
static void waits_for_the_job_under_way(struct loop *loop) {
  struct gate gate = {.job = {.work = wait_at_gate, .done = on_gate}, .lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
  struct chain behind;
  struct offload *offload = open_offload(loop);
  offload_start(offload, &gate.job);
  start_chains(&behind, 1, offload, 1);
  pthread_mutex_lock(&gate.lock);
  while (!gate.entered) pthread_cond_wait(&gate.moved, &gate.lock);
  pthread_mutex_unlock(&gate.lock);
  pthread_t opener;
  expect(pthread_create(&opener, NULL, open_gate, &gate) == 0, "no third thread");
  offload_free(offload);
  pthread_join(opener, NULL);
  expect(gate.told == 1 && gate.job.ran, "the job that was under way at the end was not told, or not as done");
  expect(behind.told == 1, "the job behind it was not told");
}

int main(void) {
  struct error error = {0};
  struct loop *loop = loop_new(&error);
  if (!loop) expect(false, error.message);
  jobs_beget_jobs(loop);
  ends_at_any_moment(loop);
  waits_for_the_job_under_way(loop);
  loop_free(loop);
  return 0;
}
