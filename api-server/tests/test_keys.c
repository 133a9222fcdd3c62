#include "auth/keys.h"

#include "base/log.h"
#include "crypto/jwt.h"
#include "testing/wait.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A directory of keys, and a worker that watches it. */
struct world {
  struct loop *loop;
  struct metrics *metrics;
  struct keys keys;
  char directory[64];
  unsigned changes;
};

static void no_line(const char *line, size_t n, void *owner) { (void)line, (void)n, (void)owner; }
static void on_changed(void *owner) { ((struct world *)owner)->changes++; }

static void write_file(const struct world *world, const char *name, const char *text) {
  char path[192], new_path[192];
  (void)snprintf(path, sizeof path, "%s/%s", world->directory, name);
  (void)snprintf(new_path, sizeof new_path, "%s/.%s.new", world->directory, name);
  int fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  cr_assert_geq(fd, 0);
  cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
  cr_assert_eq(rename(new_path, path), 0);
}

static void remove_file(const struct world *world, const char *name) {
  char path[192];
  (void)snprintf(path, sizeof path, "%s/%s", world->directory, name);
  (void)unlink(path);
}

/* One fresh key in place of what was there. */
static void install(struct world *world, const char *kid) {
  _cleanup_(rsa_key_freep) struct rsa_key *key = NULL;
  _cleanup_(keyring_files_freep) cJSON *files = NULL;
  cr_assert_eq(rsa_key_generate(2048, &key, NULL), 0);
  cr_assert_eq(keyring_make(key, kid, &files, NULL), 0);
  const cJSON *file;
  cJSON_ArrayForEach(file, files) write_file(world, file->string, file->valuestring);
}

static struct world *begin(const char *kid) {
  struct world *world = calloc(1, sizeof *world);
  log_set_sink(no_line, NULL);
  (void)snprintf(world->directory, sizeof world->directory, "/tmp/test_keys.XXXXXX");
  cr_assert_not_null(mkdtemp(world->directory));
  world->loop = loop_new(NULL);
  world->metrics = metrics_new(1, NULL);
  if (kid) install(world, kid);
  cr_assert_eq(keys_start(&world->keys, world->loop, world->directory, world->metrics, on_changed, world, NULL), 0);
  return world;
}

static void end(struct world *world) {
  static const char *const files[] = {"jwks.json", "signing", "one.pem", "two.pem", "three.pem"};
  keys_stop(&world->keys);
  keys_stop(&world->keys);
  for (size_t i = 0; i < ELEMENTS(files); i++) remove_file(world, files[i]);
  cr_expect_eq(rmdir(world->directory), 0);
  metrics_free(world->metrics);
  loop_free(world->loop);
  free(world);
}

static bool signs_two(void *owner) {
  const struct world *world = owner;
  return world->keys.ring && !strcmp(world->keys.ring->signing_kid, "two");
}

static int64_t failures(const struct world *world) { return metrics_total(world->metrics, METRIC_JWKS_RELOAD_FAILURES, ""); }
static bool has_failed(void *owner) { return failures(owner) > 0; }
static int64_t loaded(const struct world *world, const char *labels) { return metrics_total(world->metrics, METRIC_JWKS_KEY, labels); }

Test(keys, are_read_before_the_start_returns) {
  struct world *world = begin("one");
  cr_expect_eq(world->changes, 1);
  cr_expect_str_eq(world->keys.ring->signing_kid, "one");
  cr_expect_not_null(strstr(buffer_text(&world->keys.jwks), "\"kid\":\"one\""));
  cr_expect_null(strstr(buffer_text(&world->keys.jwks), "\"d\""), "nothing private is served");
  cr_expect_eq(strlen(world->keys.etag), KEYS_ETAG_SIZE - 1);
  cr_expect_str_eq(keys_state(&world->keys, "one"), "signing");
  cr_expect_eq(loaded(world, "kid=\"one\",state=\"signing\""), 1);
  end(world);
}

Test(keys, follow_their_directory) {
  struct world *world = begin("one");
  char etag[KEYS_ETAG_SIZE];
  memcpy(etag, world->keys.etag, sizeof etag);
  cr_expect_not(keys_have_left(&world->keys, "one"));
  install(world, "two");
  remove_file(world, "one.pem");
  wait_until(world->loop, 10000, signs_two, world, "the new key");
  cr_expect_eq(world->changes, 2);
  cr_expect_str_neq(world->keys.etag, etag);
  cr_expect_eq(loaded(world, "kid=\"one\",state=\"signing\""), 0);
  cr_expect_eq(loaded(world, "kid=\"two\",state=\"signing\""), 1);
  cr_expect(keys_have_left(&world->keys, "one"));
  cr_expect_not(keys_have_left(&world->keys, "two"));
  cr_expect_not(keys_have_left(&world->keys, ""));
  cr_expect_not(keys_have_left(&world->keys, "never"));
  end(world);
}

Test(keys, a_set_that_cannot_be_read_changes_nothing) {
  struct world *world = begin("one");
  write_file(world, "jwks.json", "{");
  wait_until(world->loop, 10000, has_failed, world, "the failure");
  cr_expect_eq(world->changes, 1);
  cr_expect_str_eq(world->keys.ring->signing_kid, "one");
  install(world, "two");
  remove_file(world, "one.pem");
  wait_until(world->loop, 10000, signs_two, world, "the new key");
  cr_expect_eq(world->changes, 2);
  end(world);
}

Test(keys, may_come_later) {
  struct world *world = begin(NULL);
  cr_expect_null(world->keys.ring);
  cr_expect_eq(world->changes, 0);
  cr_expect_eq(failures(world), 1);
  install(world, "two");
  wait_until(world->loop, 10000, signs_two, world, "the first key");
  cr_expect_eq(world->changes, 1);
  end(world);
}
