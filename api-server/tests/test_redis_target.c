#include "store/redis_target.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect_login(const struct redis_login *login, const struct redis_login *expect) {
  cr_expect_str_eq(login->user, expect->user);
  cr_expect_str_eq(login->password, expect->password);
  cr_expect_eq(login->database, expect->database);
  cr_expect_eq(login->tls, expect->tls);
}

Test(redis_target, urls_understood) {
  static const struct {
    const char *url;
    struct redis_place place;
    struct redis_login login;
  } rows[] = {
      {"redis://h", {"h", 6379}, {.database = 0}},
      {"rediss://h", {"h", 6379}, {.tls = true}},
      {"redis://h/", {"h", 6379}, {.database = 0}},
      {"redis://h:1/15", {"h", 1}, {.database = 15}},
      {"redis://:p%40s%2fs@h:7", {"h", 7}, {.password = "p@s/s"}},
      {"redis://u:p:q@h", {"h", 6379}, {.user = "u", .password = "p:q"}},
      {"rediss://u:a@b@10.0.0.1:6379/0", {"10.0.0.1", 6379}, {.user = "u", .password = "a@b", .tls = true}},
      {"redis://:x,y@h", {"h", 6379}, {.password = "x,y"}},
      {"redis://[::1]", {"::1", 6379}, {.database = 0}},
      {"redis://:x@[fd00::1]:6380/2", {"fd00::1", 6380}, {.password = "x", .database = 2}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct redis_target t;
    struct error error = {0};
    cr_assert_eq(redis_target_parse(&(struct redis_settings){REDIS_MODE_SINGLE, .url = rows[i].url}, &t, &error), 0, "%s: %s", rows[i].url,
                 error.message);
    cr_expect_eq(t.count, 1);
    cr_expect_str_eq(t.places[0].host, rows[i].place.host);
    cr_expect_eq(t.places[0].port, rows[i].place.port);
    expect_login(&t.login, &rows[i].login);
  }
}

Test(redis_target, refused_without_a_word_of_it) {
  static const char *const urls[] = {NULL,
                                     "",
                                     "h:6379",
                                     "http://:hunter2@h",
                                     "redis://",
                                     "rediss://",
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
                                     "redis://:hunter2@h,i",
                                     "redis://:hunter2/x@h"};
  for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
    struct redis_target t;
    struct error error = {0};
    cr_assert_eq(redis_target_parse(&(struct redis_settings){REDIS_MODE_SINGLE, .url = urls[i]}, &t, &error), -1, "%s", urls[i]);
    cr_expect_eq(error.kind, ERROR_INVALID);
    cr_expect_not_null(strstr(error.message, "REDIS_URL "));
    cr_expect_null(strstr(error.message, "hunter2"), "%s", error.message);
  }
}

Test(redis_target, sentinels_and_their_master) {
  static const struct {
    const char *sentinel, *master, *fault; /* NULL: none */
    size_t count;
    struct redis_place last;
    struct redis_login login;
    const char *name;
    struct redis_login master_login;
  } rows[] = {
      {"s1:26379,s2:1, s3", "mymaster", NULL, 3, {"s3", 26379}, {.database = 0}, "mymaster", {.database = 0}},
      {"[::1]:5", "m", NULL, 1, {"::1", 5}, {.database = 0}, "m", {.database = 0}},
      {"rediss://u:p@s1,s2:2", "redis://:q@m/3", NULL, 2, {"s2", 2}, {"u", "p", 0, true}, "m", {"", "q", 3, false}},
      {"s1", "rediss://m", NULL, 1, {"s1", 26379}, {.database = 0}, "m", {.tls = true}},
      {NULL, "m", "REDIS_SENTINEL is not of its form", 0, {"", 0}, {.database = 0}, NULL, {.database = 0}},
      {"s1,", "m", "REDIS_SENTINEL has no usable host and port", 0, {"", 0}, {.database = 0}, NULL, {.database = 0}},
      {"s1,,s2", "m", "REDIS_SENTINEL has no usable host and port", 0, {"", 0}, {.database = 0}, NULL, {.database = 0}},
      {"s1/3", "m", "REDIS_SENTINEL has something after its hosts", 0, {"", 0}, {.database = 0}, NULL, {.database = 0}},
      {"u:hunter2@s1", "m", "REDIS_SENTINEL is not of its form", 0, {"", 0}, {.database = 0}, NULL, {.database = 0}},
      {"http://s1", "m", "REDIS_SENTINEL is not of its form", 0, {"", 0}, {.database = 0}, NULL, {.database = 0}},
      {"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q",
       "m",
       "REDIS_SENTINEL has no usable host and port",
       0,
       {"", 0},
       {.database = 0},
       NULL,
       {.database = 0}},
      {"s1", NULL, "REDIS_MASTER is not of its form", 0, {"", 0}, {.database = 0}, NULL, {.database = 0}},
      {"s1", "m:6379", "REDIS_MASTER has no usable name", 0, {"", 0}, {.database = 0}, NULL, {.database = 0}},
      {"s1", "redis://hunter2@m", "REDIS_MASTER has credentials that can't be read", 0, {"", 0}, {.database = 0}, NULL, {.database = 0}},
      {"s1", "m/x", "REDIS_MASTER has a database that is no number", 0, {"", 0}, {.database = 0}, NULL, {.database = 0}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct redis_target t;
    struct error error = {0};
    struct redis_settings settings = {REDIS_MODE_SENTINEL, .sentinel = rows[i].sentinel, .master = rows[i].master};
    int failed = redis_target_parse(&settings, &t, &error);
    cr_assert_eq(failed, rows[i].fault ? -1 : 0, "row %zu: %s", i, error.message);
    if (rows[i].fault) {
      cr_expect_not_null(strstr(error.message, rows[i].fault), "row %zu: %s", i, error.message);
      cr_expect_null(strstr(error.message, "hunter2"), "%s", error.message);
      continue;
    }
    cr_expect_eq(t.count, rows[i].count);
    cr_expect_str_eq(t.places[t.count - 1].host, rows[i].last.host);
    cr_expect_eq(t.places[t.count - 1].port, rows[i].last.port);
    expect_login(&t.login, &rows[i].login);
    cr_expect_str_eq(t.master, rows[i].name);
    expect_login(&t.master_login, &rows[i].master_login);
  }
}

Test(redis_target, nodes_of_a_cluster) {
  struct redis_target t;
  struct error error = {0};
  struct redis_settings settings = {REDIS_MODE_CLUSTER, .cluster_nodes = "rediss://app:s%2Ct@n1:7000,[fd00::2]:7001,n3"};
  cr_assert_eq(redis_target_parse(&settings, &t, &error), 0, "%s", error.message);
  cr_expect_eq(t.count, 3);
  cr_expect_str_eq(t.places[1].host, "fd00::2");
  cr_expect_eq(t.places[2].port, 6379);
  expect_login(&t.login, &(struct redis_login){"app", "s,t", 0, true});
  settings.cluster_nodes = "redis://n1/1";
  cr_expect_eq(redis_target_parse(&settings, &t, &error), -1);
  cr_expect_not_null(strstr(error.message, "REDIS_CLUSTER_NODES has something after its hosts"), "%s", error.message);
}
