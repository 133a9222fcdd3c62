/* The subcommands: one row each in main.c's table.
 *
 * Exit status: 0 done, 1 failed, 2 not understood; migrate and seed say more (store/migrate.h).
 */
#pragma once

#include "base/error.h"
#include "settings/settings.h"

enum { COMMAND_DONE = 0, COMMAND_FAILED = 1, COMMAND_USAGE = 2 };

struct command {
  const char *name, *arguments, *summary, *help;
  int (*run)(int argc, char **argv); /* argv[0] is the command's name */
};

extern const struct command commands[]; /* ends with a name of NULL */

int serve_main(int argc, char **argv);
int gen_jwks_main(int argc, char **argv);
int mint_jwt_main(int argc, char **argv);
int health_main(int argc, char **argv);
int audit_main(int argc, char **argv);
int openapi_main(int argc, char **argv);
int version_main(int argc, char **argv);
int help_main(int argc, char **argv);

/* "--ttl 60" and "--ttl=60": the options of NAMES, NULL-terminated, into VALUES (untouched where not given). What can't be understood is
 * printed to standard error with the command's usage; then -1. */
int command_options(int argc, char **argv, const char *const *names, const char **values) _must_check_;

/* Reads the environment; what is wrong is printed to standard error. */
int command_settings(enum settings_for what, struct settings *ret) _must_check_;

/* "supernova-server WHAT: message" to standard error; returns COMMAND_FAILED. */
int command_failed(const char *what, const struct error *error);
