#include "store/redis.h"

#include <criterion/criterion.h>
#include <string.h>

Test(redis_url, understood) {
  static const struct {
    const char *url;
    struct redis_address expect;
  } rows[] = {
      {"redis://h", {.host = "h", .port = 6379}},
      {"redis://h/", {.host = "h", .port = 6379}},
      {"redis://h:1/15", {.host = "h", .port = 1, .database = 15}},
      {"redis://:p%40s%2fs@h:7", {.host = "h", .port = 7, .password = "p@s/s"}},
      {"redis://u:p:q@h", {.host = "h", .port = 6379, .user = "u", .password = "p:q"}},
      {"redis://u:a@b@10.0.0.1:6379/0", {.host = "10.0.0.1", .port = 6379, .user = "u", .password = "a@b"}},
      {"redis://[::1]", {.host = "::1", .port = 6379}},
      {"redis://:x@[fd00::1]:6380/2", {.host = "fd00::1", .port = 6380, .password = "x", .database = 2}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct redis_address a;
    struct error error = {0};
    cr_assert_eq(parse_redis_url(rows[i].url, &a, &error), 0, "%s: %s", rows[i].url, error.message);
    cr_expect_str_eq(a.host, rows[i].expect.host);
    cr_expect_eq(a.port, rows[i].expect.port);
    cr_expect_str_eq(a.user, rows[i].expect.user);
    cr_expect_str_eq(a.password, rows[i].expect.password);
    cr_expect_eq(a.database, rows[i].expect.database);
  }
}

Test(redis_url, refused_without_a_word_of_it) {
  static const char *const urls[] = {NULL,
                                     "",
                                     "h:6379",
                                     "http://:hunter2@h",
                                     "rediss://:hunter2@h",
                                     "redis://",
                                     "redis://:hunter2@",
                                     "redis://:hunter2@:6379",
                                     "redis://hunter2@h",
                                     "redis://:hunter2%@h",
                                     "redis://:hunter2%4@h",
                                     "redis://:hunter2%zz@h",
                                     "redis://:hunter2%00@h",
                                     "redis://:hunter2@h:",
                                     "redis://:hunter2@h:0",
                                     "redis://:hunter2@h:65536",
                                     "redis://:hunter2@h:6379x",
                                     "redis://:hunter2@[::1",
                                     "redis://:hunter2@[::1]x",
                                     "redis://:hunter2@h/x",
                                     "redis://:hunter2@h/-1",
                                     "redis://:hunter2@h?db=1",
                                     "redis://:hunter2/x@h"};
  for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
    struct redis_address a;
    struct error error = {0};
    cr_assert_eq(parse_redis_url(urls[i], &a, &error), -1, "%s", urls[i]);
    cr_expect_eq(error.kind, ERROR_INVALID);
    cr_expect_null(strstr(error.message, "hunter2"), "%s", error.message);
  }
}
