#include "store/limiter_table.h"

#include "base/cleanup.h"
#include "base/random.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void key_of(uint64_t number, unsigned char to[LIMITER_KEY]) {
  memset(to, 0, LIMITER_KEY);
  memcpy(to, &number, sizeof number);
}

static struct limiter_window hit(struct limiter_table *table, uint64_t number, int64_t now_ms) {
  unsigned char key[LIMITER_KEY];
  key_of(number, key);
  return limiter_table_hit(table, key, now_ms, 1000);
}

Test(limiter_table, a_window_begins_with_its_first_hit_and_ends) {
  _cleanup_(limiter_table_freep) struct limiter_table *table = limiter_table_new(16, NULL);
  cr_expect_eq(hit(table, 1, 5000).count, 1);
  cr_expect_eq(hit(table, 1, 5999).count, 2);
  cr_expect_eq(hit(table, 2, 5999).count, 1);
  struct limiter_window next = hit(table, 1, 6000);
  cr_expect_eq(next.count, 1);
  cr_expect_eq(next.ends_ms, 7000);
}

/* More keys than places: nobody gets more than one count for each hit of its own, and all are counted. */
Test(limiter_table, a_full_table_limits_too_early_never_too_late) {
  _cleanup_(limiter_table_freep) struct limiter_table *table = limiter_table_new(1, NULL);
  for (uint64_t key = 0; key < 100; key++) cr_expect_geq(hit(table, key, 1000).count, 1);
  for (int64_t i = 1; i <= 10; i++) cr_expect_geq(hit(table, 99, 1500).count, i + 1);
  cr_expect_eq(hit(table, 7777, 9000).count, 1);
}

Test(limiter_table, counts_exactly_between_processes) {
  enum { PROCESSES = 4, HITS = 20000 };
  _cleanup_(limiter_table_freep) struct limiter_table *table = limiter_table_new(4, NULL);
  pid_t pids[PROCESSES];
  for (int p = 0; p < PROCESSES; p++) {
    pids[p] = fork();
    if (pids[p] == 0) {
      for (int i = 0; i < HITS; i++) (void)hit(table, (uint64_t)(i % 5), 1000);
      _exit(0);
    }
  }
  for (int p = 0; p < PROCESSES; p++) cr_assert_eq(waitpid(pids[p], NULL, 0), pids[p]);
  for (uint64_t key = 0; key < 5; key++) cr_expect_eq(hit(table, key, 1000).count, PROCESSES * HITS / 5 + 1);
}

/* Workers that die at any point, a held lock among them, hold nobody up. */
Test(limiter_table, the_death_of_a_worker_blocks_nobody) {
  _cleanup_(limiter_table_freep) struct limiter_table *table = limiter_table_new(1, NULL);
  for (int round = 0; round < 30; round++) {
    int ready[2];
    char byte;
    cr_assert_eq(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
      (void)!write(ready[1], "x", 1);
      for (;;) (void)hit(table, 1, 1000);
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    for (uint64_t i = random_below(2000); i > 0; i--) (void)hit(table, 2, 1000);
    cr_assert_eq(kill(pid, SIGKILL), 0);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
    int64_t before = hit(table, 3, 1000).count;
    cr_expect_eq(hit(table, 3, 1000).count, before + 1);
    close(ready[0]);
    close(ready[1]);
  }
}
