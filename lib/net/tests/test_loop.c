#include "net/loop.h"

#include "base/clock.h"
#include "testing/wait.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct loop *make_loop(void) {
  struct error error = {0};
  struct loop *loop = loop_new(&error);
  cr_assert_not_null(loop, "%s", error.message);
  return loop;
}

static void turn(struct loop *loop, int timeout_ms) { cr_assert_eq(loop_turn(loop, timeout_ms, NULL), 0); }

/* A descriptor that stays readable, and what its callback is to stop. */
struct source {
  struct io io;
  int calls;
  struct source *victim;
  bool close_victim;
};

static void on_source(struct io *io, uint32_t events) {
  struct source *source = CONTAINER_OF(io, struct source, io);
  cr_expect(events & EPOLLIN);
  source->calls++;
  if (source->victim) io_stop(&source->victim->io);
  if (source->victim && source->close_victim) (void)close(source->victim->io.fd);
}

static void start(struct source *source, struct loop *loop) {
  int fd = eventfd(1, EFD_NONBLOCK);
  cr_assert(fd >= 0);
  cr_assert_eq(io_start(&source->io, loop, fd, EPOLLIN, on_source, NULL), 0);
}

static void stop(struct source *source) {
  bool stopped_by_other = !source->io.loop;
  io_stop(&source->io);
  io_stop(&source->io);
  if (!stopped_by_other || !source->close_victim) (void)close(source->io.fd);
}

Test(io, a_ready_descriptor_calls_back_until_it_is_stopped) {
  struct loop *loop = make_loop();
  struct source a = {0};
  start(&a, loop);
  turn(loop, 100);
  turn(loop, 100);
  cr_assert_eq(a.calls, 2);
  stop(&a);
  turn(loop, 0);
  cr_assert_eq(a.calls, 2);
  loop_free(loop);
}

Test(io, stopping_within_a_batch_takes_effect_at_once) {
  struct loop *loop = make_loop();
  struct source a = {0}, b = {0};
  a.victim = &b;
  b.victim = &a;
  start(&a, loop);
  start(&b, loop);
  turn(loop, 100);
  cr_assert_eq(a.calls + b.calls, 1, "both were ready, whichever came first stopped the other");
  stop(&a);
  stop(&b);
  loop_free(loop);
}

Test(io, memory_of_a_stopped_one_may_serve_anew_within_the_batch) {
  struct loop *loop = make_loop();
  struct source a = {0}, b = {0};
  start(&a, loop);
  start(&b, loop);
  a.victim = &b;
  turn(loop, 100);
  int before = b.calls;
  cr_assert_eq(io_start(&b.io, loop, b.io.fd, EPOLLIN, on_source, NULL), 0);
  a.victim = NULL;
  turn(loop, 100);
  cr_assert_eq(b.calls, before + 1);
  stop(&a);
  stop(&b);
  loop_free(loop);
}

Test(io, events_that_are_no_longer_wanted_do_not_call) {
  struct loop *loop = make_loop();
  struct source a = {0};
  start(&a, loop);
  cr_assert_eq(io_want(&a.io, 0, NULL), 0);
  turn(loop, 0);
  cr_assert_eq(a.calls, 0);
  cr_assert_eq(io_want(&a.io, EPOLLIN, NULL), 0);
  turn(loop, 100);
  cr_assert_eq(a.calls, 1);
  stop(&a);
  loop_free(loop);
}

Test(io, a_bad_descriptor_is_an_error) {
  struct loop *loop = make_loop();
  struct source a = {0};
  struct error error = {0};
  cr_assert_eq(io_start(&a.io, loop, 999, EPOLLIN, on_source, &error), -1);
  cr_assert_eq(error.cause, EBADF);
  cr_assert_null(a.io.loop);
  loop_free(loop);
}

struct tick {
  struct timer timer;
  int fired, order;
  int64_t again_ms;
  struct tick *victim;
};

static int order_of_fire;

static void on_tick(struct timer *timer) {
  struct tick *tick = CONTAINER_OF(timer, struct tick, timer);
  tick->fired++;
  tick->order = ++order_of_fire;
  if (tick->again_ms) cr_assert_eq(timer_set(timer, tick->again_ms), 0);
  if (tick->victim) timer_stop(&tick->victim->timer);
}

