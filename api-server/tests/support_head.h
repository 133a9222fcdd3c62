/* The head of a request with the given header lines, as the guard makes it.
 *
 *     struct request_head head = support_head("Accept: a/b\r\nAccept: c/d\r\n");      // good until the next call
 */
#pragma once

#include "http/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static inline struct request_head support_head(const char *lines) {
  static char text[8192];
  struct request_head head = {0};
  struct guard guard;
  (void)snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", lines);
  guard_init(&guard, &guard_default_limits);
  cr_assert_eq(guard_head(&guard, text, strlen(text), &head), GUARD_DONE, "%s", lines);
  head.base = text;
  return head;
}
