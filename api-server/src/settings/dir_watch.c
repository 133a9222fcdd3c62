#include "settings/dir_watch.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { SETTLE_MS = 20, RETRY_MS = 1000, POLL_MS = 10000 };

static void look_after(struct dir_watch *watch, int64_t delay_ms) {
  if (timer_set(&watch->timer, delay_ms) < 0) log_error("out of memory: changes of mounted files may not be noticed");
}

static void look(struct dir_watch *watch) { look_after(watch, watch->look(watch) < 0 ? RETRY_MS : POLL_MS); }

static void on_timer(struct timer *timer) { look(CONTAINER_OF(timer, struct dir_watch, timer)); }

/* A writer who isn't atomic gets a moment to finish. */
static void on_change(struct io *io, uint32_t events) {
  char told[4096];
  (void)events;
  while (read(io->fd, told, sizeof told) > 0) continue;
  look_after(CONTAINER_OF(io, struct dir_watch, changes), SETTLE_MS);
}

int dir_watch_start(struct dir_watch *watch, struct loop *loop, const char *directory, int (*look_at)(struct dir_watch *watch),
                    struct error *error) {
  *watch = (struct dir_watch){.look = look_at};
  timer_init(&watch->timer, loop, on_timer);
  int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) return error_errno(error, errno, "watch %s", directory);
  if (inotify_add_watch(fd, directory, IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_ONLYDIR) < 0)
    log_debug("changes of this directory are found by polling", log_str("directory", directory), log_str("cause", strerror(errno)));
  if (io_start(&watch->changes, loop, fd, EPOLLIN, on_change, error) < 0) {
    (void)close(fd);
    return -1;
  }
  look(watch);
  return 0;
}

void dir_watch_stop(struct dir_watch *watch) {
  if (!watch->changes.loop) return;
  io_stop(&watch->changes);
  (void)close(watch->changes.fd); /* nothing is to be done about a failed close */
  timer_stop(&watch->timer);
}
