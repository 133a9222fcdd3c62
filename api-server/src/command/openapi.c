#include "openapi/document.h"

#include "command/command.h"
#include "routes/routes.h"

#include <stdio.h>

int openapi_main(int argc, char **argv) {
  _cleanup_buffer_ struct buffer text;
  struct settings settings;
  struct error error = {0};
  buffer_init(&text, OPENAPI_MAX);
  if (command_options(argc, argv, (const char *const[]){NULL}, NULL) < 0) return COMMAND_USAGE;
  if (command_settings(SETTINGS_TOOL, &settings) < 0) return COMMAND_FAILED;
  if (openapi_write(routes, &settings, &text, &error) < 0) return command_failed(argv[0], &error);
  return puts(buffer_text(&text)) < 0 || fflush(stdout) ? COMMAND_FAILED : COMMAND_DONE;
}
