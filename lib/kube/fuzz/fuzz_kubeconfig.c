/* A kubeconfig that is taken says where the API server is, and who we are to it by whole pairs; one that isn't is refused with a sentence. */
#include "../src/config_internal.h"
#include "testing/fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A file without a name, so that runs side by side don't meet. Standard input is nothing: a kubeconfig may name it. */
static const char *write_file(const uint8_t *data, size_t n) {
  static int fd = -1;
  static char path[64];
  if (fd < 0) {
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    demand(nothing >= 0 && dup2(nothing, STDIN_FILENO) == STDIN_FILENO && close(nothing) == 0);
    fd = memfd_create("kubeconfig", MFD_CLOEXEC);
    demand(fd >= 0);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  }
  demand(ftruncate(fd, 0) == 0 && pwrite(fd, data, n, 0) == (ssize_t)n);
  return path;
}

static void check_exec(const struct kube_exec *exec) {
  demand(exec->api_version && *exec->command && exec->install_hint && exec->arguments && !strcmp(exec->arguments[0], exec->command));
  for (char **variable = exec->environment; *variable; variable++) demand(strchr(*variable, '='));
}

static void check(const struct kube_config *config) {
  demand(config->context && config->server && config->namespace);
  const char *host = strstr(config->server, "://");
  demand(host && (host == config->server + 4 || host == config->server + 5) && host[3] && host[3] != '/');
  demand(config->server[strlen(config->server) - 1] != '/');
  demand(!config->certificate_pem == !config->key_pem);
  demand(!config->insecure_skip_verify || !config->ca_pem);
  if (config->exec) check_exec(config->exec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  const char *path = write_file(data, n);
  struct error error = {0};
  struct kube_config *config = kube_config_load(&(struct kube_config_source){.files = path}, &error);
  if (config)
    check(config);
  else
    demand(error.kind != ERROR_NONE && *error.message);
  kube_config_free(config);
  return 0;
}
