#include "store/limiter.h"

#include "base/buffer.h"
#include "base/hex.h"
#include "crypto/digest.h"
#include "net/loop.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A window begins with its first hit; a key that has lost its time to live gets one again, so that none lasts for ever. */
static const char script[] =
    "local n = redis.call('INCR', KEYS[1]) "
    "local ttl = redis.call('PTTL', KEYS[1]) "
    "if n == 1 or ttl < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) ttl = tonumber(ARGV[1]) end "
    "return {n, ttl}";

enum { LIMITER_REDIS_KEY = 96, KEY_MAX_BYTES = 16 * 1024 /* a token has 8 kB at most */ };

struct limiter {
  struct loop *loop;
  struct redis *redis;
  struct limiter_table *table;
  int64_t window_ms;
  struct limiter_stats *stats;
  struct limit_check *checks; /* with Redis, at the moment */
  char script_digest[2 * SHA_DIGEST_LENGTH + 1];
};

static void on_reply(struct redis_command *command, const redisReply *reply, const struct error *error);

struct limiter *limiter_new(struct loop *loop, struct redis *redis, struct limiter_table *table, int64_t window_ms,
                            struct limiter_stats *stats, struct error *error) {
  unsigned char digest[SHA_DIGEST_LENGTH];
  struct limiter *limiter = calloc(1, sizeof *limiter);
  if (!limiter) return error_oom(error), NULL;
  *limiter = (struct limiter){.loop = loop, .redis = redis, .table = table, .window_ms = window_ms, .stats = stats};
  /* EVALSHA names scripts by SHA-1 */
  if (EVP_Digest(script, strlen(script), digest, NULL, EVP_sha1(), NULL) != 1) {
    limiter_free(limiter);
    return error_set(error, ERROR_TERMINAL, "OpenSSL has no SHA-1 here"), NULL;
  }
  hex_print(digest, sizeof digest, limiter->script_digest);
  return limiter;
}

void limiter_free(struct limiter *limiter) {
  if (!limiter) return;
  while (limiter->checks) limiter_cancel(limiter->checks);
  free(limiter);
}

static void unlink_check(struct limit_check *check) {
  *check->previous = check->next;
  if (check->next) check->next->previous = check->previous;
  check->limiter = NULL;
}

void limiter_cancel(struct limit_check *check) {
  if (!check->limiter) return;
  redis_cancel(&check->command);
  unlink_check(check);
}

/* The first half of SHA-256 over the bucket and the key: of one length, and nobody's name. */
static void make_key(const char *bucket, const char *key, unsigned char to[LIMITER_KEY]) {
  unsigned char digest[SHA256_BYTES] = {0};
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, KEY_MAX_BYTES);
  buffer_append(&text, bucket, strlen(bucket) + 1);
  buffer_puts(&text, key);
  /* without memory all share one window: too strict, never unlimited */
  if (text.failed || sha256(text.data, text.len, digest) < 0) memset(digest, 0, sizeof digest);
  memcpy(to, digest, LIMITER_KEY);
}

static struct limit_verdict judge(struct limiter *limiter, int64_t count, int64_t max, int64_t left_ms, bool from_redis) {
  struct limit_verdict verdict = {.allowed = count <= max,
                                  .max = max,
                                  .remaining = count < max ? max - count : 0,
                                  .reset_ms = left_ms > 0 ? left_ms : 0,
                                  .from_redis = from_redis};
  atomic_fetch_add_explicit(from_redis ? &limiter->stats->hits : &limiter->stats->misses, 1, memory_order_relaxed);
  if (!verdict.allowed) atomic_fetch_add_explicit(&limiter->stats->limited, 1, memory_order_relaxed);
  return verdict;
}

static int64_t window_of(const struct limiter *limiter, const struct limit_check *check) {
  return check->window_ms ? check->window_ms : limiter->window_ms;
}

static struct limit_verdict fall_back(struct limiter *limiter, const struct limit_check *check) {
  int64_t now_ms = loop_now_ms(limiter->loop);
  struct limiter_window window = limiter_table_hit(limiter->table, check->key, now_ms, window_of(limiter, check));
  return judge(limiter, window.count, check->max, window.ends_ms - now_ms, false);
}

static int ask_redis(struct limiter *limiter, struct limit_check *check) {
  char key[LIMITER_REDIS_KEY], digest[2 * LIMITER_KEY + 1], window[24];
  hex_print(check->key, LIMITER_KEY, digest);
  (void)snprintf(key, sizeof key, "supernova:limit:{%.32s:%s}", check->bucket, digest);
  (void)snprintf(window, sizeof window, "%lld", (long long)window_of(limiter, check));
  check->command.done = on_reply;
  const char *verb = check->whole_script ? "EVAL" : "EVALSHA", *body = check->whole_script ? script : limiter->script_digest;
  return redis_submit(limiter->redis, &check->command, 5, (const char *[]){verb, body, "1", key, window}, NULL, NULL);
}

static bool is_count(const redisReply *reply) {
  return reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[0]->type == REDIS_REPLY_INTEGER &&
         reply->element[1]->type == REDIS_REPLY_INTEGER;
}

static void on_reply(struct redis_command *command, const redisReply *reply, const struct error *error) {
  struct limit_check *check = CONTAINER_OF(command, struct limit_check, command);
  struct limiter *limiter = check->limiter;
  bool unknown = !error && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOSCRIPT", 8) == 0;
  if (unknown && !check->whole_script) {
    check->whole_script = true;
    if (ask_redis(limiter, check) == 0) return;
  }
  unlink_check(check);
  struct limit_verdict verdict = is_count(reply) ? judge(limiter, reply->element[0]->integer, check->max, reply->element[1]->integer, true)
                                                 : fall_back(limiter, check);
  check->done(check, &verdict);
}

bool limiter_hit(struct limiter *limiter, struct limit_check *check, const char *bucket, const char *key, int64_t max,
                 struct limit_verdict *ret_verdict) {
  check->limiter = NULL;
  check->bucket = bucket;
  check->max = max;
  check->whole_script = false;
  make_key(bucket, key, check->key);
  if (!limiter->redis || ask_redis(limiter, check) < 0) {
    *ret_verdict = fall_back(limiter, check);
    return true;
  }
  check->limiter = limiter;
  check->next = limiter->checks;
  check->previous = &limiter->checks;
  if (check->next) check->next->previous = &check->next;
  limiter->checks = check;
  return false;
}
