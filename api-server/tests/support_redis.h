/* A redis-server of a test's own, which it may kill, pause and start again on the same port. */
#pragma once

#include "support.h"

#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

struct support_redis {
  pid_t pid;
  int port;
  const char *password; /* of the user "default"; NULL: none */
  bool cluster;         /* a node of one, alone at first */
  char url[128], directory[32];
};

/* Whose number plus 10000, a cluster's bus, is a port too. */
static inline int support_free_port(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_eq(bind(fd, (struct sockaddr *)&address, len), 0);
  cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
  int port = ntohs(address.sin_port) < 55000 ? ntohs(address.sin_port) : support_free_port();
  close(fd);
  return port;
}

/* A reply from the server, which the caller frees; NULL when it isn't there. */
static inline redisReply *support_redis_ask(const struct support_redis *redis, const char *command) {
  redisContext *context = redisConnectWithTimeout("127.0.0.1", redis->port, (struct timeval){1, 0});
  redisReply *reply = NULL;
  if (context && !context->err) {
    if (redis->password) freeReplyObject(redisCommand(context, "AUTH %s", redis->password));
    reply = redisCommand(context, command);
  }
  redisFree(context);
  return reply;
}

static inline void support_redis_start(struct support_redis *redis) {
  char port[8];
  if (!redis->port) redis->port = support_free_port();
  if (!*redis->directory) {
    (void)snprintf(redis->directory, sizeof redis->directory, "/tmp/redis.XXXXXX");
    cr_assert_not_null(mkdtemp(redis->directory));
  }
  (void)snprintf(port, sizeof port, "%d", redis->port);
  (void)snprintf(redis->url, sizeof redis->url, "redis://127.0.0.1:%d/3", redis->port);
  redis->pid = fork();
  cr_assert_geq(redis->pid, 0);
  if (redis->pid == 0) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--logfile", "/dev/null", "--dir",
           redis->directory, "--cluster-enabled", redis->cluster ? "yes" : "no", redis->password ? "--requirepass" : "--appendonly",
           redis->password ? redis->password : "no", (char *)NULL);
    _exit(127);
  }
  for (int64_t until = clock_monotonic_ms() + SUPPORT_WAIT_MS;;) {
    redisReply *reply = support_redis_ask(redis, "PING");
    bool there = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    if (there) return;
    cr_assert_lt(clock_monotonic_ms(), until, "redis-server did not start");
    (void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
  }
}

static inline void support_redis_stop(struct support_redis *redis) {
  if (redis->pid <= 0) return;
  (void)kill(redis->pid, SIGKILL);
  (void)waitpid(redis->pid, NULL, 0);
  redis->pid = 0;
}

/* Stops it for good. */
static inline void support_redis_remove(struct support_redis *redis) {
  char path[64];
  support_redis_stop(redis);
  (void)snprintf(path, sizeof path, "%s/nodes.conf", redis->directory);
  (void)unlink(path);
  (void)rmdir(redis->directory);
}
