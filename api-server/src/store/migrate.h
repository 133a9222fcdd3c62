/* The subcommand `migrate`: brings a database's schema up to what this binary holds.
 *
 *     supernova-server migrate [up] [--to N]                                 apply what the database doesn't have yet, or no further than N
 *     supernova-server migrate --dry-run [--to N] [--output text|json]       say what `up` would apply, or why it would refuse; touch nothing
 *     supernova-server migrate status [--output text|json]                   each migration and its state (store/migrate_status.h)
 *
 * Reads DATABASE_URL, DATABASE_POOLER and DATABASE_DIRECT_URL. One file after the other, in one transaction each together with its row in
 * schema_migration (a file marked `-- no-transaction` outside of one: see store/migration.h); files whose SHA-256 differs from what was
 * applied, or that came late into the middle, are refused. Only forward: there is no way back but a new migration. A lock of the database
 * (store/job.h, tried for at most 60 s) keeps two of these apart; the second finds nothing to do.
 *
 * A database that is newer than this image is left as it is: 0 where it still serves this image (schema_fits), else 65.
 * Progress goes to the log, the outcome also into the termination message (TERMINATION_LOG, else /dev/termination-log; where that file
 * can't be written, nowhere):
 *     {"schemaVersion":2,"servesFrom":1,"applied":[1,2],"accepts":[1,2]}
 *     {"error":"…","file":"0002_x.sql","line":7,"schemaVersion":1,"servesFrom":1,"accepts":[1,2]}       the last three: what it left, once it was read
 *
 * Blocks: it is a process of its own, and uses libpq's plain calls.
 */
#pragma once

#include "store/job.h"
#include "store/sql_files.h"

/* ARGV[0] is "migrate". Returns the exit status: 0 done, 75 try again, 65 never, 64 where the arguments are not understood. */
int migrate_main(int argc, char **argv);

/* The same with other files than those in the binary. */
int migrate_files(const struct sql_file *files, size_t count, int argc, char **argv);

/* What the database has, and how many files `up` would apply; fails where it would refuse. */
int migrate_review(struct job *job, struct schema_database *ret, size_t *ret_pending, struct error *error) _must_check_;
