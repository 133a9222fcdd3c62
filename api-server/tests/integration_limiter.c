#include "store/limiter.h"
#include "store/resolver.h"
#include "support_redis.h"

static struct support_redis server;
static struct loop *loop;
static struct resolver *resolver;
static struct redis *redis;
static struct limiter_table *table;
static struct limiter_stats stats;
static struct limiter *limiter;

enum { WINDOW_MS = 5000 };

static void setup(void) {
  server = (struct support_redis){0};
  support_redis_start(&server);
  loop = loop_new(NULL);
  resolver = resolver_new(loop, NULL);
  redis = redis_new(loop, resolver, &(struct redis_settings){REDIS_MODE_SINGLE, .url = server.url, .timeout_ms = 250}, NULL);
  table = limiter_table_new(64, NULL);
  limiter = limiter_new(loop, redis, table, WINDOW_MS, &stats, NULL);
}

static void teardown(void) {
  limiter_free(limiter);
  redis_free(redis);
  resolver_free(resolver);
  limiter_table_free(table);
  loop_free(loop);
  support_redis_remove(&server);
}

TestSuite(limiter, .init = setup, .fini = teardown, .timeout = 60);

static bool is_up(void *unused) { return (void)unused, redis_health(redis).up; }
static bool is_down(void *unused) { return (void)unused, !redis_health(redis).up; }

struct hit {
  struct limit_check check;
  struct limit_verdict verdict;
  bool done;
};

static void on_verdict(struct limit_check *check, const struct limit_verdict *verdict) {
  struct hit *hit = CONTAINER_OF(check, struct hit, check);
  hit->verdict = *verdict;
  hit->done = true;
}

static bool is_done(void *hit) { return ((struct hit *)hit)->done; }

static void begin(struct limiter *with, struct hit *hit, const char *bucket, const char *key, int64_t max) {
  *hit = (struct hit){.check.done = on_verdict};
  hit->done = limiter_hit(with, &hit->check, bucket, key, max, &hit->verdict);
}

static struct limit_verdict hit_now(const char *key, int64_t max) {
  struct hit hit;
  begin(limiter, &hit, "read", key, max);
  support_until(loop, is_done, &hit);
  return hit.verdict;
}

Test(limiter, one_hundred_and_forty_quick_reads) {
  support_until(loop, is_up, NULL);
  int allowed = 0;
  for (int i = 0; i < 140; i++) {
    struct limit_verdict v = hit_now("user", 120);
    cr_assert(v.from_redis);
    cr_assert_eq(v.remaining, i < 120 ? 119 - i : 0);
    cr_assert(v.reset_ms > 0 && v.reset_ms <= WINDOW_MS);
    allowed += v.allowed;
  }
  cr_expect_eq(allowed, 120);
  cr_expect_eq(stats.hits, 140);
  cr_expect_eq(stats.limited, 20);
  cr_expect(hit_now("another", 120).allowed);
}

/* 64 servers, ten hits each, at once, with a limit of 100. */
Test(limiter, exact_under_sixty_four_parallel_clients) {
  enum { CLIENTS = 64, HITS = 10 };
  static struct hit hits[CLIENTS][HITS];
  static struct redis *connections[CLIENTS];
  static struct limiter *limiters[CLIENTS];
  for (int c = 0; c < CLIENTS; c++) {
    connections[c] = redis_new(loop, resolver, &(struct redis_settings){REDIS_MODE_SINGLE, .url = server.url, .timeout_ms = 5000}, NULL);
    limiters[c] = limiter_new(loop, connections[c], table, WINDOW_MS, &stats, NULL);
  }
  for (int c = 0; c < CLIENTS; c++)
    while (!redis_health(connections[c]).up) cr_assert_eq(loop_turn(loop, 50, NULL), 0);
  for (int i = 0; i < HITS; i++)
    for (int c = 0; c < CLIENTS; c++) begin(limiters[c], &hits[c][i], "write", "user", 100);
  int allowed = 0;
  for (int c = 0; c < CLIENTS; c++)
    for (int i = 0; i < HITS; i++) {
      support_until(loop, is_done, &hits[c][i]);
      cr_assert(hits[c][i].verdict.from_redis);
      allowed += hits[c][i].verdict.allowed;
    }
  cr_expect_eq(allowed, 100);
  for (int c = 0; c < CLIENTS; c++) {
    limiter_free(limiters[c]);
    redis_free(connections[c]);
  }
}

