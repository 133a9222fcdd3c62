#include "store/database_url.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *value_of(const struct database_url *url, const char *keyword) {
  for (size_t i = 0; url->keywords[i]; i++)
    if (strcmp(url->keywords[i], keyword) == 0) return url->values[i];
  return "";
}

Test(database_url, understood) {
  static const struct {
    const char *url, *host, *port, *password, *options;
  } rows[] = {
      {"postgresql://u:p%40ss@db.example:6000/d?sslmode=require", "db.example", "6000", "p@ss", "-c a=1"},
      {"postgres://u@[::1]/d", "::1", "5432", "", "-c a=1"},
      {"postgresql://u@h/d?options=-c%20b%3D2", "h", "5432", "", "-c b=2 -c a=1"},
      {"postgresql://u@%2Frun%2Fpg/d", "/run/pg", "5432", "", "-c a=1"},
      {"host=h hostaddr=10.0.0.1 user=u password='hunter 2'", "10.0.0.1", "5432", "hunter 2", "-c a=1"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct database_url url;
    struct error error = {0};
    cr_assert_eq(database_url_init(&url, "DATABASE_URL", rows[i].url, "-c a=1", &error), 0, "%s: %s", rows[i].url, error.message);
    cr_expect_str_eq(url.host, rows[i].host);
    cr_expect_str_eq(url.port, rows[i].port);
    cr_expect_str_eq(value_of(&url, "password"), rows[i].password);
    cr_expect_str_eq(value_of(&url, "options"), rows[i].options);
    database_url_set(&url, "host", "other");
    cr_expect_str_eq(value_of(&url, "host"), "other");
    database_url_done(&url);
  }
}

Test(database_url, refused_without_a_word_of_it) {
  static const char *const urls[] = {NULL,
                                     "",
                                     "hunter2",
                                     "mysql://u:hunter2@h/d",
                                     "postgres://u:hun@ter2@h/d",
                                     "postgres://u:hunter2/@h/d",
                                     "postgres://user:12/hunter2@h",
                                     "postgres://u:hunter2%@h/d",
                                     "postgres://u:hunter2%zz@h/d",
                                     "postgres://u:hunter2@h:0/d",
                                     "postgres://u:hunter2@h:99999/d",
                                     "postgres://u:hunter2@a,b/d",
                                     "postgres://u:hunter2@h/d?hunter2=1",
                                     "postgres:///d?password=hunter2",
                                     "host=h hunter2"};
  for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
    struct database_url url;
    struct error error = {0};
    cr_assert_eq(database_url_init(&url, "DATABASE_URL", urls[i], NULL, &error), -1, "%s", urls[i]);
    cr_expect_eq(error.kind, ERROR_INVALID);
    cr_expect_not_null(strstr(error.message, "DATABASE_URL"));
    cr_expect(!strstr(error.message, "hunter2") && !strstr(error.message, "ter2"), "%s", error.message);
  }
}
