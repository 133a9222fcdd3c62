/* The operator's own settings: environment variables, and flags of the same names that win (--watch-namespaces, --log-level …).
 *
 *     struct settings settings;
 *     if (settings_read(&settings, argc, argv, &error) < 0) ...      "LOG_LEVEL is \"loud\", expected trace, debug, info, warn, error or fatal"
 *     settings_done(&settings);
 */
#pragma once

#include "base/buffer.h"
#include "base/log.h"
#include "verify/prober.h"

struct settings {
  char **namespaces; /* ends with NULL; empty: all */
  char *server_image, *pagerduty_url, *identity, *own_namespace, *kubeconfig;
  enum log_level log_level;
  enum pod_access pod_access;
  int64_t metrics_port, probe_port, max_in_flight, lease_duration_s, discovery_s;
  bool show_help, show_version;
};

int settings_read(struct settings *ret, int argc, char **argv, struct error *error) _must_check_;
void settings_done(struct settings *settings);

/* What --help prints: every setting with its flag, variable, default and meaning. */
void settings_help(struct buffer *to);
