#include "store/resolver.h"

#include "net/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct resolver_job {
  struct resolver_job *next;
  struct resolution *waiter; /* the loop's side alone; NULL: cancelled */
  char host[RESOLVER_HOST];
  struct resolver_answer answer;
  struct error error;
};

/* What both threads see. It goes with the later of the two, so that a name server that hangs holds nobody up. */
struct exchange {
  pthread_mutex_t lock;
  pthread_cond_t work;
  struct resolver_job *asked, **asked_end;
  struct resolver_job *answered;
  size_t count; /* asked, or in the thread's hands */
  int event_fd;
  int references;
  bool closing;
};

struct resolver {
  struct exchange *exchange;
  struct io io;
};

static void free_jobs(struct resolver_job *job) {
  while (job) {
    struct resolver_job *next = job->next;
    free(job);
    job = next;
  }
}

static void exchange_ref(struct exchange *x) {
  pthread_mutex_lock(&x->lock);
  x->references++;
  pthread_mutex_unlock(&x->lock);
}

static void exchange_unref(struct exchange *x) {
  pthread_mutex_lock(&x->lock);
  bool last = --x->references == 0;
  pthread_mutex_unlock(&x->lock);
  if (!last) return;
  free_jobs(x->asked);
  free_jobs(x->answered);
  if (x->event_fd >= 0) (void)close(x->event_fd);
  pthread_cond_destroy(&x->work);
  pthread_mutex_destroy(&x->lock);
  free(x);
}

static void resolve(struct resolver_job *job) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *list = NULL;
  int code = getaddrinfo(job->host, NULL, &hints, &list);
  if (code) {
    error_set(&job->error, ERROR_RETRY, "the name %s can't be resolved: %s", job->host, gai_strerror(code));
    return;
  }
  for (struct addrinfo *a = list; a && job->answer.count < RESOLVER_ADDRESSES; a = a->ai_next) {
    char *to = job->answer.addresses[job->answer.count];
    if (getnameinfo(a->ai_addr, a->ai_addrlen, to, INET6_ADDRSTRLEN, NULL, 0, NI_NUMERICHOST) == 0) job->answer.count++;
  }
  freeaddrinfo(list);
  if (!job->answer.count) error_set(&job->error, ERROR_RETRY, "the name %s has no address", job->host);
}

static void post_answer(struct exchange *x, struct resolver_job *job) {
  job->next = x->answered;
  x->answered = job;
  uint64_t one = 1;
  /* fails only when the counter is full, and then the loop is being woken already */
  (void)!write(x->event_fd, &one, sizeof one);
}

/* The next name; NULL when the resolver has gone. */
static struct resolver_job *take_work(struct exchange *x) {
  while (!x->asked && !x->closing) pthread_cond_wait(&x->work, &x->lock);
  if (x->closing) return NULL;
  struct resolver_job *job = x->asked;
  x->asked = job->next;
  if (!x->asked) x->asked_end = &x->asked;
  return job;
}

static void *run_thread(void *owner) {
  struct exchange *x = owner;
  pthread_mutex_lock(&x->lock);
  for (struct resolver_job *job; (job = take_work(x));) {
    pthread_mutex_unlock(&x->lock);
    resolve(job);
    pthread_mutex_lock(&x->lock);
    x->count--;
    post_answer(x, job);
  }
  pthread_mutex_unlock(&x->lock);
  exchange_unref(x);
  return NULL;
}

static void deliver(struct resolver_job *job) {
  struct resolution *waiter = job->waiter;
  if (waiter) {
    waiter->job = NULL;
    bool ok = job->error.kind == ERROR_NONE;
    waiter->done(waiter, ok ? &job->answer : NULL, ok ? NULL : &job->error);
  }
  free(job);
}

