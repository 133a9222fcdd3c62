#include "auth/session.h"

#include <criterion/criterion.h>
#include <string.h>

Test(session, the_cookie_within_its_field) {
  static const struct {
    const char *field, *value; /* NULL: none */
  } cases[] = {
      {"__Host-session=abc", "abc"},
      {"a=b; __Host-session=abc; c=d", "abc"},
      {"a=b;__Host-session=abc", "abc"},
      {"__Host-session=a=b", "a=b"},
      {"__Host-session=", ""},
      {"", NULL},
      {"__Host-session", NULL},
      {"__host-session=abc", NULL},
      {"x__Host-session=abc", NULL},
      {"__Host-session =abc", NULL},
      {"a=__Host-session=abc", NULL},
      {"__Host-session=abc; __Host-session=def", NULL},
      {"__Host-session=abc; __Host-session=abc", NULL},
      {";;; =; __Host-session=abc;", "abc"},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct span found = session_cookie((struct span){cases[i].field, strlen(cases[i].field)});
    if (cases[i].value)
      cr_expect(found.at && span_equal(found, (struct span){cases[i].value, strlen(cases[i].value)}), "%s", cases[i].field);
    else
      cr_expect_null(found.at, "%s", cases[i].field);
  }
  cr_expect_null(session_cookie((struct span){0}).at);
}

Test(session, how_the_cookie_is_set) {
  struct buffer text;
  buffer_init(&text, 256);
  session_set_cookie(&text, "v", 60);
  cr_expect_str_eq(buffer_text(&text), "__Host-session=v; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Strict");
  buffer_done(&text);
}

Test(session, the_csrf_token_belongs_to_session_and_secret) {
  struct settings settings = {.session_secret = {.current = "now", .previous = "before"}};
  struct metrics *metrics = metrics_new(1, NULL);
  struct secrets secrets;
  char csrf[SESSION_CSRF_SIZE];
  secrets_init(&secrets, &settings, metrics);
  cr_assert_eq(session_csrf(&secrets, SECRET_CURRENT, "sid", csrf), 0);
  struct span given = {csrf, strlen(csrf)};
  cr_expect(session_csrf_matches(&secrets, SECRET_CURRENT, "sid", given));
  cr_expect_not(session_csrf_matches(&secrets, SECRET_CURRENT, "other", given));
  cr_expect_not(session_csrf_matches(&secrets, SECRET_PREVIOUS, "sid", given));
  cr_expect_not(session_csrf_matches(&secrets, SECRET_NEXT, "sid", given), "a version that isn't set");
  cr_expect_not(session_csrf_matches(&secrets, SECRET_CURRENT, "sid", (struct span){0}));
  given.len--;
  cr_expect_not(session_csrf_matches(&secrets, SECRET_CURRENT, "sid", given));
  metrics_free(metrics);
}
