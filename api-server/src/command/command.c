#include "command/command.h"

#include <stdio.h>
#include <string.h>

enum { FAULTS_MAX = 64 * 1024 };

static int usage(const char *command, const char *problem, const char *argument) {
  (void)fprintf(stderr, "supernova-server %s: %s%s\n", command, problem, argument);
  (void)fprintf(stderr, "Try: supernova-server %s --help\n", command);
  return -1;
}

static int find_option(const char *const *names, const char *text, size_t n) {
  for (int i = 0; names[i]; i++)
    if (strlen(names[i]) == n && !memcmp(names[i], text, n)) return i;
  return -1;
}

int command_options(int argc, char **argv, const char *const *names, const char **values) {
  for (int i = 1; i < argc; i++) {
    size_t n = strcspn(argv[i], "=");
    int at = strncmp(argv[i], "--", 2) ? -1 : find_option(names, argv[i] + 2, n - 2);
    if (at < 0) return usage(argv[0], "not an option here: ", argv[i]);
    if (argv[i][n] == '=') {
      values[at] = argv[i] + n + 1;
    } else if (i + 1 < argc) {
      values[at] = argv[++i];
    } else {
      return usage(argv[0], "a value is missing after ", argv[i]);
    }
  }
  return 0;
}

int command_settings(enum settings_for what, struct settings *ret) {
  _cleanup_buffer_ struct buffer faults;
  buffer_init(&faults, FAULTS_MAX);
  if (settings_load(ret, what, &faults) == 0) {
    log_set_level((enum log_level)ret->log_level);
    return 0;
  }
  (void)fprintf(stderr, "supernova-server: %s.\n", buffer_text(&faults));
  return -1;
}

int command_failed(const char *what, const struct error *error) {
  (void)fprintf(stderr, "supernova-server %s: %s\n", what, error->message);
  return COMMAND_FAILED;
}
