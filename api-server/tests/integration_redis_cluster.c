#include "store/redis.h"
#include "store/redis_cluster.h"
#include "store/resolver.h"
#include "support_redis.h"

enum { NODES = 2, HALF = REDIS_SLOTS / 2 };

static struct support_redis nodes[NODES];
static struct loop *loop;
static struct resolver *resolver;
static struct redis *redis;

static void ask(int node, const char *format, ...) _printf_(2, 3);

/* The node's answer must not be an error. */
static void ask(int node, const char *format, ...) {
  char command[160];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(command, sizeof command, format, arguments);
  va_end(arguments);
  redisReply *reply = support_redis_ask(&nodes[node], command);
  cr_assert(reply && reply->type != REDIS_REPLY_ERROR, "%s: %s", command, reply ? reply->str : "no answer");
  freeReplyObject(reply);
}

static void read_id(int node, char to[41]) {
  redisReply *reply = support_redis_ask(&nodes[node], "CLUSTER MYID");
  (void)snprintf(to, 41, "%s", reply->str);
  freeReplyObject(reply);
}

static bool knows_all(void *unused) {
  (void)unused;
  for (int i = 0; i < NODES; i++) {
    redisReply *reply = support_redis_ask(&nodes[i], "CLUSTER INFO");
    bool well = strstr(reply->str, "cluster_state:ok") && strstr(reply->str, "cluster_known_nodes:2");
    freeReplyObject(reply);
    if (!well) return false;
  }
  return true;
}

static bool is_up(void *r) { return redis_health(r).up; }
static bool is_down(void *r) { return !redis_health(r).up; }

static struct redis *open_redis(int first_node) {
  static char text[64];
  struct error error = {0};
  (void)snprintf(text, sizeof text, "127.0.0.1:%d", nodes[first_node].port);
  struct redis *made =
      redis_new(loop, resolver, &(struct redis_settings){REDIS_MODE_CLUSTER, .cluster_nodes = text, .timeout_ms = 1000}, &error);
  cr_assert_not_null(made, "%s", error.message);
  return made;
}

static void setup(void) {
  loop = loop_new(NULL);
  resolver = resolver_new(loop, NULL);
  for (int i = 0; i < NODES; i++) {
    nodes[i] = (struct support_redis){.cluster = true};
    support_redis_start(&nodes[i]);
    ask(i, "CLUSTER SET-CONFIG-EPOCH %d", i + 1);
    ask(i, "CLUSTER ADDSLOTSRANGE %d %d", i * HALF, (i + 1) * HALF - 1);
  }
  ask(1, "CLUSTER MEET 127.0.0.1 %d", nodes[0].port);
  support_until(loop, knows_all, NULL);
  redis = open_redis(0);
  support_until(loop, is_up, redis);
}

static void teardown(void) {
  redis_free(redis);
  resolver_free(resolver);
  loop_free(loop);
  for (int i = 0; i < NODES; i++) support_redis_remove(&nodes[i]);
}

TestSuite(redis_cluster, .init = setup, .fini = teardown, .timeout = 60);

struct call {
  struct redis_command command;
  bool done;
  int64_t number;
  char text[128];
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
  if (reply->type == REDIS_REPLY_ARRAY) call->number = (int64_t)reply->elements;
  if (reply->str) (void)snprintf(call->text, sizeof call->text, "%s", reply->str);
}

static bool is_done(void *call) { return ((struct call *)call)->done; }

static int submit(struct call *call, int count, const char **arguments) {
  *call = (struct call){.command.done = on_reply};
  return redis_submit(redis, &call->command, count, arguments, NULL, &call->error);
}

static void run(struct call *call, int count, const char **arguments) {
  cr_assert_eq(submit(call, count, arguments), 0, "%s", call->error.message);
  support_until(loop, is_done, call);
}

static int64_t size_of(int node) {
  redisReply *reply = support_redis_ask(&nodes[node], "DBSIZE");
  int64_t size = reply->integer;
  freeReplyObject(reply);
  return size;
}

Test(redis_cluster, each_key_goes_to_its_node) {
  enum { N = 500 };
  static struct call calls[N];
  for (int i = 0; i < N; i++) {
    char key[16];
    (void)snprintf(key, sizeof key, "key-%d", i);
    cr_assert_eq(submit(&calls[i], 2, (const char *[]){"INCR", key}), 0);
  }
  for (int i = 0; i < N; i++) support_until(loop, is_done, &calls[i]);
  for (int i = 0; i < N; i++) cr_assert(calls[i].number == 1 && !calls[i].error.kind, "%d: %s%s", i, calls[i].text, calls[i].error.message);
  cr_expect_eq(size_of(0) + size_of(1), N);
  cr_expect_gt(size_of(0), N / 4);
  cr_expect_gt(size_of(1), N / 4);
}

