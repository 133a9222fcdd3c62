#include "store/redis.h"
#include "store/resolver.h"
#include "support_redis.h"

static struct support_redis server;
static struct loop *loop;
static struct resolver *resolver;
static struct redis *redis;

static struct redis *open_redis(const char *url) {
  struct error error = {0};
  struct redis *made = redis_new(loop, resolver, &(struct redis_settings){REDIS_MODE_SINGLE, .url = url, .timeout_ms = 250}, &error);
  cr_assert_not_null(made, "%s", error.message);
  return made;
}

static void setup(void) {
  server = (struct support_redis){.password = "p@ss/w%rd"};
  loop = loop_new(NULL);
  resolver = resolver_new(loop, NULL);
  support_redis_start(&server);
  (void)snprintf(server.url, sizeof server.url, "redis://:p%%40ss%%2Fw%%25rd@localhost:%d/3", server.port);
  redis = open_redis(server.url);
}

static void teardown(void) {
  redis_free(redis);
  resolver_free(resolver);
  loop_free(loop);
  support_redis_remove(&server);
}

TestSuite(redis, .init = setup, .fini = teardown, .timeout = 60);

static bool is_up(void *r) { return redis_health(r).up; }
static bool is_down(void *r) { return !redis_health(r).up; }

struct call {
  struct redis_command command;
  bool done;
  int64_t number;
  char text[64];
  struct error error;
};

static void on_reply(struct redis_command *command, const redisReply *reply, const struct error *error) {
  struct call *call = CONTAINER_OF(command, struct call, command);
  call->done = true;
  if (error) {
    call->error = *error;
    return;
  }
  call->number = reply->integer;
  if (reply->str) (void)snprintf(call->text, sizeof call->text, "%s", reply->str);
}

static bool is_done(void *call) { return ((struct call *)call)->done; }

static int submit(struct call *call, int count, const char **arguments) {
  *call = (struct call){.command.done = on_reply};
  return redis_submit(redis, &call->command, count, arguments, NULL, &call->error);
}

Test(redis, answers_come_to_those_who_asked) {
  enum { N = 500 };
  static struct call calls[N];
  support_until(loop, is_up, redis);
  for (int i = 0; i < N; i++) cr_assert_eq(submit(&calls[i], 2, (const char *[]){"INCR", "n"}), 0);
  redis_cancel(&calls[7].command);
  for (int i = 0; i < N; i++)
    if (i != 7) support_until(loop, is_done, &calls[i]);
  for (int i = 0; i < N; i++)
    if (i != 7) cr_assert_eq(calls[i].number, i + 1);
  cr_expect_not(calls[7].done);
  struct call wrong;
  cr_assert_eq(submit(&wrong, 1, (const char *[]){"NONSENSE"}), 0);
  support_until(loop, is_done, &wrong);
  cr_expect_not_null(strstr(wrong.text, "unknown command"));
  cr_expect_geq(redis_health(redis).latency_us, 0);
}

Test(redis, the_database_of_the_url_is_used) {
  struct call call;
  support_until(loop, is_up, redis);
  cr_assert_eq(submit(&call, 3, (const char *[]){"SET", "here", "1"}), 0);
  support_until(loop, is_done, &call);
  redisReply *info = support_redis_ask(&server, "INFO keyspace");
  cr_expect_not_null(strstr(info->str, "db3:keys=1"), "%s", info->str);
  freeReplyObject(info);
}

Test(redis, away_and_back) {
  struct call call;
  support_until(loop, is_up, redis);
  cr_assert_eq(submit(&call, 3, (const char *[]){"BLPOP", "nothing", "0"}), 0);
  support_redis_stop(&server);
  support_until(loop, is_done, &call);
  cr_expect_eq(call.error.kind, ERROR_RETRY);
  support_until(loop, is_down, redis);
  cr_expect_eq(submit(&call, 1, (const char *[]){"PING"}), -1);
  int64_t start = clock_monotonic_ms();
  while (redis_health(redis).reason != DEPENDENCY_REFUSED) cr_assert_eq(loop_turn(loop, 50, NULL), 0);
  support_redis_start(&server);
  support_until(loop, is_up, redis);
  cr_expect_lt(clock_monotonic_ms() - start, 5000);
  cr_assert_eq(submit(&call, 1, (const char *[]){"PING"}), 0);
  support_until(loop, is_done, &call);
  cr_expect_str_eq(call.text, "PONG");
}

Test(redis, a_late_answer_costs_the_connection) {
  struct call call;
  support_until(loop, is_up, redis);
  (void)kill(server.pid, SIGSTOP);
  int64_t start = clock_monotonic_ms();
  cr_assert_eq(submit(&call, 1, (const char *[]){"PING"}), 0);
  support_until(loop, is_done, &call);
  int64_t took = clock_monotonic_ms() - start;
  cr_expect_eq(call.error.kind, ERROR_RETRY);
  cr_expect(took >= 240 && took < 2000, "took %" PRId64 " ms", took);
  cr_expect_eq(redis_health(redis).reason, DEPENDENCY_TIMEOUT);
  (void)kill(server.pid, SIGCONT);
  support_until(loop, is_up, redis);
}

Test(redis, wrong_passwords_are_told_apart) {
  char url[128];
  (void)snprintf(url, sizeof url, "redis://:hunter2@127.0.0.1:%d", server.port);
  redis_free(redis);
  redis = open_redis(url);
  while (redis_health(redis).reason != DEPENDENCY_AUTH) cr_assert_eq(loop_turn(loop, 50, NULL), 0);
  cr_expect_null(strstr(redis_health(redis).message, "hunter2"));
  (void)snprintf(url, sizeof url, "redis://127.0.0.1:%d", server.port);
  redis_free(redis);
  redis = open_redis(url);
  while (redis_health(redis).reason != DEPENDENCY_AUTH) cr_assert_eq(loop_turn(loop, 50, NULL), 0);
}

Test(redis, servers_that_are_none) {
  static const struct {
    const char *answer;
    enum dependency_reason reason;
  } rows[] = {
      {"HTTP/1.1 400 Bad Request\r\n\r\n", DEPENDENCY_UNREACHABLE},
      {"*2147483647\r\n", DEPENDENCY_UNREACHABLE},
      {"$-7\r\n", DEPENDENCY_UNREACHABLE},
      {"$9999999999999999999\r\n", DEPENDENCY_UNREACHABLE},
      {"+OK\r\n+OK\r\n+OK\r\n+OK\r\n", DEPENDENCY_UNREACHABLE},
      {"-LOADING Redis is loading the dataset in memory\r\n", DEPENDENCY_REFUSED},
      {"", DEPENDENCY_TIMEOUT},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    char url[64];
    pid_t pid;
    (void)snprintf(url, sizeof url, "redis://localhost:%d", support_liar(rows[i].answer, &pid));
    redis_free(redis);
    redis = open_redis(url);
    int64_t until = clock_monotonic_ms() + SUPPORT_WAIT_MS;
    while (redis_health(redis).reason != rows[i].reason || strstr(redis_health(redis).message, "not reached")) {
      cr_assert_lt(clock_monotonic_ms(), until, "row %zu: %s", i, redis_health(redis).message);
      cr_assert_eq(loop_turn(loop, 50, NULL), 0);
    }
    (void)kill(pid, SIGKILL);
  }
}
