/* What `check` asks of everything but PostgreSQL. */
#include "auth/foreign_keys.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "check/check.h"
#include "codec/json.h"
#include "crypto/keyring.h"
#include "net/loop.h"
#include "routes/design_tokens.h"
#include "settings/file.h"
#include "store/redis.h"
#include "store/resolver.h"

#include <stdio.h>

enum { REDIS_PATIENCE_MS = 3000 };

static const char *redis_next(enum dependency_reason reason) {
  switch (reason) {
    case DEPENDENCY_AUTH: return "put the present user and password into the Secret";
    case DEPENDENCY_TLS: return "see whether the CA is the one that signed Redis' certificate";
    case DEPENDENCY_VERSION: return "upgrade Redis";
    default: return "see whether Redis runs there, and whether a NetworkPolicy lets this pod reach it";
  }
}

static int wait_for_redis(struct loop *loop, const struct redis *redis, struct error *error) {
  int64_t until_ms = clock_monotonic_ms() + REDIS_PATIENCE_MS;
  while (!redis_health(redis).up && clock_monotonic_ms() < until_ms)
    if (loop_turn(loop, 50, error) < 0) return -1;
  return 0;
}

static void tell_redis(const struct redis *redis, int64_t took_ms, struct check_finding *ret) {
  struct redis_health health = redis_health(redis);
  bool stays = health.reason == DEPENDENCY_TLS || health.reason == DEPENDENCY_VERSION;
  if (health.up) {
    check_tell(ret, CHECK_OK, "it answers, in %lld ms", (long long)took_ms);
    return;
  }
  check_tell(ret, stays ? CHECK_NEVER : CHECK_AGAIN, "%s", *health.message ? health.message : "it doesn't answer");
  (void)snprintf(ret->next, sizeof ret->next, "%s", redis_next(health.reason));
}

void check_redis(struct checkup *checkup, struct check_finding *ret) {
  struct error error = {0};
  int64_t begun_ms = clock_monotonic_ms();
  struct loop *loop = loop_new(&error);
  struct resolver *resolver = loop ? resolver_new(loop, &error) : NULL;
  struct redis_settings settings = settings_redis(&checkup->settings);
  settings.timeout_ms = REDIS_PATIENCE_MS;
  struct redis *redis = resolver ? redis_new(loop, resolver, &settings, &error) : NULL;
  if (!redis || wait_for_redis(loop, redis, &error) < 0)
    check_fail(ret, &error, "correct the variable that it names");
  else
    tell_redis(redis, clock_monotonic_ms() - begun_ms, ret);
  redis_free(redis);
  resolver_free(resolver);
  loop_free(loop);
}

/* ---- keys of others ---- */

struct fetching {
  struct foreign_wait wait;
  bool done;
};

static void on_fetched(struct foreign_wait *wait) { CONTAINER_OF(wait, struct fetching, wait)->done = true; }
static void on_changed(void *owner) { (void)owner; }

/* Asks as a token of an unknown key would make a worker ask. */
static int fetch(struct loop *loop, struct foreign_keys *foreign, struct error *error) {
  struct fetching fetching = {.wait.done = on_fetched};
  int result = 0;
  fetching.done = !foreign_keys_wait(foreign, &fetching.wait);
  while (!fetching.done && result == 0) result = loop_turn(loop, 50, error);
  foreign_wait_cancel(&fetching.wait);
  return result;
}

static void tell_foreign(const struct foreign_keys *foreign, struct check_finding *ret) {
  if (foreign->keys) {
    check_tell(ret, CHECK_OK, "%zu at AUTH_JWKS_URL", jwks_count(foreign->keys));
    return;
  }
  check_tell(ret, CHECK_NOTE, "none came from AUTH_JWKS_URL, so only our own are known: %s", foreign->failure);
  (void)snprintf(ret->next, sizeof ret->next, "see whether the address is right, and in AUTH_JWKS_ALLOW_PRIVATE where it is a private one");
}

void check_foreign(struct checkup *checkup, struct check_finding *ret) {
  struct error error = {0};
  struct foreign_keys foreign = {0};
  struct loop *loop = loop_new(&error);
  struct metrics *metrics = loop ? metrics_new(1, &error) : NULL;
  if (!metrics || foreign_keys_start(&foreign, loop, &checkup->settings, metrics, on_changed, NULL, &error) < 0 ||
      fetch(loop, &foreign, &error) < 0)
    check_fail(ret, &error, "");
  else
    tell_foreign(&foreign, ret);
  foreign_keys_stop(&foreign);
  metrics_free(metrics);
  loop_free(loop);
}

/* ---- files ---- */

void check_keys(struct checkup *checkup, struct check_finding *ret) {
  _cleanup_(keyring_freep) struct keyring *ring = NULL;
  struct error error = {0};
  if (keyring_load(checkup->settings.jwks_dir, &ring, &error) < 0)
    check_fail(ret, &error, "mount the key set at JWKS_DIR, or make one: supernova-server gen-jwks --output DIR");
  else
    check_tell(ret, CHECK_OK, "%zu in JWKS_DIR, %s signs", jwks_count(ring->keys), ring->signing_kid);
}

void check_design_tokens(struct checkup *checkup, struct check_finding *ret) {
  _cleanup_buffer_ struct buffer text;
  _cleanup_(json_freep) cJSON *json = NULL;
  struct error error = {0};
  const char *path = checkup->settings.design_tokens_file;
  buffer_init(&text, DESIGN_TOKENS_MAX);
  int result = file_read(path, &text, &error);
  if (result < 0 && error.kind == ERROR_NOT_FOUND) {
    check_tell(ret, CHECK_NOTE, "there is no %s: design tokens are answered with 404", path);
  } else if (result < 0 || json_parse(text.data ? text.data : "", text.len, &json_limits_cluster, &json, &error) < 0) {
    check_fail(ret, &error, "mend the file that DESIGN_TOKENS_FILE names");
  } else {
    check_tell(ret, CHECK_OK, "%zu bytes of design tokens", text.len);
  }
}
