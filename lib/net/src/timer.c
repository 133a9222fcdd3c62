/* A binary heap behind one timerfd. A timer that is set anew before it was due, as each request does with its connection's, costs a few
 * moves within the heap and no system call: the timerfd may wake the loop too early, never too late. */
#include "loop_internal.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void put(struct loop *loop, size_t place, struct timer_slot slot) {
  loop->heap[place] = slot;
  slot.timer->place = place;
}

static void sift_up(struct loop *loop, size_t place, struct timer_slot slot) {
  while (place > 0) {
    size_t parent = (place - 1) / 2;
    if (loop->heap[parent].due_ms <= slot.due_ms) break;
    put(loop, place, loop->heap[parent]);
    place = parent;
  }
  put(loop, place, slot);
}

static void sift_down(struct loop *loop, size_t place, struct timer_slot slot) {
  for (;;) {
    size_t child = 2 * place + 1;
    if (child >= loop->heap_count) break;
    if (child + 1 < loop->heap_count && loop->heap[child + 1].due_ms < loop->heap[child].due_ms) child++;
    if (loop->heap[child].due_ms >= slot.due_ms) break;
    put(loop, place, loop->heap[child]);
    place = child;
  }
  put(loop, place, slot);
}

static void settle(struct loop *loop, size_t place, struct timer_slot slot) {
  if (place > 0 && loop->heap[(place - 1) / 2].due_ms > slot.due_ms)
    sift_up(loop, place, slot);
  else
    sift_down(loop, place, slot);
}

static int make_room(struct loop *loop) {
  if (loop->heap_count < loop->heap_capacity) return 0;
  size_t capacity = loop->heap_capacity ? loop->heap_capacity * 2 : 32;
  struct timer_slot *heap = realloc(loop->heap, capacity * sizeof *heap);
  if (!heap) return -1;
  loop->heap = heap;
  loop->heap_capacity = capacity;
  return 0;
}

void timer_init(struct timer *timer, struct loop *loop, void (*fire)(struct timer *)) {
  *timer = (struct timer){.loop = loop, .fire = fire};
}

bool timer_is_set(const struct timer *timer) { return timer->due_ms != 0; }

int timer_set(struct timer *timer, int64_t delay_ms) {
  struct loop *loop = timer->loop;
  bool anew = timer->due_ms == 0;
  if (anew && make_room(loop) < 0) return -1;
  int64_t now = loop_now_ms(loop), most = INT64_MAX / 4 - now;
  /* at least 1 ms: a timer that sets itself in its own callback must not keep the turn from ending */
  timer->due_ms = now + (delay_ms < 1 ? 1 : delay_ms > most ? most : delay_ms);
  struct timer_slot slot = {timer->due_ms, timer};
  if (anew)
    sift_up(loop, loop->heap_count++, slot);
  else
    settle(loop, timer->place, slot);
  if (!loop->in_turn) timers_arm(loop);
  return 0;
}

void timer_stop(struct timer *timer) {
  if (!timer->due_ms) return;
  struct loop *loop = timer->loop;
  struct timer_slot last = loop->heap[--loop->heap_count];
  if (last.timer != timer) settle(loop, timer->place, last);
  timer->due_ms = 0;
}

void timers_fire(struct loop *loop) {
  while (loop->heap_count && loop->heap[0].due_ms <= loop->now_ms) {
    struct timer *timer = loop->heap[0].timer;
    timer_stop(timer);
    timer->fire(timer);
  }
}

void timers_arm(struct loop *loop) {
  int64_t due = loop->heap_count ? loop->heap[0].due_ms : INT64_MAX;
  if (loop->tasks) due = 1; /* long past: at once */
  if (due >= loop->armed_ms) return;
  struct itimerspec at = {.it_value = {.tv_sec = due / 1000, .tv_nsec = (due % 1000) * 1000000}};
  (void)timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &at, NULL); /* cannot fail: the descriptor and the time are ours */
  loop->armed_ms = due;
}

static void on_timer_fd(struct io *io, uint32_t events) {
  (void)events;
  struct loop *loop = CONTAINER_OF(io, struct loop, timer_io);
  uint64_t expirations;
  (void)!read(io->fd, &expirations, sizeof expirations); /* EAGAIN: set anew since; what is due is found in the heap */
  loop->armed_ms = INT64_MAX;
}

int timers_init(struct loop *loop, struct error *error) {
  loop->armed_ms = INT64_MAX;
  loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (loop->timer_fd < 0) return error_errno(error, errno, "make a timer descriptor");
  return io_start(&loop->timer_io, loop, loop->timer_fd, EPOLLIN, on_timer_fd, error);
}

void timers_done(struct loop *loop) {
  io_stop(&loop->timer_io);
  if (loop->timer_fd >= 0) (void)close(loop->timer_fd); /* nothing is to be done about a failed close */
  free(loop->heap);
}
