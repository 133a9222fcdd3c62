/* A query's rows one at a time, as they come from the database (libpq's single-row mode), so that none but the current one is held.
 *
 *     if (audit_stream(job, "SELECT …", profile, true, on_row, owner, error) < 0) ...
 */
#pragma once

#include "store/job.h"

/* ON_ROW gets each row as a result of one row, borrowed; -1 with its error ends the query. PARAMETER ($1, may be NULL) goes along where
 * HAS_PARAMETER. */
int audit_stream(struct job *job, const char *sql, const char *parameter, bool has_parameter,
                 int (*on_row)(void *owner, const PGresult *row, struct error *error), void *owner, struct error *error) _must_check_;
