#include "config_internal.h"

#include "base/buffer.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

int config_read_file(const char *path, bool trim, char **ret, struct error *error) {
  _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return error_errno(error, errno, "read %s", path);
  _cleanup_buffer_ struct buffer text;
  buffer_init_secret(&text, CONFIG_MAX_FILE_BYTES);
  for (;;) {
    char *room = buffer_reserve(&text, 4096);
    if (!room) return error_set(error, ERROR_INVALID, "read %s: larger than %d bytes", path, CONFIG_MAX_FILE_BYTES);
    ssize_t n = read(fd, room, 4096);
    if (n < 0) return error_errno(error, errno, "read %s", path);
    if (n == 0) break;
    buffer_grew(&text, (size_t)n);
  }
  while (trim && text.len && isspace((unsigned char)text.data[text.len - 1])) text.data[--text.len] = '\0';
  char *taken = buffer_take(&text);
  if (!taken) return error_oom(error);
  *ret = taken;
  return 0;
}

static void free_secret(char *text) {
  if (text) explicit_bzero(text, strlen(text));
  free(text);
}

static void free_list(char **list) {
  for (char **at = list; at && *at; at++) free_secret(*at);
  free(list);
}

static void exec_free(struct kube_exec *exec) {
  if (!exec) return;
  free(exec->api_version);
  free(exec->command);
  free(exec->install_hint);
  free_list(exec->arguments);
  free_list(exec->environment);
  free(exec);
}

void kube_config_free(struct kube_config *config) {
  if (!config) return;
  free(config->context);
  free(config->server);
  free(config->namespace);
  free(config->ca_pem);
  free(config->tls_server_name);
  free_secret(config->proxy);
  free(config->certificate_pem);
  free_secret(config->key_pem);
  free_secret(config->token);
  free(config->token_file);
  exec_free(config->exec);
  free(config);
}

static const char *set_variable(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

static int load_home(const struct kube_config_source *source, struct kube_config *config, struct error *error) {
  const char *home = set_variable("HOME");
  _cleanup_free_ char *path = NULL;
  if (!home) return error_set(error, ERROR_INVALID, "no kubeconfig: set KUBECONFIG (or HOME, or run in a pod with a service account)");
  if (asprintf(&path, "%s/.kube/config", home) < 0) return path = NULL, error_oom(error);
  return kubeconfig_load(path, source->context, false, config, error);
}

static int load(const struct kube_config_source *source, struct kube_config *config, struct error *error) {
  const char *listed = set_variable("KUBECONFIG");
  const char *host = set_variable("KUBERNETES_SERVICE_HOST"), *port = set_variable("KUBERNETES_SERVICE_PORT");
  if (source->files) return kubeconfig_load(source->files, source->context, false, config, error);
  if (listed) return kubeconfig_load(listed, source->context, true, config, error);
  if (host && port && !source->context) return in_cluster_load(host, port, SERVICE_ACCOUNT, config, error);
  return load_home(source, config, error);
}

struct kube_config *kube_config_load(const struct kube_config_source *source, struct error *error) {
  _cleanup_(kube_config_freep) struct kube_config *config = calloc(1, sizeof *config);
  if (!config) {
    error_oom(error);
    return NULL;
  }
  if (load(source, config, error) < 0) return NULL;
  return TAKE(config);
}
