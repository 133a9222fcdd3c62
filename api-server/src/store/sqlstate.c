#include "store/sqlstate.h"

#include <stdio.h>
#include <string.h>

/* The longest prefix first where two would match. */
static const struct {
  const char *prefix;
  enum error_kind kind;
} kinds[] = {
    {"08", ERROR_RETRY},     {"25006", ERROR_RETRY},     {"40", ERROR_RETRY},        {"53", ERROR_RETRY},        {"55P03", ERROR_RETRY},
    {"57", ERROR_RETRY},     {"58", ERROR_RETRY},        {"42P01", ERROR_NOT_FOUND}, {"42703", ERROR_NOT_FOUND}, {"42883", ERROR_NOT_FOUND},
    {"3F", ERROR_NOT_FOUND}, {"42501", ERROR_FORBIDDEN}, {"28", ERROR_FORBIDDEN},    {"22", ERROR_INVALID},      {"23", ERROR_INVALID},
};

enum error_kind sqlstate_kind(const char *sqlstate) {
  if (!sqlstate) return ERROR_RETRY;
  for (size_t i = 0; i < ELEMENTS(kinds); i++)
    if (strncmp(sqlstate, kinds[i].prefix, strlen(kinds[i].prefix)) == 0) return kinds[i].kind;
  return ERROR_BUG;
}

bool sqlstate_is_repeatable(const char *sqlstate) {
  return sqlstate && (strcmp(sqlstate, "40001") == 0 || strcmp(sqlstate, "40P01") == 0 || strcmp(sqlstate, "0A000") == 0 ||
                      strcmp(sqlstate, "26000") == 0);
}

static const struct {
  const char *words;
  enum dependency_reason reason;
} reasons[] = {
    {"expected authentication request", DEPENDENCY_UNREACHABLE},
    {"FATAL:  28", DEPENDENCY_AUTH},
    {"FATAL:  ", DEPENDENCY_REFUSED},
    {"Connection refused", DEPENDENCY_REFUSED},
    {"timeout expired", DEPENDENCY_TIMEOUT},
    {"timed out", DEPENDENCY_TIMEOUT},
    {"certificate", DEPENDENCY_TLS},
    {"SSL", DEPENDENCY_TLS},
    {"no password supplied", DEPENDENCY_AUTH},
    {"authentication", DEPENDENCY_AUTH},
};

enum dependency_reason connect_failure_reason(const char *message) {
  for (size_t i = 0; i < ELEMENTS(reasons); i++)
    if (strstr(message, reasons[i].words)) return reasons[i].reason;
  return DEPENDENCY_UNREACHABLE;
}

void first_line(const char *message, char *to, size_t size) { (void)snprintf(to, size, "%.*s", (int)strcspn(message, "\n"), message); }
