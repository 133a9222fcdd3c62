/* What PostgreSQL's five-character error codes mean to us (PostgreSQL 15, appendix A). */
#pragma once

#include "base/error.h"
#include "store/dependency.h"

#include <stdbool.h>
#include <stddef.h>

/* ERROR_RETRY: passing (connection, serialization, deadlock, lock or statement time-out, resources, shutdown, read-only standby).
 * ERROR_NOT_FOUND: a table, column or function isn't there. ERROR_FORBIDDEN, ERROR_INVALID (a value), else ERROR_BUG. NULL: ERROR_RETRY. */
enum error_kind sqlstate_kind(const char *sqlstate);

/* Surely not applied, and likely to work if sent at once again: serialization failure, deadlock, a prepared statement that is gone or whose result has
 * changed with a migration. */
bool sqlstate_is_repeatable(const char *sqlstate);

/* Why a connection failed, from libpq's message at verbosity PQERRORS_VERBOSE ("FATAL:  28P01: password …") and from its own words. */
enum dependency_reason connect_failure_reason(const char *message);

/* The first line of a libpq message into TO, without its newline. */
void first_line(const char *message, char *to, size_t size);
