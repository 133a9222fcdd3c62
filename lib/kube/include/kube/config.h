/* Where the API server is and who we are to it: from a kubeconfig, or from the pod that we run in.
 *
 *     _cleanup_(kube_config_freep) struct kube_config *config = kube_config_load(&(struct kube_config_source){0}, &error);
 *     struct kube_client *client = kube_client_new(loop, config, &(struct kube_client_options){.user_agent = "me/1"}, &error);
 *
 * Looked for in this order: the given list, $KUBECONFIG, the pod's service account, ~/.kube/config. A list has colons; of several files the
 * first that says something wins, as with kubectl. What the files say wrongly is an ERROR_INVALID sentence with file, place and what was
 * expected; what we don't support (auth-provider, basic auth, impersonation) is refused, not ignored.
 * Read once: certificates and authorities in files are taken as they are at that moment; a tokenFile is read again by the client.
 */
#pragma once

#include "base/error.h"
#include "codec/json.h"

#include <stdbool.h>

/* A credential plugin (client.authentication.k8s.io/v1 and v1beta1, ExecCredential). */
struct kube_exec {
  char *api_version, *command, *install_hint;
  char **arguments;   /* argv, with the command first; NULL at the end */
  char **environment; /* "NAME=value" over our own; NULL at the end */
  bool provide_cluster_info;
};

struct kube_config {
  char *context;                 /* NULL in a pod */
  char *server;                  /* "https://10.0.0.1:6443", without a slash at the end */
  char *namespace;               /* of the context or of the pod; "default" where nothing says */
  char *ca_pem;                  /* NULL: the system's authorities */
  char *tls_server_name, *proxy; /* NULL: none said */
  bool insecure_skip_verify;
  char *certificate_pem, *key_pem;
  char *token, *token_file; /* the file wins */
  struct kube_exec *exec;
};

struct kube_config_source {
  const char *files;   /* --kubeconfig; NULL: look as told above */
  const char *context; /* --context; NULL: current-context */
};

struct kube_config *kube_config_load(const struct kube_config_source *source, struct error *error);
void kube_config_free(struct kube_config *config); /* cleanses keys and tokens; accepts NULL */

DEFINE_CLEANUP(struct kube_config, kube_config_freep, kube_config_free)
