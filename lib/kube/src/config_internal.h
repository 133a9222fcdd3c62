/* What the configuration's own files share; the tests reach it too. */
#pragma once

#include "kube/config.h"

enum { CONFIG_MAX_FILE_BYTES = 1 << 20 };

/* The whole of a small file, NUL-terminated; the caller frees it. Trailing white space is cut where TRIM is set. */
int config_read_file(const char *path, bool trim, char **ret, struct error *error) _must_check_;

/* kubeconfig.c: FILES has colons. OPTIONAL: files that are not there are passed over as long as one is. */
int kubeconfig_load(const char *files, const char *context, bool optional, struct kube_config *config, struct error *error) _must_check_;

/* in_cluster.c: DIRECTORY holds token, ca.crt, namespace. */
int in_cluster_load(const char *host, const char *port, const char *directory, struct kube_config *config,
                    struct error *error) _must_check_;
