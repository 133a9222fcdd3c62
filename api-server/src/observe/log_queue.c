#include "observe/log_queue.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { AGAIN_MS = 20, LAST_WORDS_MS = 1000 };

/* Whole lines of at most PIPE_BUF bytes together, or one line that is longer. */
static size_t portion(const struct buffer *lines) {
  if (lines->len <= PIPE_BUF) return lines->len;
  const char *end = memrchr(lines->data, '\n', PIPE_BUF);
  if (!end) end = memchr(lines->data, '\n', lines->len);
  return (size_t)(end - lines->data) + 1;
}

/* A pipe that polls as writable takes PIPE_BUF bytes without blocking (pipe(7)); the descriptor is shared, so it isn't made non-blocking. */
static bool has_room(int fd, int timeout_ms) {
  struct pollfd room = {.fd = fd, .events = POLLOUT};
  return poll(&room, 1, timeout_ms) == 1;
}

/* False where lines are left. A reader that is gone takes everything. */
static bool write_lines(struct log_queue *queue, int timeout_ms) {
  size_t done = 0;
  struct buffer rest = queue->lines;
  while (rest.len && has_room(queue->fd, timeout_ms)) {
    ssize_t n = write(queue->fd, rest.data, portion(&rest));
    if (n < 0 && errno == EINTR) continue;
    size_t gone = n < 0 ? rest.len : (size_t)n;
    done += gone;
    rest.data += gone;
    rest.len -= gone;
  }
  buffer_consume(&queue->lines, done);
  return !queue->lines.len;
}

static void flush(struct log_queue *queue) {
  if (write_lines(queue, 0)) return;
  if (timer_set(&queue->again, AGAIN_MS) < 0) return; /* without memory the next line tries again */
}

static void on_turn_end(struct task *task) { flush(CONTAINER_OF(task, struct log_queue, flush)); }
static void on_again(struct timer *timer) { flush(CONTAINER_OF(timer, struct log_queue, again)); }

static void take_line(const char *line, size_t n, void *owner) {
  struct log_queue *queue = owner;
  if (queue->lines.len + n > LOG_QUEUE_BYTES) {
    series_add(queue->dropped, 1);
    return;
  }
  buffer_append(&queue->lines, line, n);
  if (queue->lines.failed) {
    queue->lines.failed = false; /* without memory this line is lost, not the ones before it */
    series_add(queue->dropped, 1);
  }
  if (!timer_is_set(&queue->again)) task_schedule(&queue->flush);
}

void log_queue_start(struct log_queue *queue, struct loop *loop, int fd, struct series *dropped) {
  *queue = (struct log_queue){.fd = fd, .dropped = dropped};
  buffer_init(&queue->lines, LOG_QUEUE_BYTES + 1);
  task_init(&queue->flush, loop, on_turn_end);
  timer_init(&queue->again, loop, on_again);
  log_set_sink(take_line, queue);
}

void log_queue_stop(struct log_queue *queue) {
  int64_t end = clock_monotonic_ms() + LAST_WORDS_MS;
  while (!write_lines(queue, 50) && clock_monotonic_ms() < end) continue;
  log_set_sink(NULL, NULL);
  task_stop(&queue->flush);
  timer_stop(&queue->again);
  buffer_done(&queue->lines);
}
