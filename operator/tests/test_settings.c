#include "runtime/settings.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct settings settings;
static struct error error;

static const char *const variables[] = {"WATCH_NAMESPACES", "SERVER_IMAGE",           "LOG_LEVEL", "METRICS_PORT",  "PROBE_PORT",
                                        "MAX_IN_FLIGHT",    "LEASE_DURATION_SECONDS", "POD_NAME",  "POD_NAMESPACE", "KUBECONFIG"};

static void begin(void) {
  for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) unsetenv(variables[i]);
}
static void end(void) { settings_done(&settings); }

TestSuite(settings, .init = begin, .fini = end);

/* ARGUMENTS: by spaces. */
static int with(const char *arguments) {
  char text[256], *argv[16] = {"supernova-operator"};
  int argc = 1;
  (void)snprintf(text, sizeof text, "%s", arguments);
  for (char *rest = NULL, *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) argv[argc++] = word;
  return settings_read(&settings, argc, argv, &error);
}

Test(settings, defaults) {
  cr_assert_eq(with(""), 0, "%s", error.message);
  cr_assert_null(settings.namespaces[0], "all namespaces");
  cr_assert_eq(settings.metrics_port, 8080);
  cr_assert_eq(settings.probe_port, 8081);
  cr_assert_eq(settings.lease_duration_s, 15);
  cr_assert_eq(settings.log_level, LOG_INFO);
  cr_assert_str_eq(settings.own_namespace, "supernova-system");
}

Test(settings, a_flag_beats_a_variable_and_an_empty_variable_is_none) {
  setenv("METRICS_PORT", "1", 1);
  setenv("PROBE_PORT", "", 1);
  setenv("WATCH_NAMESPACES", "shop,supernova", 1);
  cr_assert_eq(with("--metrics-port=2 --log-level debug"), 0, "%s", error.message);
  cr_assert_eq(settings.metrics_port, 2);
  cr_assert_eq(settings.probe_port, 8081);
  cr_assert_eq(settings.log_level, LOG_DEBUG);
  cr_assert_str_eq(settings.namespaces[0], "shop");
  cr_assert_str_eq(settings.namespaces[1], "supernova");
  cr_assert_null(settings.namespaces[2]);
}

Test(settings, each_process_has_an_identity_of_its_own) {
  setenv("POD_NAME", "operator-1", 1);
  cr_assert_eq(with(""), 0);
  char *first = strdup(settings.identity);
  settings_done(&settings);
  cr_assert_eq(with(""), 0);
  cr_assert(!strncmp(first, "operator-1_", 11));
  cr_assert_str_neq(first, settings.identity);
  free(first);
}

Test(settings, what_is_wrong_is_named_and_nothing_is_left) {
  static const struct {
    const char *arguments, *says;
  } rows[] = {
      {"--metrics-port=x", "METRICS_PORT is \"x\", expected a whole number from 0 to 65535"},
      {"--metrics-port=65536", "METRICS_PORT"},
      {"--metrics-port=", "METRICS_PORT is \"\""},
      {"--lease-duration-seconds=2", "LEASE_DURATION_SECONDS"},
      {"--log-level=loud", "LOG_LEVEL is \"loud\", expected trace"},
      {"--watch-namespaces=a,,b", "WATCH_NAMESPACES"},
      {"--watch-namespaces=Shop", "WATCH_NAMESPACES has \"Shop\""},
      {"--watch-namespaces=-a", "WATCH_NAMESPACES"},
      {"--watch_namespaces=a", "there is no flag --watch_namespaces"},
      {"--metrics-por=1", "there is no flag --metrics-por"},
      {"--probe-port", "--probe-port needs a value"},
      {"run", "\"run\" is not a flag"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    cr_assert_eq(with(rows[i].arguments), -1, "%s", rows[i].arguments);
    cr_assert(strstr(error.message, rows[i].says), "%s: %s", rows[i].arguments, error.message);
    cr_assert_null(settings.identity);
  }
}

Test(settings, help_and_version_are_asked_for_by_flags) {
  cr_assert_eq(with("--help --version"), 0);
  cr_assert(settings.show_help && settings.show_version);
  struct buffer text;
  buffer_init(&text, 16 * 1024);
  settings_help(&text);
  for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
    cr_assert(strstr(buffer_text(&text), variables[i]), "%s is not explained", variables[i]);
  cr_assert(strstr(buffer_text(&text), "--lease-duration-seconds"));
  buffer_done(&text);
}
