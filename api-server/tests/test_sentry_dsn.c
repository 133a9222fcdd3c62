#include "observe/sentry_dsn.h"

#include <criterion/criterion.h>
#include <string.h>

Test(sentry_dsn, says_where_and_with_which_key) {
  static const struct {
    const char *dsn, *url, *key;
  } cases[] = {
      {"https://abc@o1.ingest.sentry.io/42", "https://o1.ingest.sentry.io/api/42/envelope/", "abc"},
      {"https://abc:old-secret@sentry.io/42", "https://sentry.io/api/42/envelope/", "abc"},
      {"http://abc@relay:3000/42", "http://relay:3000/api/42/envelope/", "abc"},
      {"https://abc@example.com/a/path/42", "https://example.com/a/path/api/42/envelope/", "abc"},
      {"https://abc@[::1]:9000/7", "https://[::1]:9000/api/7/envelope/", "abc"},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct sentry_dsn dsn;
    cr_assert_eq(sentry_dsn_parse(cases[i].dsn, &dsn), 0, "%s", cases[i].dsn);
    cr_expect_str_eq(dsn.url, cases[i].url);
    cr_expect_str_eq(dsn.key, cases[i].key);
  }
}

Test(sentry_dsn, refuses_what_is_none) {
  static const char *const bad[] = {"",
                                    "abc",
                                    "ftp://abc@host/1",
                                    "https://",
                                    "https://host/1",
                                    "https://abc@host",
                                    "https://abc@host/",
                                    "https://@host/1",
                                    "https://abc@/1",
                                    "https://a\r\nb@host/1",
                                    "https://abc@ho st/1",
                                    "https://abc@host/1?x=y",
                                    "https://abc@host/a@b/1",
                                    "https://abc@host/a?b/1"};
  struct sentry_dsn dsn;
  for (size_t i = 0; i < ELEMENTS(bad); i++) cr_expect_eq(sentry_dsn_parse(bad[i], &dsn), -1, "%s", bad[i]);
  char text[1024] = "https://abc@";
  memset(text + 12, 'h', 900);
  strcpy(text + 912, "/1");
  cr_expect_eq(sentry_dsn_parse(text, &dsn), -1);
}
