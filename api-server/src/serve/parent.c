#include "serve/parent.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "serve/cpu_limit.h"
#include "serve/listen.h"
#include "serve/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS_MAX = 64, STABLE_MS = 30000, NOFILE_MAX = 65536, LIMIT_SETS = 4096 };

struct child {
  pid_t pid; /* 0: none at the moment */
  int fd;    /* its listener */
  struct backoff backoff;
  int64_t started_ms, due_ms; /* monotonic; when it is started again */
  char died[96];              /* of what the one before died; "" */
};

struct parent {
  const struct settings *settings;
  struct metrics *metrics;
  struct limiter_table *limits;
  int metrics_fd;
  unsigned count;
  struct child children[WORKERS_MAX];
  sigset_t signals; /* those that are waited for */
  int64_t end_ms;   /* monotonic; 0 while serving: when the last workers are killed */
};

/* libwebsockets' tables are as long as the limit, so it is bounded. */
static void bound_descriptors(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  rlim_t wanted = limit.rlim_max < NOFILE_MAX ? limit.rlim_max : NOFILE_MAX;
  if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){wanted, limit.rlim_max}) < 0) log_warn("the limit of descriptors stays as it is");
}

/* ---- a worker ---- */

/* In the child: everything of the parent's that isn't its own is given back. */
static _Noreturn void become_worker(struct parent *p, unsigned number, pid_t parent_pid) {
  (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* without it a worker would outlive a killed parent */
  if (getppid() != parent_pid) exit(WORKER_FAILED);
  (void)signal(SIGPIPE, SIG_IGN);
  (void)signal(SIGINT, SIG_IGN); /* the parent says when */
  (void)sigprocmask(SIG_UNBLOCK, &p->signals, NULL);
  for (unsigned i = 0; i < p->count; i++)
    if (i != number) (void)close(p->children[i].fd);
  struct worker_setup setup = {.settings = p->settings,
                               .metrics = p->metrics,
                               .limits = p->limits,
                               .region = number + 1,
                               .public_fd = p->children[number].fd,
                               .metrics_fd = p->metrics_fd,
                               .died = p->children[number].died};
  int status = worker_run(&setup);
  metrics_free(p->metrics);
  limiter_table_free(p->limits);
  free(p);
  exit(status);
}

static void start_worker(struct parent *p, unsigned number) {
  struct child *child = &p->children[number];
  pid_t parent_pid = getpid(), pid = fork();
  if (pid == 0) become_worker(p, number, parent_pid);
  int64_t now_ms = clock_monotonic_ms();
  child->pid = pid > 0 ? pid : 0;
  child->started_ms = now_ms;
  if (pid > 0) {
    *child->died = 0;
    return;
  }
  child->due_ms = now_ms + backoff_next(&child->backoff);
  log_error("a worker can't be forked", log_str("cause", strerror(errno)));
}

static void start_due(struct parent *p) {
  for (unsigned i = 0; i < p->count && !p->end_ms; i++)
    if (!p->children[i].pid && p->children[i].due_ms <= clock_monotonic_ms()) start_worker(p, i);
}

static void mourn(struct parent *p, unsigned number, int status) {
  struct child *child = &p->children[number];
  pid_t pid = child->pid;
  int64_t now_ms = clock_monotonic_ms();
  child->pid = 0;
  metrics_detached(p->metrics, number + 1);
  if (p->end_ms) return;
  if (now_ms - child->started_ms >= STABLE_MS) backoff_reset(&child->backoff);
  int64_t wait_ms = backoff_next(&child->backoff);
  child->due_ms = now_ms + wait_ms;
  series_add(metrics_series(p->metrics, METRIC_WORKER_RESTARTS, ""), 1);
  (void)snprintf(child->died, sizeof child->died, "A worker died by %s %d, and was replaced.",
                 WIFSIGNALED(status) ? "signal" : "exit status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  log_error("a worker died and is replaced", log_int("worker", pid), log_int("status", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
            log_int("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0), log_int("inMs", wait_ms));
}

static void reap(struct parent *p) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
    for (unsigned i = 0; i < p->count; i++)
      if (p->children[i].pid == pid) mourn(p, i, status);
}

static unsigned alive(const struct parent *p) {
  unsigned count = 0;
  for (unsigned i = 0; i < p->count; i++) count += p->children[i].pid != 0;
  return count;
}

static void tell_all(const struct parent *p, int signal_number) {
  for (unsigned i = 0; i < p->count; i++)
    if (p->children[i].pid) (void)kill(p->children[i].pid, signal_number); /* fails only where it has just ended */
}

/* ---- its life ---- */

static void begin_end(struct parent *p, int signal_number) {
  if (p->end_ms) return;
  log_info("ending", log_str("signal", strsignal(signal_number)), log_int("workers", alive(p)));
  p->end_ms = clock_monotonic_ms() + p->settings->shutdown_grace_s * 1000;
  tell_all(p, SIGTERM);
  /* the workers hold theirs as long as they serve */
  for (unsigned i = 0; i < p->count; i++) (void)close(p->children[i].fd);
  (void)close(p->metrics_fd);
}

static int64_t until_next(const struct parent *p) {
  int64_t now_ms = clock_monotonic_ms(), next_ms = p->end_ms ? p->end_ms : now_ms + 60000;
  for (unsigned i = 0; i < p->count && !p->end_ms; i++)
    if (!p->children[i].pid && p->children[i].due_ms < next_ms) next_ms = p->children[i].due_ms;
  return next_ms > now_ms ? next_ms - now_ms : 0;
}

static void wait_for_news(struct parent *p) {
  int64_t wait_ms = until_next(p);
  struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};
  int number = sigtimedwait(&p->signals, NULL, &wait);
  if (number == SIGTERM || number == SIGINT) begin_end(p, number);
  reap(p);
  if (!p->end_ms || clock_monotonic_ms() < p->end_ms || !alive(p)) return;
  log_error("workers are killed: the grace is over", log_int("workers", alive(p)));
  tell_all(p, SIGKILL);
  p->end_ms = clock_monotonic_ms() + 1000;
}

static int live(struct parent *p) {
  log_info("serving", log_str("version", SUPERNOVA_VERSION), log_int("port", p->settings->port),
           log_int("metricsPort", p->settings->metrics_port), log_int("workers", p->count));
  while (!p->end_ms || alive(p)) {
    start_due(p);
    wait_for_news(p);
  }
  log_info("ended");
  return 0;
}

/* ---- its beginning ---- */

static int bind_all(struct parent *p, struct error *error) {
  for (unsigned i = 0; i < p->count; i++) {
    p->children[i] = (struct child){.fd = -1, .backoff = {.initial_ms = 100, .max_ms = 10000, .jitter = true}};
    if (listen_on((int)p->settings->port, true, &p->children[i].fd, error) < 0) return -1;
  }
  return listen_on((int)p->settings->metrics_port, false, &p->metrics_fd, error);
}

static int prepare(struct parent *p, struct error *error) {
  p->count = p->settings->workers ? (unsigned)p->settings->workers : cpu_limit_workers();
  p->metrics = metrics_new(p->count + 1, error);
  p->limits = p->metrics ? limiter_table_new(LIMIT_SETS, error) : NULL;
  if (!p->limits || bind_all(p, error) < 0) return -1;
  series_set(metrics_series(p->metrics, METRIC_PROCESS_START, ""), clock_real_ms() * 1000);
  series_add(metrics_series(p->metrics, METRIC_WORKER_RESTARTS, ""), 0);
  sigemptyset(&p->signals);
  sigaddset(&p->signals, SIGTERM);
  sigaddset(&p->signals, SIGINT);
  sigaddset(&p->signals, SIGCHLD);
  return sigprocmask(SIG_BLOCK, &p->signals, NULL) < 0 ? error_errno(error, errno, "block signals") : 0;
}

int parent_run(const struct settings *settings) {
  struct error error = {0};
  struct parent *p = calloc(1, sizeof *p);
  if (!p) return log_fatal("out of memory"), EXIT_FAILURE;
  p->settings = settings;
  bound_descriptors();
  int status = prepare(p, &error) < 0 ? EXIT_FAILURE : live(p);
  if (error.kind) log_fatal("the server can't start", log_err(&error));
  metrics_free(p->metrics);
  limiter_table_free(p->limits);
  free(p);
  return status;
}
