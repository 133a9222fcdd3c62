#include "store/sqlstate.h"

#include <criterion/criterion.h>

Test(sqlstate, kinds) {
  static const struct {
    const char *state;
    enum error_kind kind;
  } rows[] = {{NULL, ERROR_RETRY},      {"08006", ERROR_RETRY},     {"40001", ERROR_RETRY},     {"40P01", ERROR_RETRY},
              {"53300", ERROR_RETRY},   {"55P03", ERROR_RETRY},     {"57014", ERROR_RETRY},     {"57P01", ERROR_RETRY},
              {"25006", ERROR_RETRY},   {"42P01", ERROR_NOT_FOUND}, {"42883", ERROR_NOT_FOUND}, {"42501", ERROR_FORBIDDEN},
              {"22007", ERROR_INVALID}, {"23514", ERROR_INVALID},   {"42601", ERROR_BUG},       {"XX000", ERROR_BUG},
              {"55000", ERROR_BUG}};
  for (size_t i = 0; i < ELEMENTS(rows); i++) cr_expect_eq(sqlstate_kind(rows[i].state), rows[i].kind, "%s", rows[i].state);
  cr_expect(sqlstate_is_repeatable("40001"));
  cr_expect_not(sqlstate_is_repeatable("57014"));
  cr_expect_not(sqlstate_is_repeatable(NULL));
}

Test(sqlstate, reasons_of_failed_connections) {
  static const struct {
    const char *message;
    enum dependency_reason reason;
  } rows[] = {
      {"connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n\tIs the server running", DEPENDENCY_REFUSED},
      {"connection to server failed: FATAL:  28P01: password authentication failed for user \"u\"\n", DEPENDENCY_AUTH},
      {"connection to server failed: fe_sendauth: no password supplied\n", DEPENDENCY_AUTH},
      {"connection to server failed: FATAL:  53300: sorry, too many clients already\n", DEPENDENCY_REFUSED},
      {"connection to server failed: FATAL:  57P03: the database system is starting up\n", DEPENDENCY_REFUSED},
      {"server does not support SSL, but SSL was required\n", DEPENDENCY_TLS},
      {"SSL error: certificate verify failed\n", DEPENDENCY_TLS},
      {"connection failed: Connection timed out\n", DEPENDENCY_TIMEOUT},
      {"connection failed: No route to host\n", DEPENDENCY_UNREACHABLE},
      {"expected authentication request from server, but received H\n", DEPENDENCY_UNREACHABLE},
      {"", DEPENDENCY_UNREACHABLE},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) cr_expect_eq(connect_failure_reason(rows[i].message), rows[i].reason, "%s", rows[i].message);
}

Test(sqlstate, first_lines) {
  char line[6];
  first_line("one\ntwo", line, sizeof line);
  cr_expect_str_eq(line, "one");
  first_line("longer\n", line, sizeof line);
  cr_expect_str_eq(line, "longe");
}
