/* What the subcommands `migrate` and `seed` share: a plain, blocking connection, the lock that keeps two of them apart, SQL run with the line
 * of its failure, and the outcome as exit status and termination message.
 *
 *     struct job job = {0};
 *     if (job_connect(&job, &error) < 0 || job_lock(&job, &error) < 0) ...
 *     if (job_begin(&job, &error) < 0 || job_run_file(&job, file, &place, &error) < 0 || job_commit(&job, &error) < 0) ...
 *     job_disconnect(&job);                                                      // rolls back what is open, gives the lock back
 *
 * The lock is the database's own (an advisory one, held by a session). Behind PgBouncer there is no session to hold it or to be set up: where
 * DATABASE_DIRECT_URL leads past it that is taken, else each transaction takes the lock and brings its settings along, so what was read before
 * it must be read again within.
 */
#pragma once

#include "base/error.h"
#include "store/schema.h"
#include "store/sql_files.h"

#include <libpq-fe.h>
#include <stdbool.h>

enum { JOB_DONE = 0, JOB_USAGE = 64, JOB_NEVER = 65, JOB_AGAIN = 75 };
enum { JOB_LOCK_WAIT_MS = 60000 };

struct job {
  PGconn *conn;
  bool pooled; /* behind PgBouncer */
};

/* Where a job failed; zeroed: nowhere in particular. */
struct job_place {
  const char *file;
  int line; /* 0: not known */
};

/* Reads the settings, connects, and checks that it is PostgreSQL 15 or newer with the encoding UTF8. Failing to connect is ERROR_RETRY (a
 * password may be in the middle of its rotation), a wrong setting or version is not. The caller closes with job_disconnect, also after a failure. */
int job_connect(struct job *ret, struct error *error) _must_check_;

/* The same with settings that were read already: to DATABASE_URL, or, DIRECT, to DATABASE_DIRECT_URL. */
struct settings;
int job_open(struct job *ret, const struct settings *settings, bool direct, struct error *error) _must_check_;
void job_disconnect(struct job *job);

/* Tries for JOB_LOCK_WAIT_MS and logs who holds it, then ERROR_RETRY. Behind a pooler it does nothing: job_begin does. */
int job_lock(struct job *job, struct error *error) _must_check_;

/* A transaction; behind a pooler with the lock, waited for as above. */
int job_begin(struct job *job, struct error *error) _must_check_;
int job_commit(struct job *job, struct error *error) _must_check_;

/* Runs one statement. RET may be NULL, else the caller PQclears it. */
int job_run(struct job *job, const char *sql, int count, const char *const *values, PGresult **ret, struct error *error) _must_check_;

/* Runs the statements of FILE one after the other; PLACE says where it failed. BEFORE, unless NULL, is called before each of them. */
struct sql_statement;
typedef int (*job_before)(struct job *job, const struct sql_statement *statement, struct error *error);
int job_run_file(struct job *job, const struct sql_file *file, job_before before, struct job_place *place,
                 struct error *error) _must_check_;

/* What schema_migration says; {0, 0} where it isn't there. */
int job_read_schema(struct job *job, struct schema_database *ret, struct error *error) _must_check_;

/* ERROR_INVALID unless the database's schema fits IMAGE. */
int job_check_schema(struct job *job, struct schema_image image, struct error *error) _must_check_;

/* Logs the failure, leaves the termination message and returns the exit status. MEMBERS: what else the message says, as JSON members with a comma before
 * each; "": nothing. */
int job_failed(const char *what, const struct error *error, struct job_place place, const char *members);

/* Overwrites the file named by TERMINATION_LOG, else /dev/termination-log; does nothing where it can't. */
void job_leave_message(const char *json);