static bool has_fired(void *owner) { return ((struct tick *)owner)->fired > 0; }

Test(timer, fires_once_and_not_before_its_time) {
  struct loop *loop = make_loop();
  struct tick t = {0};
  timer_init(&t.timer, loop, on_tick);
  cr_assert(!timer_is_set(&t.timer));
  int64_t before = clock_monotonic_ms();
  cr_assert_eq(timer_set(&t.timer, 20), 0);
  cr_assert(timer_is_set(&t.timer));
  wait_until(loop, 2000, has_fired, &t, "the timer fires");
  cr_assert_geq(clock_monotonic_ms() - before, 20);
  cr_assert(!timer_is_set(&t.timer));
  run_for(loop, 30);
  cr_assert_eq(t.fired, 1);
  loop_free(loop);
}

Test(timer, setting_anew_moves_it_both_ways) {
  struct loop *loop = make_loop();
  struct tick sooner = {0}, later = {0};
  timer_init(&sooner.timer, loop, on_tick);
  timer_init(&later.timer, loop, on_tick);
  cr_assert_eq(timer_set(&sooner.timer, 60000), 0);
  cr_assert_eq(timer_set(&sooner.timer, 10), 0);
  cr_assert_eq(timer_set(&later.timer, 5), 0);
  cr_assert_eq(timer_set(&later.timer, 60000), 0);
  wait_until(loop, 2000, has_fired, &sooner, "the one that was moved nearer fires");
  cr_assert_eq(later.fired, 0);
  timer_stop(&later.timer);
  timer_stop(&later.timer);
  loop_free(loop);
}

Test(timer, one_may_stop_another_that_is_due_too) {
  struct loop *loop = make_loop();
  struct tick a = {0}, b = {0};
  timer_init(&a.timer, loop, on_tick);
  timer_init(&b.timer, loop, on_tick);
  a.victim = &b;
  b.victim = &a;
  cr_assert_eq(timer_set(&a.timer, 1), 0);
  cr_assert_eq(timer_set(&b.timer, 1), 0);
  run_for(loop, 20);
  cr_assert_eq(a.fired + b.fired, 1);
  loop_free(loop);
}

Test(timer, a_self_setting_one_does_not_hold_the_turn) {
  struct loop *loop = make_loop();
  struct tick t = {.again_ms = -5};
  timer_init(&t.timer, loop, on_tick);
  cr_assert_eq(timer_set(&t.timer, 0), 0);
  run_for(loop, 20);
  cr_assert(t.fired > 1);
  timer_stop(&t.timer);
  loop_free(loop);
}

/* Ten thousand in a scrambled order, every second one moved, every fifth one stopped: the rest fires in the order of their times. */
Test(timer, ten_thousand_fire_in_order) {
  enum { COUNT = 10000 };
  struct loop *loop = make_loop();
  struct tick *ticks = calloc(COUNT, sizeof *ticks);
  cr_assert_not_null(ticks);
  int64_t expected = 0, fired = 0;
  for (int i = 0; i < COUNT; i++) {
    timer_init(&ticks[i].timer, loop, on_tick);
    cr_assert_eq(timer_set(&ticks[i].timer, 600000 + (i * 7919) % 50), 0);
  }
  for (int i = 0; i < COUNT; i += 2) cr_assert_eq(timer_set(&ticks[i].timer, (i * 104729) % 50), 0);
  for (int i = 0; i < COUNT; i += 5) timer_stop(&ticks[i].timer);
  int64_t due[COUNT];
  for (int i = 0; i < COUNT; i++) due[i] = ticks[i].timer.due_ms;
  run_for(loop, 300);
  for (int i = 0; i < COUNT; i++) {
    fired += ticks[i].fired;
    expected += i % 2 == 0 && i % 5 != 0;
    if (ticks[i].fired && i > 2 && ticks[2].fired) cr_expect(due[i] == due[2] || (due[i] < due[2]) == (ticks[i].order < ticks[2].order));
    timer_stop(&ticks[i].timer);
  }
  cr_assert_eq(fired, expected);
  free(ticks);
  loop_free(loop);
}

