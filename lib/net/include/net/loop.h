/* The event loop: one epoll set, one timerfd, one signalfd, one thread. Nothing in it blocks and nothing in it locks.
 *
 *     struct loop *loop = loop_new(&error);
 *     timer_init(&t, loop, on_tick);   timer_set(&t, 2000);
 *     io_start(&io, loop, fd, EPOLLIN, on_ready, &error);
 *     loop_run(loop);                  // until loop_stop()
 *     loop_free(loop);
 *
 * io, timer and task are embedded in the struct that they serve (CONTAINER_OF finds it); the loop never owns them. Stopping one from within
 * any callback, its own or another's, is allowed and takes effect at once: no callback of it runs afterwards, even one that was already due.
 * Every one must be stopped before its memory goes. Where the loop is hosted by another one, loop_fd() is readable while there is work.
 */
#pragma once

#include "base/error.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;

struct loop *loop_new(struct error *error);
void loop_free(struct loop *loop); /* accepts NULL; everything registered must be stopped before */

/* Runs until loop_stop. -1 only when epoll itself fails. */
int loop_run(struct loop *loop, struct error *error) _must_check_;

/* One turn: waits at most TIMEOUT_MS (-1: as long as it takes), calls what is due. */
int loop_turn(struct loop *loop, int timeout_ms, struct error *error) _must_check_;
void loop_stop(struct loop *loop);

/* For a host loop: poll it for reading, then loop_turn(loop, 0). */
int loop_fd(const struct loop *loop);

/* The monotonic time at the start of this turn: cheap, the same for all callbacks of a turn. */
int64_t loop_now_ms(const struct loop *loop);
uint64_t loop_turns(const struct loop *loop);

/* A descriptor. The loop does not close it. */
struct io {
  struct loop *loop; /* NULL: not started */
  int fd;
  uint32_t events;
  void (*ready)(struct io *io, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP */
};
int io_start(struct io *io, struct loop *loop, int fd, uint32_t events, void (*ready)(struct io *, uint32_t),
             struct error *error) _must_check_;
int io_want(struct io *io, uint32_t events, struct error *error) _must_check_; /* no system call when nothing changes */
void io_stop(struct io *io);                                                   /* before the descriptor is closed; twice is fine */

/* A one-shot timer. */
struct timer {
  struct loop *loop;
  void (*fire)(struct timer *timer);
  int64_t due_ms; /* monotonic; 0: not set */
  size_t place;   /* the loop's own */
};
void timer_init(struct timer *timer, struct loop *loop, void (*fire)(struct timer *));
int timer_set(struct timer *timer, int64_t delay_ms) _must_check_; /* sets anew when set; -1 without memory */
void timer_stop(struct timer *timer);
bool timer_is_set(const struct timer *timer);

/* Called once, after the callbacks of this turn, before the loop sleeps: for what must not happen inside the caller's stack. */
struct task {
  struct loop *loop;
  void (*run)(struct task *task);
  struct task *next, **previous; /* the loop's own */
};
void task_init(struct task *task, struct loop *loop, void (*run)(struct task *));
void task_schedule(struct task *task); /* twice is once */
void task_stop(struct task *task);

/* Blocks the signal for this thread and calls back for it. One owner a signal. Undone by loop_free. */
int loop_on_signal(struct loop *loop, int number, void (*handler)(int number, void *owner), void *owner, struct error *error) _must_check_;

DEFINE_CLEANUP(struct loop, loop_freep, loop_free)
