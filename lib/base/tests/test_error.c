#include "base/error.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(error, set_makes_and_returns_in_one_line) {
  struct error error = {.kind = ERROR_RETRY, .after_ms = 7, .cause = 7};
  cr_expect_eq(error_set(&error, ERROR_INVALID, "PORT is %d", 0), -1);
  cr_expect_eq(error.kind, ERROR_INVALID);
  cr_expect_eq(error.after_ms, 0);
  cr_expect_eq(error.cause, 0);
  cr_expect_str_eq(error.message, "PORT is 0");
}

Test(error, null_is_allowed_everywhere) {
  cr_expect_eq(error_set(NULL, ERROR_BUG, "x"), -1);
  cr_expect_eq(error_wrap(NULL, "x"), -1);
  cr_expect_eq(error_errno(NULL, EIO, "x"), -1);
  cr_expect_eq(error_oom(NULL), -1);
  error_clear(NULL);
}

Test(error, wrap_puts_the_deed_before_the_cause_and_keeps_the_kind) {
  struct error error = {0};
  (void)error_set(&error, ERROR_CONFLICT, "connection refused");
  error.after_ms = 5;
  cr_expect_eq(error_wrap(&error, "reach %s", "db"), -1);
  cr_expect_str_eq(error.message, "reach db: connection refused");
  cr_expect_eq(error.kind, ERROR_CONFLICT);
  cr_expect_eq(error.after_ms, 5);
}

Test(error, long_messages_are_cut_at_the_end) {
  struct error error = {0};
  char text[1000];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = 0;
  (void)error_set(&error, ERROR_BUG, "%s", text);
  cr_expect_eq(strlen(error.message), sizeof error.message - 1);
  for (int i = 0; i < 200; i++) (void)error_wrap(&error, "outer %d", i);
  cr_expect_lt(strlen(error.message), sizeof error.message);
  cr_expect(!strncmp(error.message, "outer 199: outer 198: ", 22));
  (void)error_wrap(&error, "%s", text);
  cr_expect_eq(error.message[0], 'x');
}

Test(error, errno_decides_the_kind) {
  static const struct {
    int number;
    enum error_kind kind;
  } table[] = {{ENOENT, ERROR_NOT_FOUND}, {EACCES, ERROR_FORBIDDEN}, {EPERM, ERROR_FORBIDDEN}, {EIO, ERROR_RETRY}};
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    struct error error = {0};
    cr_expect_eq(error_errno(&error, table[i].number, "open %s", "x"), -1);
    cr_expect_eq(error.kind, table[i].kind);
    cr_expect_eq(error.cause, table[i].number);
    cr_expect(!strncmp(error.message, "open x: ", 8), "%s", error.message);
  }
}

Test(error, every_kind_has_a_name) {
  for (enum error_kind kind = ERROR_NONE; kind <= ERROR_BUG; kind++)
    for (enum error_kind other = ERROR_NONE; other < kind; other++) cr_expect_str_neq(error_kind_name(kind), error_kind_name(other));
  cr_expect_str_eq(error_kind_name(ERROR_NOT_FOUND), "not_found");
  cr_expect_str_eq(error_kind_name((enum error_kind)99), "bug");
}

Test(error, clear_forgets) {
  struct error error = {0};
  (void)error_oom(&error);
  cr_expect_eq(error.kind, ERROR_RETRY);
  error_clear(&error);
  cr_expect_eq(error.kind, ERROR_NONE);
  cr_expect_str_empty(error.message);
}
