/* What the subcommands `migrate` and `seed` share: a plain, blocking connection, the lock that keeps two of them apart, SQL run with the line
 * of its failure, and the outcome as exit status and termination message. */
#pragma once

#include "base/error.h"
#include "store/schema.h"
#include "store/sql_files.h"

#include <libpq-fe.h>

enum { JOB_DONE = 0, JOB_USAGE = 64, JOB_NEVER = 65, JOB_AGAIN = 75 };
enum { JOB_LOCK_WAIT_MS = 60000 };

/* Where a job failed; zeroed: nowhere in particular. */
struct job_place {
  const char *file;
  int line; /* 0: not known */
};

/* Connects to DATABASE_URL, and checks that it is PostgreSQL 15 or newer with the encoding UTF8. Failing to connect is ERROR_RETRY (a password may be in the
 * middle of its rotation), a wrong URL or version is not. The caller closes with job_disconnect. */
int job_connect(PGconn **ret, struct error *error) _must_check_;
void job_disconnect(PGconn **conn);

/* Tries for JOB_LOCK_WAIT_MS, then ERROR_RETRY. The lock goes with the connection. */
int job_lock(PGconn *conn, struct error *error) _must_check_;

/* Runs one statement, or several without parameters. RET may be NULL, else the caller PQclears it. */
int job_run(PGconn *conn, const char *sql, int count, const char *const *values, PGresult **ret, struct error *error) _must_check_;

/* Runs the statements of FILE one after the other; PLACE says where it failed. */
int job_run_file(PGconn *conn, const struct sql_file *file, struct job_place *place, struct error *error) _must_check_;

/* Logs the failure, leaves the termination message and returns the exit status. */
int job_failed(const char *what, const struct error *error, struct job_place place);

/* Overwrites the file named by TERMINATION_LOG, else /dev/termination-log; does nothing where it can't. */
void job_leave_message(const char *json);

/* ERROR_INVALID unless the database's schema fits IMAGE. */
int job_check_schema(PGconn *conn, struct schema_image image, struct error *error) _must_check_;
