#include "net/offload.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct list {
  struct offload_job *first, **end;
};

struct offload {
  struct io io;
  pthread_t thread;
  pthread_mutex_t lock; /* of what follows */
  pthread_cond_t wake;
  struct list waiting, finished;
  bool stop;
};

static void push(struct list *list, struct offload_job *job) {
  job->next = NULL;
  *list->end = job;
  list->end = &job->next;
}

static struct offload_job *pop(struct list *list) {
  struct offload_job *job = list->first;
  if (job && !(list->first = job->next)) list->end = &list->first;
  return job;
}

static void *run(void *owner) {
  struct offload *offload = owner;
  pthread_mutex_lock(&offload->lock);
  while (!offload->stop) {
    struct offload_job *job = pop(&offload->waiting);
    if (!job) {
      pthread_cond_wait(&offload->wake, &offload->lock);
      continue;
    }
    pthread_mutex_unlock(&offload->lock);
    job->work(job);
    pthread_mutex_lock(&offload->lock);
    job->ran = true;
    push(&offload->finished, job);
    (void)eventfd_write(offload->io.fd, 1); /* fails only when it is readable anyway */
  }
  pthread_mutex_unlock(&offload->lock);
  return NULL;
}

static struct offload_job *take(struct offload *offload, struct list *list) {
  pthread_mutex_lock(&offload->lock);
  struct offload_job *job = pop(list);
  pthread_mutex_unlock(&offload->lock);
  return job;
}

static void on_finished(struct io *io, uint32_t events) {
  struct offload *offload = CONTAINER_OF(io, struct offload, io);
  eventfd_t count;
  (void)events;
  (void)eventfd_read(io->fd, &count);
  for (struct offload_job *job; (job = take(offload, &offload->finished));) job->done(job);
}

/* The thread takes no signals: they are the loop's. */
static int start_thread(struct offload *offload) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int result = pthread_create(&offload->thread, NULL, run, offload);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return result;
}

struct offload *offload_new(struct loop *loop, struct error *error) {
  struct offload *offload = calloc(1, sizeof *offload);
  if (!offload) return (void)error_oom(error), NULL;
  offload->waiting.end = &offload->waiting.first;
  offload->finished.end = &offload->finished.first;
  pthread_mutex_init(&offload->lock, NULL);
  pthread_cond_init(&offload->wake, NULL);
  int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), result = -1;
  if (fd < 0)
    (void)error_errno(error, errno, "make an eventfd");
  else if (io_start(&offload->io, loop, fd, EPOLLIN, on_finished, error) == 0 && (result = start_thread(offload)) != 0)
    (void)error_errno(error, result, "start a helper thread");
  if (result == 0) return offload;
  io_stop(&offload->io);
  if (fd >= 0) (void)close(fd);
  free(offload);
  return NULL;
}

void offload_start(struct offload *offload, struct offload_job *job) {
  job->ran = false;
  pthread_mutex_lock(&offload->lock);
  push(&offload->waiting, job);
  pthread_cond_signal(&offload->wake);
  pthread_mutex_unlock(&offload->lock);
}

void offload_free(struct offload *offload) {
  if (!offload) return;
  pthread_mutex_lock(&offload->lock);
  offload->stop = true;
  pthread_cond_signal(&offload->wake);
  pthread_mutex_unlock(&offload->lock);
  pthread_join(offload->thread, NULL);
  for (struct offload_job *job; (job = pop(&offload->finished)) || (job = pop(&offload->waiting));) job->done(job);
  io_stop(&offload->io);
  (void)close(offload->io.fd);
  pthread_mutex_destroy(&offload->lock);
  pthread_cond_destroy(&offload->wake);
  free(offload);
}
