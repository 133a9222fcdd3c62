/* The subcommand `migrate`: brings a database's schema up to what this binary holds.
 *
 *     supernova-server migrate [up | status | --dry-run] [--to N]
 *
 * Reads DATABASE_URL. One file after the other, in one transaction each together with its row in schema_migration (a file marked
 * `-- no-transaction` outside of one); files whose SHA-256 differs from what was applied, or that came late into the middle, are refused.
 * A lock of the database (pg_advisory_lock, tried for at most 60 s) keeps two of these apart; the second finds nothing to do.
 * Progress goes to the log, the outcome also into the termination message (TERMINATION_LOG, else /dev/termination-log; where that file
 * can't be written, nowhere):
 *     {"schemaVersion":2,"servesFrom":1,"applied":[1,2],"accepts":[1,2]}       {"error":"…","file":"0002_x.sql","line":7}
 *
 * Blocks: it is a process of its own, and uses libpq's plain calls.
 */
#pragma once

#include "store/sql_files.h"

/* ARGV[0] is "migrate". Returns the exit status: 0 done, 75 try again, 65 never, 64 where the arguments are not understood. */
int migrate_main(int argc, char **argv);

/* The same with other files than those in the binary. */
int migrate_files(const struct sql_file *files, size_t count, int argc, char **argv);