/* "foo" is of slot 12182, and so of node 1: half of its tag's keys move to node 0, where both are asked for at once. */
Test(redis_cluster, a_slot_that_is_half_moved) {
  struct call call;
  char ids[NODES][41];
  run(&call, 3, (const char *[]){"SET", "{foo}1", "x"});
  run(&call, 3, (const char *[]){"SET", "{foo}2", "x"});
  for (int i = 0; i < NODES; i++) read_id(i, ids[i]);
  ask(0, "CLUSTER SETSLOT 12182 IMPORTING %s", ids[1]);
  ask(1, "CLUSTER SETSLOT 12182 MIGRATING %s", ids[0]);
  ask(1, "MIGRATE 127.0.0.1 %d {foo}1 0 1000", nodes[0].port);
  run(&call, 2, (const char *[]){"STRLEN", "{foo}1"}); /* ASK */
  cr_expect_eq(call.number, 1);
  run(&call, 2, (const char *[]){"STRLEN", "{foo}2"});
  cr_expect_eq(call.number, 1);
  run(&call, 3, (const char *[]){"MGET", "{foo}1", "{foo}2"}); /* ASK, then TRYAGAIN, again and again */
  cr_expect_eq(call.error.kind, ERROR_RETRY);
  cr_expect_not_null(strstr(call.error.message, "in circles"), "%s", call.error.message);
  cr_assert_eq(submit(&call, 3, (const char *[]){"MGET", "{foo}1", "{foo}2"}), 0);
  ask(1, "MIGRATE 127.0.0.1 %d {foo}2 0 1000", nodes[0].port);
  support_until(loop, is_done, &call);
  cr_expect_eq(call.number, 2, "%s%s", call.text, call.error.message);
  for (int i = 0; i < NODES; i++) ask(i, "CLUSTER SETSLOT 12182 NODE %s", ids[0]);
  run(&call, 2, (const char *[]){"STRLEN", "{foo}2"}); /* MOVED */
  cr_expect_eq(call.number, 1);
  cr_expect(redis_health(redis).up);
}

Test(redis_cluster, a_node_that_is_away_takes_its_slots_alone) {
  struct call call;
  cr_assert_eq(submit(&call, 3, (const char *[]){"BLPOP", "foo", "0"}), 0);
  support_redis_stop(&nodes[1]);
  support_until(loop, is_done, &call);
  cr_expect_eq(call.error.kind, ERROR_RETRY);
  support_until(loop, is_down, redis);
  cr_expect_eq(submit(&call, 2, (const char *[]){"STRLEN", "foo"}), -1);
  run(&call, 2, (const char *[]){"STRLEN", "bar"}); /* slot 5061 */
  cr_expect_not(call.error.kind);
  int64_t until = clock_monotonic_ms() + SUPPORT_WAIT_MS;
  while (redis_health(redis).reason != DEPENDENCY_REFUSED) {
    cr_assert_lt(clock_monotonic_ms(), until);
    cr_assert_eq(loop_turn(loop, 50, NULL), 0);
  }
  support_redis_start(&nodes[1]);
  support_until(loop, is_up, redis);
  run(&call, 2, (const char *[]){"STRLEN", "foo"});
  cr_expect_not(call.error.kind);
}

/* The setting names a node that has lost its cluster: what it says counts for nothing while another has said more. */
Test(redis_cluster, a_node_without_slots_is_not_believed) {
  struct support_redis stranger = {.cluster = true};
  char list[64];
  struct error error = {0};
  support_redis_start(&stranger);
  (void)snprintf(list, sizeof list, "127.0.0.1:%d,127.0.0.1:%d", stranger.port, nodes[0].port);
  redis_free(redis);
  redis = redis_new(loop, resolver, &(struct redis_settings){REDIS_MODE_CLUSTER, .cluster_nodes = list, .timeout_ms = 1000}, &error);
  support_until(loop, is_up, redis);
  support_redis_remove(&stranger);
  for (int i = 0; i < 20; i++) cr_assert_eq(loop_turn(loop, 10, NULL), 0);
  cr_expect(redis_health(redis).up);
}

Test(redis_cluster, cancelled_and_freed_under_way) {
  static struct call calls[8];
  for (int i = 0; i < 8; i++) cr_assert_eq(submit(&calls[i], 3, (const char *[]){"BLPOP", i % 2 ? "foo" : "bar", "0"}), 0);
  for (int i = 0; i < 4; i++) redis_cancel(&calls[i].command);
  cr_assert_eq(loop_turn(loop, 50, NULL), 0);
  redis_free(redis);
  redis = NULL;
  for (int i = 0; i < 8; i++) cr_expect_not(calls[i].done);
}
