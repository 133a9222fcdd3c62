/* help: what there is, and what each of it takes. */
#include "command/command.h"

#include <stdio.h>
#include <string.h>

enum { HELP_MAX = 256 * 1024 };

int help_main(int argc, char **argv) {
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, HELP_MAX);
  if (argc == 2 && !strcmp(argv[1], "settings")) {
    settings_document(&text);
    (void)fputs(buffer_text(&text), stdout);
    return COMMAND_DONE;
  }
  for (const struct command *c = commands; argc == 2 && c->name; c++)
    if (!strcmp(c->name, argv[1])) return (void)printf("supernova-server %s %s\n\n%s\n", c->name, c->arguments, c->help), COMMAND_DONE;
  (void)puts("supernova-server COMMAND [OPTIONS]\n");
  for (const struct command *c = commands; c->name; c++) (void)printf("  %-10s %s\n", c->name, c->summary);
  (void)puts("\nsupernova-server COMMAND --help tells more; supernova-server help settings lists the environment variables.");
  return argc == 2 ? COMMAND_USAGE : COMMAND_DONE;
}
