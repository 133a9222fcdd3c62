#include "net/offload.h"

#include <criterion/criterion.h>
#include <pthread.h>

struct sum {
  struct offload_job job;
  int a, b, result;
  pthread_t worked_on;
  int *done;
};

static void add(struct offload_job *job) {
  struct sum *sum = CONTAINER_OF(job, struct sum, job);
  sum->result = sum->a + sum->b;
  sum->worked_on = pthread_self();
}

static void on_added(struct offload_job *job) { ++*CONTAINER_OF(job, struct sum, job)->done; }

Test(offload, works_elsewhere_and_tells_the_loop_in_order) {
  struct error error = {0};
  struct loop *loop = loop_new(&error);
  struct offload *offload = offload_new(loop, &error);
  cr_assert_not_null(offload, "%s", error.message);
  int done = 0;
  struct sum sums[20];
  for (int i = 0; i < 20; i++) {
    sums[i] = (struct sum){.job = {.work = add, .done = on_added}, .a = i, .b = 100, .done = &done};
    offload_start(offload, &sums[i].job);
  }
  cr_assert_eq(done, 0, "never from within offload_start");
  while (done < 20) cr_assert_eq(loop_turn(loop, 5000, &error), 0);
  for (int i = 0; i < 20; i++) {
    cr_assert_eq(sums[i].result, 100 + i);
    cr_assert(sums[i].job.ran && !pthread_equal(sums[i].worked_on, pthread_self()));
  }
  offload_free(offload);
  loop_free(loop);
}

Test(offload, what_was_never_told_is_told_at_the_end) {
  struct error error = {0};
  struct loop *loop = loop_new(&error);
  struct offload *offload = offload_new(loop, &error);
  int done = 0;
  struct sum sums[50];
  for (int i = 0; i < 50; i++) {
    sums[i] = (struct sum){.job = {.work = add, .done = on_added}, .done = &done};
    offload_start(offload, &sums[i].job);
  }
  offload_free(offload);
  cr_assert_eq(done, 50);
  offload_free(NULL);
  loop_free(loop);
}
