/* What went wrong, in words, and what the caller should do about it.
 *
 * A function that can fail returns int (0 or -1) and takes `struct error *` last. It makes and returns the error in one line:
 *
 *     if (port < 1) return error_set(error, ERROR_INVALID, "PORT is %ld, expected 1 to 65535", port);
 *     if (connect_to(host, error) < 0) return error_wrap(error, "reach %s", host);
 *
 * Messages are sentences for people: what is wrong, where, what was expected. They never hold a secret. NULL is allowed where the
 * caller does not care. A failure is logged once, at the edge that handles it; a function logs or returns, never both.
 */
#pragma once

#include "base/cleanup.h"

#include <stdint.h>

enum error_kind {
  ERROR_NONE,
  ERROR_RETRY,    /* passing: the same call may succeed later */
  ERROR_CONFLICT, /* the world moved since it was observed: observe again */
  ERROR_EXISTS,   /* a create met an object of that name */
  ERROR_NOT_FOUND,
  ERROR_FORBIDDEN, /* credentials refused or a right missing */
  ERROR_INVALID,   /* the input is wrong and stays wrong until somebody changes it */
  ERROR_GONE,      /* a resourceVersion too old: list again */
  ERROR_THROTTLED, /* slow down: `after_ms` says for how long */
  ERROR_TERMINAL,  /* will not work in this process */
  ERROR_BUG,       /* our own mistake */
};

struct error {
  enum error_kind kind;
  int64_t after_ms; /* of ERROR_THROTTLED and ERROR_RETRY; 0: the caller's own back-off */
  int cause;        /* an errno, an HTTP status or 0 */
  char message[480];
};

/* Fills ERROR (which may be NULL) and returns -1. */
int error_set(struct error *error, enum error_kind kind, const char *format, ...) _printf_(3, 4);

/* Puts what was being done before the cause, "reach db: connection refused", keeps the kind and returns -1. */
int error_wrap(struct error *error, const char *format, ...) _printf_(2, 3);

/* "what: strerror(errno)"; the kind is ERROR_NOT_FOUND for ENOENT, ERROR_FORBIDDEN for EACCES and EPERM, else ERROR_RETRY. Returns -1. */
int error_errno(struct error *error, int number, const char *format, ...) _printf_(3, 4);

/* Out of memory is a passing failure of the one thing that was being done. Returns -1. */
int error_oom(struct error *error);

void error_clear(struct error *error);

/* The name of a kind, for logs and metrics: "not_found". */
const char *error_kind_name(enum error_kind kind);
