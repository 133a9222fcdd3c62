#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void set_message(struct error *error, enum error_kind kind, const char *format, va_list arguments) {
  error->kind = kind;
  error->after_ms = 0;
  error->cause = 0;
  (void)vsnprintf(error->message, sizeof error->message, format, arguments); /* a cut message is still a message */
}

int error_set(struct error *error, enum error_kind kind, const char *format, ...) {
  if (!error) return -1;
  va_list arguments;
  va_start(arguments, format);
  set_message(error, kind, format, arguments);
  va_end(arguments);
  return -1;
}

int error_wrap(struct error *error, const char *format, ...) {
  if (!error) return -1;
  char cause[sizeof error->message];
  memcpy(cause, error->message, sizeof cause);
  va_list arguments;
  va_start(arguments, format);
  int n = vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  if (n < 0 || (size_t)n + sizeof ": " >= sizeof error->message) return -1;
  char *rest = error->message + n;
  (void)snprintf(rest, sizeof error->message - (size_t)n, ": %.*s", (int)(sizeof error->message - (size_t)n - sizeof ": "), cause);
  return -1;
}

static enum error_kind kind_of_errno(int number) {
  switch (number) {
    case ENOENT: return ERROR_NOT_FOUND;
    case EACCES:
    case EPERM: return ERROR_FORBIDDEN;
    default: return ERROR_RETRY;
  }
}

int error_errno(struct error *error, int number, const char *format, ...) {
  if (!error) return -1;
  va_list arguments;
  va_start(arguments, format);
  set_message(error, kind_of_errno(number), format, arguments);
  va_end(arguments);
  error->cause = number;
  size_t used = strlen(error->message);
  char text[128];
  (void)snprintf(error->message + used, sizeof error->message - used, ": %s", strerror_r(number, text, sizeof text));
  return -1;
}

int error_oom(struct error *error) { return error_set(error, ERROR_RETRY, "out of memory"); }

void error_clear(struct error *error) {
  if (error) memset(error, 0, sizeof *error);
}

const char *error_kind_name(enum error_kind kind) {
  static const char *const names[] = {
      [ERROR_NONE] = "none",           [ERROR_RETRY] = "retry",         [ERROR_CONFLICT] = "conflict", [ERROR_EXISTS] = "exists",
      [ERROR_NOT_FOUND] = "not_found", [ERROR_FORBIDDEN] = "forbidden", [ERROR_INVALID] = "invalid",   [ERROR_GONE] = "gone",
      [ERROR_THROTTLED] = "throttled", [ERROR_TERMINAL] = "terminal",   [ERROR_BUG] = "bug",
  };
  return (size_t)kind < ELEMENTS(names) ? names[kind] : "bug";
}
