#include "command/command.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>

/* main.c has the program's */
const struct command commands[] = {{.name = "mend", .arguments = "--what X", .summary = "Mends.", .help = "At length."}, {0}};

Test(help, of_one, .init = cr_redirect_stdout) {
  cr_expect_eq(help_main(2, (char *[]){"help", "mend"}), COMMAND_DONE);
  (void)fflush(stdout);
  cr_assert_stdout_eq_str("supernova-server mend --what X\n\nAt length.\n");
}

static const char list[] =
    "supernova-server COMMAND [OPTIONS]\n\n  mend       Mends.\n\n"
    "supernova-server COMMAND --help tells more; supernova-server help settings lists the environment variables.\n";

Test(help, of_all, .init = cr_redirect_stdout) {
  cr_expect_eq(help_main(1, (char *[]){"help"}), COMMAND_DONE);
  (void)fflush(stdout);
  cr_assert_stdout_eq_str(list);
}

Test(help, of_what_there_is_not, .init = cr_redirect_stdout) {
  cr_expect_eq(help_main(2, (char *[]){"help", "rend"}), COMMAND_USAGE);
  (void)fflush(stdout);
  cr_assert_stdout_eq_str(list);
}