/* A callback may start and cancel others, or free the resolver: each round begins anew. */
static void on_answers(struct io *io, uint32_t events) {
  (void)events;
  struct resolver *resolver = CONTAINER_OF(io, struct resolver, io);
  struct exchange *x = resolver->exchange;
  uint64_t count;
  (void)!read(x->event_fd, &count, sizeof count);
  exchange_ref(x);
  for (;;) {
    pthread_mutex_lock(&x->lock);
    struct resolver_job *job = x->closing ? NULL : x->answered;
    if (job) x->answered = job->next;
    pthread_mutex_unlock(&x->lock);
    if (!job) break;
    deliver(job);
  }
  exchange_unref(x);
}

static int start_thread(struct exchange *x, struct error *error) {
  pthread_attr_t attributes;
  pthread_t thread;
  sigset_t all, before;
  sigfillset(&all);
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  exchange_ref(x);
  int code = pthread_create(&thread, &attributes, run_thread, x);
  if (code) exchange_unref(x);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return code ? error_errno(error, code, "start the resolver's thread") : 0;
}

static struct exchange *exchange_new(void) {
  struct exchange *x = calloc(1, sizeof *x);
  if (!x) return NULL;
  x->asked_end = &x->asked;
  x->references = 1;
  pthread_mutex_init(&x->lock, NULL);
  pthread_cond_init(&x->work, NULL);
  x->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return x;
}

struct resolver *resolver_new(struct loop *loop, struct error *error) {
  _cleanup_(resolver_freep) struct resolver *resolver = calloc(1, sizeof *resolver);
  if (!resolver || !(resolver->exchange = exchange_new())) return error_oom(error), NULL;
  struct exchange *x = resolver->exchange;
  if (x->event_fd < 0) return error_errno(error, errno, "make an eventfd"), NULL;
  if (io_start(&resolver->io, loop, x->event_fd, EPOLLIN, on_answers, error) < 0 || start_thread(x, error) < 0) return NULL;
  return TAKE(resolver);
}

void resolver_free(struct resolver *resolver) {
  if (!resolver) return;
  struct exchange *x = resolver->exchange;
  io_stop(&resolver->io);
  if (x) {
    pthread_mutex_lock(&x->lock);
    x->closing = true;
    pthread_cond_signal(&x->work);
    pthread_mutex_unlock(&x->lock);
    exchange_unref(x);
  }
  free(resolver);
}

static bool is_literal(const char *host) {
  struct in6_addr address;
  return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

static int enqueue(struct exchange *x, struct resolver_job *job, struct error *error) {
  bool literal = is_literal(job->host), full = false;
  if (literal) {
    job->answer.count = 1;
    memcpy(job->answer.addresses[0], job->host, INET6_ADDRSTRLEN - 1); /* a literal is shorter than that */
  }
  pthread_mutex_lock(&x->lock);
  full = !literal && x->count == RESOLVER_QUEUE;
  if (literal) {
    post_answer(x, job);
  } else if (!full) {
    *x->asked_end = job;
    x->asked_end = &job->next;
    x->count++;
    pthread_cond_signal(&x->work);
  }
  pthread_mutex_unlock(&x->lock);
  return full ? error_set(error, ERROR_RETRY, "%d names are waiting to be resolved already", RESOLVER_QUEUE) : 0;
}

int resolver_start(struct resolver *resolver, struct resolution *resolution, const char *host, struct error *error) {
  size_t n = strlen(host);
  if (!n || n >= RESOLVER_HOST) return error_set(error, ERROR_INVALID, "a host name has %zu bytes, expected 1 to %d", n, RESOLVER_HOST - 1);
  _cleanup_free_ struct resolver_job *job = calloc(1, sizeof *job);
  if (!job) return error_oom(error);
  memcpy(job->host, host, n);
  job->waiter = resolution;
  if (enqueue(resolver->exchange, job, error) < 0) return -1;
  resolution->job = TAKE(job);
  return 0;
}

void resolver_cancel(struct resolution *resolution) {
  if (resolution->job) resolution->job->waiter = NULL;
  resolution->job = NULL;
}
