/* A pod's own service account (Kubernetes: "Accessing the API from a Pod"). */
#include "config_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int file_in(const char *directory, const char *name, char **ret, struct error *error) {
  return asprintf(ret, "%s/%s", directory, name) < 0 ? (*ret = NULL, error_oom(error)) : 0;
}

int in_cluster_load(const char *host, const char *port, const char *directory, struct kube_config *config, struct error *error) {
  bool ipv6 = strchr(host, ':');
  if (asprintf(&config->server, "https://%s%s%s:%s", ipv6 ? "[" : "", host, ipv6 ? "]" : "", port) < 0) {
    config->server = NULL;
    return error_oom(error);
  }
  _cleanup_free_ char *ca = NULL, *namespace = NULL;
  if (file_in(directory, "token", &config->token_file, error) < 0 || file_in(directory, "ca.crt", &ca, error) < 0 ||
      file_in(directory, "namespace", &namespace, error) < 0)
    return -1;
  if (config_read_file(config->token_file, true, &config->token, error) < 0 || config_read_file(ca, false, &config->ca_pem, error) < 0)
    return error_wrap(error, "use the pod's service account (is automountServiceAccountToken off?)");
  if (config_read_file(namespace, true, &config->namespace, NULL) == 0) return 0;
  config->namespace = strdup("default");
  return config->namespace ? 0 : error_oom(error);
}
