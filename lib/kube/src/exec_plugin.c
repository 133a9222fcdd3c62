#include "exec_plugin.h"

#include "base/buffer.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_OUTPUT = 1 << 20, PLUGIN_TIMEOUT_MS = 60000 };

struct exec_run {
  struct loop *loop;
  const struct kube_config *config;
  void (*on_done)(void *owner, struct exec_credential *credential, const struct error *error);
  void *owner;
  pid_t pid;
  int pid_fd, out_fd; /* -1: has ended, has said all */
  struct io pid_io, out_io;
  struct timer timer;
  struct buffer output;
  int status; /* as waitid tells it: si_code in the high half, si_status in the low */
  bool timed_out;
};

static void free_secret(char *text) {
  if (text) explicit_bzero(text, strlen(text));
  free(text);
}

void exec_credential_done(struct exec_credential *credential) {
  free_secret(credential->token);
  free(credential->certificate_pem);
  free_secret(credential->key_pem);
  *credential = (struct exec_credential){0};
}

static int copy_member(const cJSON *status, const char *key, char **to, struct error *error) {
  const char *text = json_string(status, key, "");
  if (!*text) return 0;
  *to = strdup(text);
  return *to ? 0 : error_oom(error);
}

static int decode_status(const cJSON *status, struct exec_credential *credential, struct error *error) {
  const char *expires = json_string(status, "expirationTimestamp", NULL);
  if (expires && parse_rfc3339(expires, &credential->expires_ms) < 0)
    return error_set(error, ERROR_INVALID, "status.expirationTimestamp is no RFC 3339 time");
  if (copy_member(status, "token", &credential->token, error) < 0 ||
      copy_member(status, "clientCertificateData", &credential->certificate_pem, error) < 0 ||
      copy_member(status, "clientKeyData", &credential->key_pem, error) < 0)
    return -1;
  if (!credential->certificate_pem != !credential->key_pem)
    return error_set(error, ERROR_INVALID, "status has one of clientCertificateData and clientKeyData, expected both or none");
  if (!credential->token && !credential->key_pem)
    return error_set(error, ERROR_INVALID, "status has neither a token nor a client certificate");
  return 0;
}

int exec_credential_decode(const char *text, size_t n, const char *api_version, struct exec_credential *ret, struct error *error) {
  _cleanup_(json_freep) cJSON *json = NULL;
  if (json_parse(text, n, &json_limits_cluster, &json, error) < 0) return error_wrap(error, "it did not print JSON");
  if (strcmp(json_string(json, "kind", ""), "ExecCredential") || strcmp(json_string(json, "apiVersion", ""), api_version))
    return error_set(error, ERROR_INVALID, "it did not print an ExecCredential of %s", api_version);
  struct exec_credential credential = {0};
  if (decode_status(json_member(json, "status"), &credential, error) < 0) {
    exec_credential_done(&credential);
    return -1;
  }
  *ret = credential;
  return 0;
}

/* --- the child ------------------------------------------------------------------------------------------------------------------ */

static void exec_info(const struct kube_config *config, struct buffer *to) {
  buffer_printf(to, "KUBERNETES_EXEC_INFO={\"apiVersion\":\"%s\",\"kind\":\"ExecCredential\",\"spec\":{\"interactive\":false",
                config->exec->api_version);
  if (config->exec->provide_cluster_info) {
    buffer_puts(to, ",\"cluster\":{\"server\":");
    buffer_json_string(to, config->server, strlen(config->server));
    buffer_printf(to, ",\"insecure-skip-tls-verify\":%s}", config->insecure_skip_verify ? "true" : "false");
  }
  buffer_puts(to, "}}");
}

static bool overridden(const char *variable, char **by) {
  size_t n = strcspn(variable, "=") + 1;
  for (; *by; by++)
    if (!strncmp(*by, variable, n)) return true;
  return !strncmp(variable, "KUBERNETES_EXEC_INFO=", n);
}

/* Pointers into our own environment, the plugin's and INFO: the array alone is the caller's. */
static char **make_environment(const struct kube_exec *exec, char *info) {
  size_t count = 0, at = 0;
  for (char **p = environ; p && *p; p++) count++;
  for (char **p = exec->environment; *p; p++) count++;
  char **made = calloc(count + 2, sizeof *made);
  if (!made) return NULL;
  for (char **p = environ; p && *p; p++)
    if (!overridden(*p, exec->environment)) made[at++] = *p;
  for (char **p = exec->environment; *p; p++) made[at++] = *p;
  made[at] = info;
  return made;
}

static int spawn(const struct kube_exec *exec, char **environment, int out_fd, pid_t *ret) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, defaults;
  sigemptyset(&none); /* ours are blocked: they come through a descriptor */
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  int failed = posix_spawn_file_actions_init(&actions);
  if (failed) return failed;
  failed = posix_spawnattr_init(&attributes);
  if (failed) return posix_spawn_file_actions_destroy(&actions), failed;
  failed = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (!failed) failed = posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
  if (!failed) failed = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  if (!failed) failed = posix_spawnattr_setsigmask(&attributes, &none);
  if (!failed) failed = posix_spawnattr_setsigdefault(&attributes, &defaults);
  if (!failed) failed = posix_spawnp(ret, exec->command, &actions, &attributes, exec->arguments, environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return failed;
}

