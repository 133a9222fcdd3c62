#include "observe/log_queue.h"

#include "base/log.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

struct fixture {
  struct loop *loop;
  struct metrics *metrics;
  struct series *dropped;
  struct log_queue queue;
  int pipe[2];
};

static void begin(struct fixture *f) {
  f->loop = loop_new(NULL);
  f->metrics = metrics_new(1, NULL);
  f->dropped = metrics_series(f->metrics, METRIC_LOG_DROPPED, "");
  cr_assert_eq(pipe2(f->pipe, O_CLOEXEC), 0);
  cr_assert_eq(fcntl(f->pipe[0], F_SETFL, O_NONBLOCK), 0);
  log_queue_start(&f->queue, f->loop, f->pipe[1], f->dropped);
}

static void end(struct fixture *f) {
  log_queue_stop(&f->queue);
  close(f->pipe[0]);
  close(f->pipe[1]);
  metrics_free(f->metrics);
  loop_free(f->loop);
}

/* Reads all that is there and checks that it is whole lines; returns how many. */
static size_t drain(struct fixture *f) {
  static char text[1 << 20];
  size_t n = 0, lines = 0;
  ssize_t got;
  while ((got = read(f->pipe[0], text + n, sizeof text - n)) > 0) n += (size_t)got;
  if (n) cr_expect_eq(text[n - 1], '\n');
  for (size_t at = 0; at < n; lines++) {
    cr_expect_eq(text[at], '{');
    at = (size_t)((char *)memchr(text + at, '\n', n - at) - text) + 1;
  }
  return lines;
}

Test(log_queue, lines_leave_at_the_end_of_the_turn) {
  struct fixture f;
  begin(&f);
  log_info("one");
  log_info("two");
  cr_expect_eq(drain(&f), 0);
  cr_assert_eq(loop_turn(f.loop, 0, NULL), 0);
  cr_expect_eq(drain(&f), 2);
  end(&f);
}

Test(log_queue, a_reader_that_sleeps_holds_nobody_up_and_loses_no_whole_line) {
  enum { LINES = 30000 };
  struct fixture f;
  begin(&f);
  for (int i = 0; i < LINES; i++) {
    log_info("a line that is long enough to fill a pipe before long", log_int("i", i));
    if (i % 100 == 0) cr_assert_eq(loop_turn(f.loop, 0, NULL), 0);
  }
  int64_t dropped = series_value(f.dropped);
  cr_expect_gt(dropped, 0);
  size_t read = 0;
  for (int turns = 0; turns < 10000 && read + (size_t)dropped < LINES; turns++) {
    read += drain(&f);
    cr_assert_eq(loop_turn(f.loop, 30, NULL), 0);
  }
  cr_expect_eq(read + (size_t)dropped, LINES);
  end(&f);
}

Test(log_queue, what_is_left_is_written_at_the_end) {
  struct fixture f;
  begin(&f);
  log_info("last words");
  log_queue_stop(&f.queue);
  cr_expect_eq(drain(&f), 1);
  close(f.pipe[0]);
  close(f.pipe[1]);
  metrics_free(f.metrics);
  loop_free(f.loop);
}
