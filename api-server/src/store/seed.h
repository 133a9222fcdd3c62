/* The subcommand `seed`: runs the seeds in this binary, in the order of their names, each in a transaction. They are idempotent: written so
 * that a second run changes nothing. Same lock, messages and exit statuses as `migrate`; needs a schema that fits this image. */
#pragma once

int seed_main(int argc, char **argv);
