#include "loop_internal.h"

#include <errno.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

void signals_init(struct loop *loop) {
  sigemptyset(&loop->handled);
  sigemptyset(&loop->blocked_by_us);
}

static void on_signal_fd(struct io *io, uint32_t events) {
  (void)events;
  struct loop *loop = CONTAINER_OF(io, struct loop, signal_io);
  struct signalfd_siginfo info;
  while (io->loop && read(io->fd, &info, sizeof info) == (ssize_t)sizeof info) {
    const struct signal_owner *signal = &loop->signals[info.ssi_signo];
    signal->handler((int)info.ssi_signo, signal->owner);
  }
}

static int block(struct loop *loop, int number, struct error *error) {
  sigset_t one, before;
  sigemptyset(&one);
  sigaddset(&one, number);
  int failed = pthread_sigmask(SIG_BLOCK, &one, &before);
  if (failed) return error_errno(error, failed, "block signal %d", number);
  if (!sigismember(&before, number)) sigaddset(&loop->blocked_by_us, number);
  return 0;
}

int loop_on_signal(struct loop *loop, int number, void (*handler)(int number, void *owner), void *owner, struct error *error) {
  if (number < 1 || number >= NSIG) return error_set(error, ERROR_BUG, "there is no signal %d", number);
  sigaddset(&loop->handled, number);
  int fd = signalfd(loop->signal_fd, &loop->handled, SFD_NONBLOCK | SFD_CLOEXEC);
  if (fd < 0) return error_errno(error, errno, "make a signal descriptor");
  loop->signals[number] = (struct signal_owner){handler, owner};
  if (loop->signal_fd < 0) {
    loop->signal_fd = fd;
    if (io_start(&loop->signal_io, loop, fd, EPOLLIN, on_signal_fd, error) < 0) return -1;
  }
  return block(loop, number, error);
}

void signals_done(struct loop *loop) {
  io_stop(&loop->signal_io);
  if (loop->signal_fd >= 0) (void)close(loop->signal_fd);         /* nothing is to be done about a failed close */
  (void)pthread_sigmask(SIG_UNBLOCK, &loop->blocked_by_us, NULL); /* cannot fail with these arguments */
}
