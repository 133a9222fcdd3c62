/* supernova-operator: parse, wire, run, drain. */
#include "runtime/manager.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>

enum { EXIT_USAGE = 2, HELP_MAX_BYTES = 16 * 1024 };

static int print_help(void) {
  struct buffer text;
  buffer_init(&text, HELP_MAX_BYTES);
  settings_help(&text);
  (void)fputs(buffer_text(&text), stdout);
  buffer_done(&text);
  return 0;
}

static int run(const struct settings *settings) {
  struct error error = {0};
  struct manager *manager = NULL;
  struct loop *loop = loop_new(&error);
  if (loop) manager = manager_new(loop, settings, &error);
  int status = manager && loop_run(loop, &error) == 0 ? manager_exit_status(manager) : 1;
  if (error.kind) log_fatal("the operator cannot go on", log_err(&error));
  manager_free(manager);
  loop_free(loop);
  return status;
}

int main(int argc, char **argv) {
  struct settings settings;
  struct error error = {0};
  if (settings_read(&settings, argc, argv, &error) < 0) {
    (void)fprintf(stderr, "supernova-operator: %s\n", error.message);
    return EXIT_USAGE;
  }
  int status = 0;
  if (settings.show_help) {
    status = print_help();
  } else if (settings.show_version) {
    (void)puts(SUPERNOVA_VERSION);
  } else {
    log_set_level(settings.log_level);
    (void)signal(SIGPIPE, SIG_IGN); /* a peer that has gone is an answer of write(2), not the end */
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    status = run(&settings);
    curl_global_cleanup();
  }
  settings_done(&settings);
  return status;
}