struct job {
  struct task task;
  int runs;
  bool again;
  struct job *victim;
};

static void on_job(struct task *task) {
  struct job *job = CONTAINER_OF(task, struct job, task);
  job->runs++;
  if (job->again) task_schedule(task);
  if (job->victim) task_stop(&job->victim->task);
}

Test(task, twice_is_once_and_stopped_is_never) {
  struct loop *loop = make_loop();
  struct job a = {0}, b = {0}, c = {0};
  task_init(&a.task, loop, on_job);
  task_init(&b.task, loop, on_job);
  task_init(&c.task, loop, on_job);
  a.victim = &c;
  task_schedule(&a.task);
  task_schedule(&b.task);
  task_schedule(&a.task);
  task_schedule(&c.task);
  task_stop(&b.task);
  turn(loop, -1);
  cr_assert_eq(a.runs, 1);
  cr_assert_eq(b.runs, 0);
  cr_assert_eq(c.runs, 0, "a stopped it");
  loop_free(loop);
}

Test(task, one_that_schedules_itself_leaves_turns_to_others) {
  struct loop *loop = make_loop();
  struct job a = {.again = true};
  struct source s = {0};
  start(&s, loop);
  task_init(&a.task, loop, on_job);
  task_schedule(&a.task);
  for (int i = 0; i < 3; i++) turn(loop, -1);
  cr_assert_eq(a.runs, 3);
  cr_assert_eq(s.calls, 3);
  task_stop(&a.task);
  stop(&s);
  loop_free(loop);
}

static bool readable(const struct loop *loop, int timeout_ms) {
  struct pollfd p = {.fd = loop_fd(loop), .events = POLLIN};
  return poll(&p, 1, timeout_ms) == 1;
}

Test(host, its_descriptor_is_readable_while_there_is_work) {
  struct loop *loop = make_loop();
  struct job job = {0};
  struct tick tick = {0};
  task_init(&job.task, loop, on_job);
  timer_init(&tick.timer, loop, on_tick);
  cr_assert(!readable(loop, 0));
  task_schedule(&job.task);
  cr_assert(readable(loop, 1000), "a task waits");
  turn(loop, 0);
  cr_assert_eq(job.runs, 1);
  cr_assert(!readable(loop, 0));
  cr_assert_eq(timer_set(&tick.timer, 10), 0);
  cr_assert(readable(loop, 1000), "a timer is due");
  turn(loop, 0);
  cr_assert_eq(tick.fired, 1);
  cr_assert(!readable(loop, 0));
  loop_free(loop);
}

static void on_signal(int number, void *owner) {
  cr_expect_eq(number, SIGUSR1);
  ++*(int *)owner;
}

static void stop_loop(struct timer *timer) { loop_stop(timer->loop); }

Test(loop, signals_come_as_calls_and_free_restores_the_mask) {
  struct loop *loop = make_loop();
  int calls = 0;
  cr_assert_eq(loop_on_signal(loop, SIGUSR1, on_signal, &calls, NULL), 0);
  cr_assert_eq(loop_on_signal(loop, SIGUSR2, on_signal, &calls, NULL), 0);
  cr_assert_eq(raise(SIGUSR1), 0);
  turn(loop, 1000);
  cr_assert_eq(calls, 1);
  loop_free(loop);
  sigset_t mask;
  cr_assert_eq(sigprocmask(SIG_BLOCK, NULL, &mask), 0);
  cr_assert(!sigismember(&mask, SIGUSR1) && !sigismember(&mask, SIGUSR2));
}

Test(loop, runs_until_it_is_stopped) {
  struct loop *loop = make_loop();
  struct timer timer;
  timer_init(&timer, loop, stop_loop);
  cr_assert_eq(timer_set(&timer, 5), 0);
  uint64_t before = loop_turns(loop);
  cr_assert_eq(loop_run(loop, NULL), 0);
  cr_assert_gt(loop_turns(loop), before);
  loop_stop(loop);
  cr_assert_eq(loop_run(loop, NULL), 0, "a stop before the run is obeyed");
  loop_free(loop);
}
