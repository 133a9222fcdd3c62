#include "rotation/secrets.h"
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct secret_view view;
static void end(void) { secret_view_done(&view); }

TestSuite(secrets, .fini = end);

static void look(const char *json, const char *key) {
  struct error error = {0};
  cJSON *secret = cJSON_Parse(json);
  cr_assert_not_null(secret, "%s", json);
  cr_assert_eq(secret_view_read(&view, secret, key, &error), 0, "%s", error.message);
  cJSON_Delete(secret);
}

Test(secrets, a_database_is_told_by_host_port_and_name) {
  static const struct {
    const char *url, *identity;
  } rows[] = {
      {"postgres://u:p@db:5432/shop", "db:5432/shop"},
      {"postgres://u:p@db:5432/shop?sslmode=require", "db:5432/shop"},
      {"postgresql://db/shop", "db/shop"},
      {"postgres://u:p@ss@db/shop", "db/shop"},
      {"postgres://u:p@a,b:5433/shop?password=x@y", "a,b:5433/shop"},
      {"host=db port=5432 user=u password=p dbname=shop", "host=db port=5432 dbname=shop"},
      {"  password=p   host=db", "host=db"},
      {"", ""},
      {"nonsense", ""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct buffer to;
    buffer_init(&to, 1024);
    database_identity(rows[i].url, &to);
    cr_assert_str_eq(buffer_text(&to), rows[i].identity, "%s", rows[i].url);
    buffer_done(&to);
  }
}

Test(secrets, a_new_password_is_the_same_database_and_another_hash) {
  char database[16], hash[16];
  look("{\"data\": {\"DATABASE_URL\": \"cG9zdGdyZXM6Ly91OnBAZGIvc2hvcA==\"}}", "DATABASE_URL"); /* postgres://u:p@db/shop */
  (void)snprintf(database, sizeof database, "%s", view.database);
  (void)snprintf(hash, sizeof hash, "%s", view.hash);
  cr_assert(*database && *hash);
  look("{\"data\": {\"DATABASE_URL\": \"cG9zdGdyZXM6Ly91OnFAZGIvc2hvcA==\"}}", "DATABASE_URL"); /* postgres://u:q@db/shop */
  cr_assert_str_eq(view.database, database);
  cr_assert_str_neq(view.hash, hash);
}

Test(secrets, whatever_is_in_a_secret_is_read) {
  static const struct {
    const char *json, *keys;
    bool has_database;
  } rows[] = {
      {"{}", "", false},
      {"{\"data\": null}", "", false},
      {"{\"data\": {}}", "", false},
      {"{\"data\": {\"A\": \"YQ==\", \"B\": \"\"}}", "A\n", false},
      {"{\"data\": {\"DATABASE_URL\": \"!!\"}}", "DATABASE_URL\n", false},
      {"{\"data\": {\"DATABASE_URL\": 7}}", "", false},
      {"{\"data\": {\"DATABASE_URL\": \"cG9zdGdyZXM6Ly9kYi9zaG9w\"}}", "DATABASE_URL\n", true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    look(rows[i].json, "DATABASE_URL");
    cr_assert_eq(view.state, SECRET_READ);
    cr_assert_str_eq(view.keys, rows[i].keys, "%s", rows[i].json);
    cr_assert_eq(*view.database != 0, rows[i].has_database, "%s", rows[i].json);
  }
}

Test(secrets, the_verdict_names_what_is_missing_and_no_prefix_passes) {
  struct world w;
  world_init(&w, "image: {repository: r, tag: v1}");
  struct arena *arena = arena_new(1 << 16);
  static const struct {
    const char *keys, *reason;
  } rows[] = {{"DATABASE_URL\nREDIS_URL\nISSUER_ADMIN_SECRET\n", "SecretsFound"},
              {"DATABASE_URL\nREDIS_URL\nISSUER_ADMIN_SECRET_PREVIOUS\n", "SecretKeyMissing"},
              {"MY_DATABASE_URL\nREDIS_URL\nISSUER_ADMIN_SECRET\n", "SecretKeyMissing"},
              {"", "SecretKeyMissing"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct secret_view seen = {.state = SECRET_READ, .keys = strdup(rows[i].keys)};
    const struct observation o = {.stack = w.stack, .secret = &seen};
    struct secrets_verdict verdict = secrets_judge(&o, arena);
    cr_assert_str_eq(verdict.reason, rows[i].reason, "row %zu", i);
    cr_assert_eq(verdict.ok, i == 0);
    free(seen.keys);
  }
  const struct observation unread = {.stack = w.stack, .secret = &(struct secret_view){.state = SECRET_UNREAD}};
  cr_assert_str_eq(secrets_judge(&unread, arena).reason, "SecretUnread");
  arena_free(arena);
  world_done(&w);
}
