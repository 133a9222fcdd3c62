/* What the loop's own files share. */
#pragma once

#include "net/loop.h"

enum { LOOP_BATCH = 256 };

struct timer_slot {
  int64_t due_ms; /* beside the pointer, so that sifting touches no timer that does not move */
  struct timer *timer;
};

struct signal_owner {
  void (*handler)(int number, void *owner);
  void *owner;
};

struct loop {
  int epoll_fd, timer_fd, signal_fd;
  struct io timer_io, signal_io;
  bool in_turn, stopped;
  int64_t now_ms;
  uint64_t turns;

  struct epoll_event batch[LOOP_BATCH];
  int batch_at, batch_count;

  struct timer_slot *heap; /* heap[0] is the earliest */
  size_t heap_count, heap_capacity;
  int64_t armed_ms; /* what the timerfd will wake us for; INT64_MAX: nothing */

  struct task *tasks, **tasks_end;

  struct signal_owner signals[NSIG];
  sigset_t handled, blocked_by_us;
};

/* timer.c */
int timers_init(struct loop *loop, struct error *error) _must_check_;
void timers_done(struct loop *loop);
void timers_fire(struct loop *loop);
void timers_arm(struct loop *loop); /* makes the timerfd wake the loop in time for the earliest timer, and at once where a task waits */

/* task.c */
void tasks_run(struct loop *loop);

/* signal.c */
void signals_init(struct loop *loop);
void signals_done(struct loop *loop);
