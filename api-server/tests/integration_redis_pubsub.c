#include "store/redis_pubsub.h"
#include "store/resolver.h"
#include "support_redis.h"

/* Two servers: of one cluster, or the same one twice. */
static struct support_redis nodes[2];
static struct loop *loop;
static struct resolver *resolver;
static struct redis *speaker, *listener;

struct ear {
  struct redis_subscription subscription;
  int joined, heard;
  char text[64];
  bool once; /* leaves with its first message */
};

static void on_message(struct redis_subscription *subscription, const char *bytes, size_t n) {
  struct ear *ear = CONTAINER_OF(subscription, struct ear, subscription);
  ear->heard++;
  (void)snprintf(ear->text, sizeof ear->text, "%.*s", (int)n, bytes);
  if (ear->once) redis_unsubscribe(subscription);
}

static void on_joined(struct redis_subscription *subscription) { CONTAINER_OF(subscription, struct ear, subscription)->joined++; }

static void listen_to(struct ear *ear, const char *channel) {
  *ear = (struct ear){.subscription = {.channel = channel, .message = on_message, .joined = on_joined}};
  cr_assert_eq(redis_subscribe(listener, &ear->subscription, NULL), 0);
}

static bool has_joined(void *ear) { return ((struct ear *)ear)->joined > 0; }
static bool has_heard(void *ear) { return ((struct ear *)ear)->heard > 0; }
static bool is_up(void *redis) { return redis_health(redis).up; }

static void say(const char *channel, const char *text) {
  struct error error = {0};
  cr_assert_eq(redis_publish(speaker, channel, text, strlen(text), &error), 0, "%s", error.message);
}

static struct redis *open_redis(int node) {
  char text[64];
  struct error error = {0};
  struct redis_settings settings = {REDIS_MODE_CLUSTER, .cluster_nodes = text, .timeout_ms = 1000};
  (void)snprintf(text, sizeof text, "127.0.0.1:%d", nodes[node].port);
  if (!nodes[node].cluster) settings = (struct redis_settings){REDIS_MODE_SINGLE, .url = nodes[node].url, .timeout_ms = 1000};
  struct redis *made = redis_new(loop, resolver, &settings, &error);
  cr_assert_not_null(made, "%s", error.message);
  return made;
}

static void open_both(int speaks, int listens) {
  loop = loop_new(NULL);
  resolver = resolver_new(loop, NULL);
  speaker = open_redis(speaks);
  listener = open_redis(listens);
  support_until(loop, is_up, speaker);
}

static void setup(void) {
  nodes[0] = (struct support_redis){0};
  support_redis_start(&nodes[0]);
  open_both(0, 0);
}

static void teardown(void) {
  redis_free(speaker);
  redis_free(listener);
  resolver_free(resolver);
  loop_free(loop);
  for (int i = 0; i < 2; i++)
    if (*nodes[i].directory) support_redis_remove(&nodes[i]);
}

TestSuite(redis_pubsub, .init = setup, .fini = teardown, .timeout = 60);

Test(redis_pubsub, what_is_said_is_heard) {
  struct ear one, two, other, once;
  listen_to(&one, "a");
  listen_to(&two, "a");
  listen_to(&other, "b");
  listen_to(&once, "a");
  once.once = true;
  support_until(loop, has_joined, &one);
  support_until(loop, has_joined, &other);
  say("a", "hello");
  support_until(loop, has_heard, &one);
  support_until(loop, has_heard, &two);
  cr_expect_str_eq(two.text, "hello");
  cr_expect_eq(other.heard, 0);
  redis_unsubscribe(&one.subscription);
  redis_unsubscribe(&one.subscription);
  two.heard = 0;
  say("a", "");
  support_until(loop, has_heard, &two);
  cr_expect_str_eq(two.text, "");
  cr_expect_eq(one.heard, 1);
  cr_expect_eq(once.heard, 1);
  redis_unsubscribe(&two.subscription);
  say("a", "nobody");
  say("b", "last");
  support_until(loop, has_heard, &other);
  cr_expect_eq(two.heard, 1);
}

Test(redis_pubsub, it_joins_again_after_a_loss) {
  struct ear ear;
  listen_to(&ear, "a");
  support_until(loop, has_joined, &ear);
  support_redis_stop(&nodes[0]);
  while (redis_health(speaker).up) cr_assert_eq(loop_turn(loop, 50, NULL), 0);
  cr_expect_eq(redis_publish(speaker, "a", "x", 1, NULL), -1);
  ear.joined = 0;
  support_redis_start(&nodes[0]);
  support_until(loop, has_joined, &ear);
  support_until(loop, is_up, speaker);
  say("a", "again");
  support_until(loop, has_heard, &ear);
  cr_expect_str_eq(ear.text, "again");
}

Test(redis_pubsub, a_silent_server_is_left) {
  struct ear ear;
  listen_to(&ear, "a");
  support_until(loop, has_joined, &ear);
  ear.joined = 0;
  (void)kill(nodes[0].pid, SIGSTOP);
  int64_t until = clock_monotonic_ms() + SUBSCRIBER_PING_MS + 1500;
  while (clock_monotonic_ms() < until) cr_assert_eq(loop_turn(loop, 50, NULL), 0);
  (void)kill(nodes[0].pid, SIGCONT);
  support_until(loop, has_joined, &ear);
}

static void setup_cluster(void) {
  char command[64];
  for (int i = 0; i < 2; i++) {
    nodes[i] = (struct support_redis){.cluster = true};
    support_redis_start(&nodes[i]);
    (void)snprintf(command, sizeof command, "CLUSTER ADDSLOTSRANGE %d %d", i * 8192, i * 8192 + 8191);
    freeReplyObject(support_redis_ask(&nodes[i], command));
  }
  freeReplyObject(support_redis_ask(&nodes[1], "CLUSTER SET-CONFIG-EPOCH 2"));
  (void)snprintf(command, sizeof command, "CLUSTER MEET 127.0.0.1 %d", nodes[0].port);
  freeReplyObject(support_redis_ask(&nodes[1], command));
  open_both(0, 1);
}

TestSuite(redis_pubsub_cluster, .init = setup_cluster, .fini = teardown, .timeout = 60);

Test(redis_pubsub_cluster, through_any_node) {
  struct ear ear;
  listen_to(&ear, "a");
  support_until(loop, is_up, listener);
  support_until(loop, has_joined, &ear);
  for (int i = 0; i < 4; i++) { /* both nodes are used in turn */
    ear.heard = 0;
    say("a", i % 2 ? "odd" : "even");
    support_until(loop, has_heard, &ear);
    cr_expect_str_eq(ear.text, i % 2 ? "odd" : "even");
  }
}