Test(limiter, redis_killed_and_back) {
  struct hit in_flight;
  support_until(loop, is_up, NULL);
  cr_assert(hit_now("user", 3).from_redis);
  begin(limiter, &in_flight, "read", "user", 3);
  support_redis_stop(&server);
  support_until(loop, is_done, &in_flight);
  cr_expect(in_flight.verdict.allowed);
  support_until(loop, is_down, NULL);
  int allowed = 0;
  for (int i = 0; i < 10; i++) {
    struct limit_verdict v = hit_now("user", 3);
    cr_expect_not(v.from_redis);
    allowed += v.allowed;
  }
  cr_expect(allowed == 3 || (allowed == 2 && !in_flight.verdict.from_redis), "%d were allowed", allowed);
  support_redis_start(&server);
  support_until(loop, is_up, NULL);
  cr_expect(hit_now("user", 3).from_redis); /* the script is new to this server */
}

Test(limiter, a_paused_redis_delays_but_answers) {
  support_until(loop, is_up, NULL);
  (void)kill(server.pid, SIGSTOP);
  struct limit_verdict v = hit_now("user", 3);
  cr_expect(v.allowed && !v.from_redis);
  (void)kill(server.pid, SIGCONT);
}

Test(limiter, the_window_ends) {
  limiter_free(limiter);
  limiter = limiter_new(loop, redis, table, 100, &stats, NULL);
  support_until(loop, is_up, NULL);
  cr_expect(hit_now("user", 1).allowed);
  cr_expect_not(hit_now("user", 1).allowed);
  int64_t until = clock_monotonic_ms() + SUPPORT_WAIT_MS;
  while (!hit_now("user", 1).allowed) cr_assert_lt(clock_monotonic_ms(), until);
}

Test(limiter, a_key_without_time_to_live_gets_one) {
  support_until(loop, is_up, NULL);
  cr_expect(hit_now("user", 5).allowed);
  redisReply *reply = NULL;
  redisContext *context = redisConnect("127.0.0.1", server.port);
  freeReplyObject(redisCommand(context, "SELECT 3"));
  reply = redisCommand(context, "KEYS *");
  cr_assert_eq(reply->elements, 1);
  freeReplyObject(redisCommand(context, "PERSIST %s", reply->element[0]->str));
  struct limit_verdict v = hit_now("user", 5);
  cr_expect(v.reset_ms > 0 && v.reset_ms <= WINDOW_MS);
  freeReplyObject(reply);
  redisFree(context);
}

Test(limiter, without_redis_and_cancelled) {
  struct hit hit = {.check.done = on_verdict};
  struct limiter *alone = limiter_new(loop, NULL, table, WINDOW_MS, &stats, NULL);
  for (int i = 0; i < 5; i++) {
    cr_assert(limiter_hit(alone, &hit.check, "read", "x", 3, &hit.verdict));
    cr_expect_eq(hit.verdict.allowed, i < 3);
  }
  limiter_free(alone);
  support_until(loop, is_up, NULL);
  struct hit cancelled;
  begin(limiter, &cancelled, "read", "y", 3);
  cr_assert_not(cancelled.done);
  limiter_cancel(&cancelled.check);
  limiter_cancel(&cancelled.check);
  cr_expect(hit_now("y", 3).allowed);
  cr_expect_not(cancelled.done);
}
