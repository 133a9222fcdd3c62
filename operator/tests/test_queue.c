#include "runtime/queue.h"

#include "testing/wait.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct loop *loop;
static struct queue *queue;
static char log_text[256]; /* keys in the order in which they were worked on */
static int answer;         /* an outcome that the worker gives at once; -1: later */
static bool adds_itself;

static void work(void *owner, const char *key) {
  (void)owner;
  size_t n = strlen(log_text);
  (void)snprintf(log_text + n, sizeof log_text - n, "%s ", key);
  if (adds_itself) queue_add(queue, key);
  adds_itself = false;
  if (answer >= 0) queue_done(queue, key, (enum queue_outcome)answer);
}

static void begin_with(unsigned max_active) {
  loop = loop_new(NULL);
  queue = queue_new(loop, max_active, work, NULL);
  answer = -1;
}

static void begin(void) { begin_with(16); }

static void end(void) {
  queue_free(queue);
  loop_free(loop);
}

TestSuite(queue, .init = begin, .fini = end);

static bool worked(void *expected) { return !strcmp(log_text, expected); }
static void wait_work(char *expected) { wait_until(loop, 5000, worked, expected, expected); }
static void turn(void) { cr_assert_eq(loop_turn(loop, 0, NULL), 0); }

Test(queue, many_adds_before_it_starts_are_one) {
  for (int i = 0; i < 5; i++) queue_add(queue, "a");
  queue_add(queue, "b");
  wait_work("a b ");
  turn();
  cr_assert_str_eq(log_text, "a b ");
  cr_assert_eq(queue_counts(queue).active, 2);
  cr_assert(!queue_is_idle(queue));
}

Test(queue, what_is_added_during_its_work_is_worked_on_afterwards_whatever_the_answer) {
  static const enum queue_outcome outcomes[] = {QUEUE_OK, QUEUE_LATER, QUEUE_AGAIN, QUEUE_FORGET};
  for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
    *log_text = 0;
    queue_add(queue, "a");
    wait_work("a ");
    queue_add(queue, "a");
    turn();
    cr_assert_str_eq(log_text, "a ", "never twice at once");
    queue_done(queue, "a", outcomes[i]);
    turn();
    cr_assert_str_eq(log_text, "a a ", "outcome %zu", i);
    queue_done(queue, "a", QUEUE_FORGET);
  }
}

Test(queue, a_worker_may_answer_at_once) {
  answer = QUEUE_FORGET;
  adds_itself = true;
  queue_add(queue, "a");
  wait_work("a a ");
  cr_assert(queue_is_idle(queue));
}

Test(queue, a_failure_comes_back_by_itself) {
  answer = QUEUE_AGAIN;
  queue_add(queue, "a");
  wait_work("a ");
  cr_assert_eq(queue_counts(queue).waiting, 1);
  wait_work("a a a ");
  cr_assert(queue_counts(queue).retries >= 2);
}

Test(queue, a_change_does_not_wait_for_the_back_off) {
  queue_add_after(queue, "a", 3600000);
  turn();
  cr_assert_str_eq(log_text, "");
  queue_add(queue, "a");
  cr_assert_eq(queue_counts(queue).waiting, 0);
  wait_work("a ");
}

Test(queue, changes_make_a_failure_wait_no_longer) {
  answer = QUEUE_AGAIN;
  for (int i = 0; i < 20; i++) {
    queue_add(queue, "a");
    turn();
  }
  *log_text = 0;
  wait_work("a ");
}

Test(queue, the_earlier_of_two_times_counts) {
  queue_add_after(queue, "a", 3600000);
  queue_add_after(queue, "a", 5);
  queue_add_after(queue, "a", 7200000);
  cr_assert_eq(queue_counts(queue).waiting, 1);
  wait_work("a ");
  cr_assert_eq(queue_counts(queue).waiting, 0);
}

Test(queue, no_more_than_so_many_at_once) {
  end();
  begin_with(2);
  queue_add(queue, "a");
  queue_add(queue, "b");
  queue_add(queue, "c");
  wait_work("a b ");
  turn();
  cr_assert_eq(queue_counts(queue).ready, 1);
  queue_done(queue, "a", QUEUE_OK);
  wait_work("a b c ");
}

Test(queue, paused_it_takes_keys_and_starts_none) {
  queue_pause(queue, true);
  queue_add(queue, "a");
  turn();
  cr_assert_str_eq(log_text, "");
  cr_assert(queue_is_idle(queue));
  queue_pause(queue, false);
  wait_work("a ");
}

Test(queue, an_answer_that_nobody_waits_for_changes_nothing) {
  queue_done(queue, "unknown", QUEUE_AGAIN);
  queue_add_after(queue, "a", 3600000);
  queue_done(queue, "a", QUEUE_FORGET);
  cr_assert_eq(queue_counts(queue).waiting, 1);
  queue_free(NULL);
}

Test(queue, a_forgotten_key_leaves_nothing_waiting) {
  queue_add(queue, "a");
  wait_work("a ");
  queue_add_after(queue, "a", 3600000);
  queue_done(queue, "a", QUEUE_FORGET);
  cr_assert_eq(queue_counts(queue).waiting, 0);
}
