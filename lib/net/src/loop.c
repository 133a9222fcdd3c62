#include "loop_internal.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct loop *loop_new(struct error *error) {
  struct loop *loop = calloc(1, sizeof *loop);
  if (!loop) {
    error_oom(error);
    return NULL;
  }
  loop->timer_fd = loop->signal_fd = -1;
  loop->tasks_end = &loop->tasks;
  loop->now_ms = clock_monotonic_ms();
  signals_init(loop);
  loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (loop->epoll_fd < 0) {
    error_errno(error, errno, "make an epoll set");
    loop_free(loop);
    return NULL;
  }
  if (timers_init(loop, error) < 0) {
    loop_free(loop);
    return NULL;
  }
  return loop;
}

void loop_free(struct loop *loop) {
  if (!loop) return;
  signals_done(loop);
  timers_done(loop);
  if (loop->epoll_fd >= 0) (void)close(loop->epoll_fd); /* nothing is to be done about a failed close */
  free(loop);
}

int loop_fd(const struct loop *loop) { return loop->epoll_fd; }
uint64_t loop_turns(const struct loop *loop) { return loop->turns; }
int64_t loop_now_ms(const struct loop *loop) { return loop->in_turn ? loop->now_ms : clock_monotonic_ms(); }

static void dispatch_batch(struct loop *loop) {
  for (loop->batch_at = 0; loop->batch_at < loop->batch_count; loop->batch_at++) {
    const struct epoll_event *event = &loop->batch[loop->batch_at];
    struct io *io = event->data.ptr;
    if (!io) continue; /* stopped by an earlier callback of this batch */
    uint32_t events = event->events & (io->events | EPOLLERR | EPOLLHUP);
    if (events) io->ready(io, events);
  }
  loop->batch_count = 0;
}

int loop_turn(struct loop *loop, int timeout_ms, struct error *error) {
  int count = epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, loop->tasks ? 0 : timeout_ms);
  if (count < 0 && errno != EINTR) return error_errno(error, errno, "wait for events");
  loop->now_ms = clock_monotonic_ms();
  loop->turns++;
  loop->in_turn = true;
  loop->batch_count = count < 0 ? 0 : count;
  dispatch_batch(loop);
  timers_fire(loop);
  tasks_run(loop);
  loop->in_turn = false;
  timers_arm(loop);
  return 0;
}

int loop_run(struct loop *loop, struct error *error) {
  while (!loop->stopped)
    if (loop_turn(loop, -1, error) < 0) return -1;
  loop->stopped = false;
  return 0;
}

void loop_stop(struct loop *loop) { loop->stopped = true; }

int io_start(struct io *io, struct loop *loop, int fd, uint32_t events, void (*ready)(struct io *, uint32_t), struct error *error) {
  struct epoll_event event = {.events = events, .data.ptr = io};
  if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) return error_errno(error, errno, "watch descriptor %d", fd);
  *io = (struct io){.loop = loop, .fd = fd, .events = events, .ready = ready};
  return 0;
}

int io_want(struct io *io, uint32_t events, struct error *error) {
  if (io->events == events) return 0;
  struct epoll_event event = {.events = events, .data.ptr = io};
  if (epoll_ctl(io->loop->epoll_fd, EPOLL_CTL_MOD, io->fd, &event) < 0) return error_errno(error, errno, "watch descriptor %d", io->fd);
  io->events = events;
  return 0;
}

void io_stop(struct io *io) {
  struct loop *loop = io->loop;
  if (!loop) return;
  (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL); /* fails only where somebody closed it before: then it is gone already */
  for (int i = loop->batch_at; i < loop->batch_count; i++)
    if (loop->batch[i].data.ptr == io) loop->batch[i].data.ptr = NULL;
  io->loop = NULL;
}
