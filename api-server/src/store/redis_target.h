/* Where Redis is, and how one logs in: what the settings say, checked and taken apart. Pure.
 *
 *     REDIS_URL            redis://[[user]:password@]host[:port][/database]
 *     REDIS_SENTINEL       sentinel1:26379,sentinel2:26379       with the sentinels' own login: redis://[[user]:password@]sentinel1,sentinel2
 *     REDIS_MASTER         mymaster                              with the servers' login: redis://[[user]:password@]mymaster[/database]
 *     REDIS_CLUSTER_NODES  node1:6379,node2:6379                 with a login: redis://[[user]:password@]node1,node2
 *
 * rediss:// instead of redis:// asks for TLS (redis_tls.h). Users and passwords are percent-decoded; a plain REDIS_MASTER takes over nothing
 * from REDIS_SENTINEL. A host is a name, an IPv4 address or an IPv6 address in brackets.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum redis_mode { REDIS_MODE_AUTO, REDIS_MODE_NONE, REDIS_MODE_SINGLE, REDIS_MODE_SENTINEL, REDIS_MODE_CLUSTER };

enum { REDIS_HOST = 256, REDIS_PLACES = 16, REDIS_MASTER_NAME = 128 };

struct redis_place {
  char host[REDIS_HOST];
  int port;
};

struct redis_login {
  char user[128], password[512]; /* "": none */
  int database;
  bool tls;
};

struct redis_target {
  enum redis_mode mode; /* SINGLE, SENTINEL or CLUSTER */
  struct redis_place places[REDIS_PLACES];
  size_t count;             /* the server, the sentinels, or some of the cluster's nodes */
  struct redis_login login; /* to those */
  char master[REDIS_MASTER_NAME];
  struct redis_login master_login; /* of SENTINEL: to the servers that it names */
};

/* The settings of one mode; the others' may be NULL. */
struct redis_settings {
  enum redis_mode mode; /* not AUTO, not NONE */
  const char *url, *sentinel, *master, *cluster_nodes;
  int64_t timeout_ms; /* of a command */
};

/* -1 (ERROR_INVALID) with a sentence that names the variable and holds nothing of its value. */
int redis_target_parse(const struct redis_settings *settings, struct redis_target *ret, struct error *error) _must_check_;