static int start_child(struct exec_run *run, struct error *error) {
  const struct kube_exec *exec = run->config->exec;
  _cleanup_buffer_ struct buffer info;
  buffer_init(&info, 16384);
  exec_info(run->config, &info);
  _cleanup_free_ char **environment = info.failed ? NULL : make_environment(exec, info.data);
  if (!environment) return error_oom(error);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return error_errno(error, errno, "make a pipe");
  run->out_fd = ends[0];
  int failed = spawn(exec, environment, ends[1], &run->pid);
  (void)close(ends[1]); /* the child has its own; nothing is to be done about a failed close */
  if (failed == ENOENT)
    return error_set(error, ERROR_INVALID, "the credential plugin \"%s\" is not there. %s", exec->command, exec->install_hint);
  if (failed) return error_errno(error, failed, "run the credential plugin \"%s\"", exec->command);
  (void)fcntl(run->out_fd, F_SETFL, O_NONBLOCK); /* cannot fail for an open pipe */
  run->pid_fd = pidfd_open(run->pid, 0);
  return run->pid_fd < 0 ? error_errno(error, errno, "watch the credential plugin") : 0;
}

/* --- its end -------------------------------------------------------------------------------------------------------------------- */

static void stop_reading(struct exec_run *run) {
  io_stop(&run->out_io);
  close_fdp(&run->out_fd);
}

static void reap(struct exec_run *run) {
  siginfo_t info = {0};
  io_stop(&run->pid_io);
  if (run->pid > 0 && waitid(P_PID, (id_t)run->pid, &info, WEXITED) == 0)
    run->status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
  run->pid = 0;
  close_fdp(&run->pid_fd);
}

static void run_free(struct exec_run *run) {
  timer_stop(&run->timer);
  stop_reading(run);
  buffer_done(&run->output);
  free(run);
}

void exec_run_cancel(struct exec_run *run) {
  if (!run) return;
  if (run->pid > 0) (void)kill(run->pid, SIGKILL); /* ours and not reaped: it cannot fail */
  reap(run);
  run_free(run);
}

static int outcome(const struct exec_run *run, struct exec_credential *ret, struct error *error) {
  const struct kube_exec *exec = run->config->exec;
  if (run->timed_out)
    return error_set(error, ERROR_RETRY, "the credential plugin \"%s\" took longer than %d s", exec->command, PLUGIN_TIMEOUT_MS / 1000);
  if (run->output.failed)
    return error_set(error, ERROR_RETRY, "the credential plugin \"%s\" printed more than %d bytes", exec->command, MAX_OUTPUT);
  if (run->status) return error_set(error, ERROR_RETRY, "the credential plugin \"%s\" ended with status %d", exec->command, run->status);
  if (exec_credential_decode(buffer_text(&run->output), run->output.len, exec->api_version, ret, error) == 0) return 0;
  return error_wrap(error, "the credential plugin \"%s\"", exec->command);
}

static void finish_if_ended(struct exec_run *run) {
  if (run->pid || run->out_fd >= 0) return;
  struct exec_credential credential = {0};
  struct error error = {0};
  (void)!outcome(run, &credential, &error); /* told by error.kind */
  run->on_done(run->owner, &credential, &error);
  exec_credential_done(&credential);
  run_free(run);
}

static void on_output(struct io *io, uint32_t events) {
  (void)events;
  struct exec_run *run = CONTAINER_OF(io, struct exec_run, out_io);
  char *room = buffer_reserve(&run->output, 4096);
  ssize_t n = room ? read(run->out_fd, room, 4096) : 0;
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n > 0) {
    buffer_grew(&run->output, (size_t)n);
    return;
  }
  stop_reading(run);
  finish_if_ended(run);
}

/* What it printed is read to the end; a grandchild that keeps the pipe open is not waited for. */
static void on_exit_of_child(struct io *io, uint32_t events) {
  (void)events;
  struct exec_run *run = CONTAINER_OF(io, struct exec_run, pid_io);
  reap(run);
  for (char *room; run->out_fd >= 0 && (room = buffer_reserve(&run->output, 4096));) {
    ssize_t n = read(run->out_fd, room, 4096);
    if (n <= 0) break;
    buffer_grew(&run->output, (size_t)n);
  }
  stop_reading(run);
  finish_if_ended(run);
}

static void on_timeout(struct timer *timer) {
  struct exec_run *run = CONTAINER_OF(timer, struct exec_run, timer);
  run->timed_out = true;
  (void)kill(run->pid, SIGKILL); /* its end comes through the pidfd */
}

struct exec_run *exec_run_start(struct loop *loop, const struct kube_config *config,
                                void (*on_done)(void *owner, struct exec_credential *credential, const struct error *error), void *owner,
                                struct error *error) {
  struct exec_run *run = calloc(1, sizeof *run);
  if (!run) {
    error_oom(error);
    return NULL;
  }
  *run = (struct exec_run){.loop = loop, .config = config, .on_done = on_done, .owner = owner, .pid_fd = -1, .out_fd = -1};
  buffer_init_secret(&run->output, MAX_OUTPUT);
  timer_init(&run->timer, loop, on_timeout);
  if (start_child(run, error) < 0 || io_start(&run->pid_io, loop, run->pid_fd, EPOLLIN, on_exit_of_child, error) < 0 ||
      io_start(&run->out_io, loop, run->out_fd, EPOLLIN, on_output, error) < 0 || timer_set(&run->timer, PLUGIN_TIMEOUT_MS) < 0) {
    if (error && !error->kind) error_oom(error);
    exec_run_cancel(run);
    return NULL;
  }
  return run;
}
