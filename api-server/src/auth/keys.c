#include "auth/keys.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

enum { JWKS_TEXT_MAX = 64 * 1024 };

static void count_keys(struct keys *keys, const struct keyring *ring, int64_t value) {
  for (size_t i = 0; ring && i < jwks_count(ring->keys); i++) {
    char labels[KID_SIZE + 40];
    const char *kid = jwks_kid(ring->keys, i);
    (void)snprintf(labels, sizeof labels, "kid=\"%s\",state=\"%s\"", kid, strcmp(kid, ring->signing_kid) ? "published" : "signing");
    series_set(metrics_series(keys->metrics, METRIC_JWKS_KEY, labels), value);
  }
}

static int name_set(const struct buffer *jwks, char etag[KEYS_ETAG_SIZE]) {
  char hex[SHA256_HEX_SIZE];
  if (sha256_hex(jwks->data, jwks->len, hex) < 0) return -1;
  (void)snprintf(etag, KEYS_ETAG_SIZE, "\"%s\"", hex);
  return 0;
}

static bool same(const struct keys *keys, const struct keyring *ring, const char *etag) {
  return keys->ring && !strcmp(keys->etag, etag) && !strcmp(keys->ring->signing_kid, ring->signing_kid);
}

static void note_left(struct keys *keys, const struct keyring *next) {
  for (size_t i = 0; keys->ring && i < jwks_count(keys->ring->keys); i++) {
    const char *kid = jwks_kid(keys->ring->keys, i);
    if (jwks_get(next->keys, kid) || keys_have_left(keys, kid)) continue;
    (void)snprintf(keys->left[keys->left_next], KID_SIZE, "%s", kid);
    keys->left_next = (keys->left_next + 1) % KEYS_LEFT_MAX;
  }
}

/* 1: another ring than before; 0: the same. */
static int load(struct keys *keys, struct error *error) {
  _cleanup_(keyring_freep) struct keyring *ring = NULL;
  _cleanup_buffer_ struct buffer jwks;
  char etag[KEYS_ETAG_SIZE];
  buffer_init(&jwks, JWKS_TEXT_MAX);
  if (keyring_load(keys->directory, &ring, error) < 0) return -1;
  if (jwks_print(ring->keys, &jwks, error) < 0) return -1;
  if (jwks.failed || name_set(&jwks, etag) < 0) return error_oom(error);
  if (same(keys, ring, etag)) return 0;
  count_keys(keys, keys->ring, 0);
  note_left(keys, ring);
  keyring_free(keys->ring);
  buffer_done(&keys->jwks);
  keys->ring = TAKE(ring);
  keys->jwks = jwks;
  jwks = (struct buffer){0};
  memcpy(keys->etag, etag, sizeof etag);
  count_keys(keys, keys->ring, 1);
  return 1;
}

static void complain(struct keys *keys, const struct error *error) {
  series_add(metrics_series(keys->metrics, METRIC_JWKS_RELOAD_FAILURES, ""), 1);
  if (!strcmp(keys->failure, error->message)) return;
  (void)snprintf(keys->failure, sizeof keys->failure, "%s", error->message);
  log_error("the keys can't be read", log_str("directory", keys->directory), log_err(error));
}

static int look(struct dir_watch *watch) {
  struct keys *keys = CONTAINER_OF(watch, struct keys, watch);
  struct error error = {0};
  int loaded = load(keys, &error);
  if (loaded < 0) return complain(keys, &error), -1;
  *keys->failure = 0;
  if (!loaded) return 0;
  log_info("keys are loaded", log_str("signing", keys->ring->signing_kid), log_int("count", (int64_t)jwks_count(keys->ring->keys)));
  keys->changed(keys->owner);
  return 0;
}

int keys_start(struct keys *keys, struct loop *loop, const char *directory, struct metrics *metrics, void (*changed)(void *owner),
               void *owner, struct error *error) {
  *keys = (struct keys){.directory = directory, .changed = changed, .owner = owner, .metrics = metrics};
  return dir_watch_start(&keys->watch, loop, directory, look, error);
}

void keys_stop(struct keys *keys) {
  dir_watch_stop(&keys->watch);
  keyring_free(TAKE(keys->ring));
  buffer_done(&keys->jwks);
}

const char *keys_state(const struct keys *keys, const char *kid) { return strcmp(kid, keys->ring->signing_kid) ? "published" : "signing"; }

bool keys_have_left(const struct keys *keys, const char *kid) {
  if (keys->ring && jwks_get(keys->ring->keys, kid)) return false;
  for (size_t i = 0; i < KEYS_LEFT_MAX; i++)
    if (*kid && !strcmp(keys->left[i], kid)) return true;
  return false;
}
