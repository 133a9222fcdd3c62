#include "store/redis_topology.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* What hiredis makes of BYTES; the caller frees it. */
static redisReply *reply_of(const char *bytes) {
  redisReader *reader = redisReaderCreate();
  void *reply = NULL;
  cr_assert_eq(redisReaderFeed(reader, bytes, strlen(bytes)), REDIS_OK);
  cr_assert_eq(redisReaderGetReply(reader, &reply), REDIS_OK, "%s", bytes);
  cr_assert_not_null(reply, "%s", bytes);
  redisReaderFree(reader);
  return reply;
}

/* The slots are what `CLUSTER KEYSLOT` of Redis 7 says. */
Test(redis_topology, slots) {
  static const struct {
    const char *key;
    uint16_t slot;
  } rows[] = {
      {"", 0},       {"123456789", 0x31c3 % 16384}, {"foo", 12182},     {"{foo}bar", 12182}, {"a{foo}b{c}", 12182}, {"foo{}bar", 14292},
      {"{}", 15257}, {"foo{{bar}}zap", 4015},       {"foo{bar", 15278}, {"somekey", 11058}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    cr_expect_eq(redis_slot_of_key(rows[i].key, strlen(rows[i].key)), rows[i].slot, "%s: %d", rows[i].key,
                 redis_slot_of_key(rows[i].key, strlen(rows[i].key)));
}

Test(redis_topology, keys) {
  static const struct {
    const char *arguments[5];
    int count, key;
  } rows[] = {{{"GET", "k"}, 2, 1},        {{"evalsha", "d", "1", "k", "x"}, 5, 3},
              {{"EVAL", "s", "0"}, 3, -1}, {{"PUBLISH", "c", "t"}, 3, -1},
              {{"PING"}, 1, -1},           {{"INCR"}, 1, -1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) cr_expect_eq(redis_key_argument(rows[i].count, rows[i].arguments), rows[i].key);
}

Test(redis_topology, redirects) {
  static const struct {
    const char *bytes;
    struct redis_redirect expect;
  } rows[] = {
      {"-MOVED 3999 127.0.0.1:6381\r\n", {REDIS_REDIRECT_MOVED, 3999, {"127.0.0.1", 6381}}},
      {"-ASK 0 node-1.redis.svc:7000\r\n", {REDIS_REDIRECT_ASK, 0, {"node-1.redis.svc", 7000}}},
      {"-MOVED 16383 fd00::1:6379\r\n", {REDIS_REDIRECT_MOVED, 16383, {"fd00::1", 6379}}},
      {"-MOVED 1 :6379\r\n", {REDIS_REDIRECT_MOVED, 1, {"", 6379}}},
      {"-TRYAGAIN Multiple keys request during rehashing of slot\r\n", {.kind = REDIS_REDIRECT_LATER}},
      {"-MOVED 16384 h:1\r\n", {.slot = 0}},
      {"-MOVED -1 h:1\r\n", {.slot = 0}},
      {"-MOVED 1\r\n", {.slot = 0}},
      {"-MOVED 1 h\r\n", {.slot = 0}},
      {"-MOVED 1 h:0\r\n", {.slot = 0}},
      {"-MOVED 1 ?:6379\r\n", {.slot = 0}},
      {"-MOVEDX 1 h:1\r\n", {.slot = 0}},
      {"-ASK\r\n", {.slot = 0}},
      {"-CLUSTERDOWN Hash slot not served\r\n", {.slot = 0}},
      {"+MOVED 1 h:1\r\n", {.slot = 0}},
      {":1\r\n", {.slot = 0}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    redisReply *reply = reply_of(rows[i].bytes);
    struct redis_redirect got = redis_redirect_of(reply);
    cr_expect_eq(got.kind, rows[i].expect.kind, "row %zu", i);
    cr_expect_eq(got.slot, rows[i].expect.slot, "row %zu", i);
    cr_expect(redis_place_equal(&got.place, &rows[i].expect.place), "row %zu: %s:%d", i, got.place.host, got.place.port);
    freeReplyObject(reply);
  }
  cr_expect_eq(redis_redirect_of(NULL).kind, REDIS_REDIRECT_NONE);
}

static void write_range(void *owner, uint16_t first, uint16_t last, const struct redis_place *primary) {
  char *text = owner;
  (void)sprintf(text + strlen(text), "%d-%d=%s:%d ", first, last, primary->host, primary->port);
}

Test(redis_topology, tables_of_slots) {
  static const struct {
    const char *bytes, *expect; /* NULL: refused */
  } rows[] = {
      {"*0\r\n", ""},
      {"*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$9\r\n127.0.0.1\r\n:7000\r\n$2\r\nid\r\n", "0-16383=127.0.0.1:7000 "},
      /* a replica after the primary, metadata, a second range */
      {"*2\r\n*4\r\n:0\r\n:1\r\n*4\r\n$1\r\na\r\n:1\r\n$1\r\nx\r\n*2\r\n$8\r\nhostname\r\n$1\r\nh\r\n*2\r\n$1\r\nb\r\n:2\r\n"
       "*3\r\n:5\r\n:5\r\n*2\r\n$1\r\nb\r\n:2\r\n",
       "0-1=a:1 5-5=b:2 "},
      {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$-1\r\n:7000\r\n", "0-1=:7000 "},
      {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$0\r\n\r\n:7000\r\n", "0-1=:7000 "},
      {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\n?\r\n:7000\r\n", ""},
      {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n:0\r\n", ""},
      {"*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\na\r\n:1\r\n", NULL},
      {"*1\r\n*3\r\n:2\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n", NULL},
      {"*1\r\n*3\r\n:-1\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n", NULL},
      {"*1\r\n*2\r\n:0\r\n:1\r\n", NULL},
      {"*1\r\n:0\r\n", NULL},
      {"+OK\r\n", NULL},
      {"-ERR This instance has cluster support disabled\r\n", NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char text[256] = "";
    redisReply *reply = reply_of(rows[i].bytes);
    cr_expect_eq(redis_slots_parse(reply, write_range, text), rows[i].expect ? 0 : -1, "row %zu", i);
    if (rows[i].expect) cr_expect_str_eq(text, rows[i].expect, "row %zu", i);
    freeReplyObject(reply);
  }
  cr_expect_eq(redis_slots_parse(NULL, write_range, NULL), -1);
}

Test(redis_topology, masters) {
  static const struct {
    const char *bytes, *host; /* NULL: refused */
  } rows[] = {{"*2\r\n$8\r\n10.0.0.1\r\n$4\r\n6379\r\n", "10.0.0.1"},
              {"*-1\r\n", NULL},
              {"*1\r\n$1\r\na\r\n", NULL},
              {"*2\r\n$1\r\na\r\n$1\r\n0\r\n", NULL},
              {"*2\r\n$1\r\na\r\n:1\r\n", NULL},
              {"*2\r\n$0\r\n\r\n$1\r\n1\r\n", NULL},
              {"-IDONTKNOW x\r\n", NULL}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct redis_place place;
    redisReply *reply = reply_of(rows[i].bytes);
    cr_expect_eq(redis_master_parse(reply, &place), rows[i].host ? 0 : -1, "row %zu", i);
    if (rows[i].host) cr_expect_str_eq(place.host, rows[i].host);
    freeReplyObject(reply);
  }
}

Test(redis_topology, switches) {
  static const struct {
    const char *text, *host; /* NULL: not ours, or nonsense */
  } rows[] = {{"m 10.0.0.1 1 10.0.0.2 6380", "10.0.0.2"},
              {"n 10.0.0.1 1 10.0.0.2 6380", NULL},
              {"mm a 1 b 6380", NULL},
              {"m a 1 b", NULL},
              {"m a 1 b 6380 c", NULL},
              {"m a 1 b x", NULL},
              {"m a 1  6380", NULL},
              {"", NULL}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct redis_place place = {0};
    cr_expect_eq(redis_switch_parse(rows[i].text, strlen(rows[i].text), "m", &place), rows[i].host ? 0 : -1, "%s", rows[i].text);
    if (rows[i].host) cr_expect(redis_place_equal(&place, &(struct redis_place){.host = "10.0.0.2", .port = 6380}));
  }
}

Test(redis_topology, roles_and_faults) {
  static const struct {
    const char *bytes;
    bool master, wrong;
    enum dependency_reason fault;
  } rows[] = {
      {"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n", true, false, DEPENDENCY_OK},
      {"*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$7\r\nconnect\r\n:-1\r\n", false, false, DEPENDENCY_OK},
      {"*0\r\n", false, false, DEPENDENCY_OK},
      {"+master\r\n", false, false, DEPENDENCY_OK},
      {"-READONLY You can't write against a read only replica.\r\n", false, true, DEPENDENCY_REFUSED},
      {"-MOVED 1 h:1\r\n", false, true, DEPENDENCY_REFUSED},
      {"-NOPERM this user has no permissions to run the 'eval' command\r\n", false, false, DEPENDENCY_AUTH},
      {"-ERR The user executing the script can't run this command or subcommand script: x\r\n", false, false, DEPENDENCY_AUTH},
      {"-OOM command not allowed when used memory > 'maxmemory'.\r\n", false, false, DEPENDENCY_REFUSED},
      {"-ERR wrong number of arguments for 'auth' command\r\n", false, false, DEPENDENCY_VERSION},
      {"-NOSCRIPT No matching script.\r\n", false, false, DEPENDENCY_OK},
      {"-WRONGTYPE Operation against a key\r\n", false, false, DEPENDENCY_OK},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    redisReply *reply = reply_of(rows[i].bytes);
    cr_expect_eq(redis_role_is_master(reply), rows[i].master, "row %zu", i);
    cr_expect_eq(redis_is_wrong_server(reply), rows[i].wrong, "row %zu", i);
    cr_expect_eq(redis_fault_of(reply), rows[i].fault, "row %zu", i);
    freeReplyObject(reply);
  }
}
