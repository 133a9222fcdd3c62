/* What Redis, Sentinel and Cluster say about who serves what: their replies, taken apart. Pure: nothing here sends or remembers.
 *
 * Sources: redis.io/docs/reference/cluster-spec (slots, hash tags, MOVED, ASK, TRYAGAIN, CLUSTERDOWN), redis.io/commands/cluster-slots,
 * redis.io/docs/reference/sentinel-clients (get-master-addr-by-name, ROLE, +switch-master).
 */
#pragma once

#include "store/dependency.h"
#include "store/redis_target.h"

#include <hiredis/hiredis.h>

enum { REDIS_SLOTS = 16384 };

/* CRC16 (XMODEM) of the key, or of what stands between its first { and the next } where that isn't empty. */
uint16_t redis_slot_of_key(const char *key, size_t n);

/* Which of a command's COUNT arguments is the key that decides where it goes; -1: any node will do (PING, PUBLISH, …). */
int redis_key_argument(int count, const char *const *arguments);

enum redis_redirect_kind { REDIS_REDIRECT_NONE, REDIS_REDIRECT_MOVED, REDIS_REDIRECT_ASK, REDIS_REDIRECT_LATER /* TRYAGAIN */ };
struct redis_redirect {
  enum redis_redirect_kind kind;
  uint16_t slot;
  struct redis_place place; /* host "": the one that answered */
};
/* NONE for everything else, malformed ones among it. REPLY may be NULL. */
struct redis_redirect redis_redirect_of(const redisReply *reply);

/* Calls `range` for each range of slots that has a primary. -1 where REPLY is no answer to CLUSTER SLOTS. A host "" is the one that was asked. */
int redis_slots_parse(const redisReply *reply, void (*range)(void *owner, uint16_t first, uint16_t last, const struct redis_place *primary),
                      void *owner) _must_check_;

/* The answer to SENTINEL get-master-addr-by-name. 0; -1: it knows none of that name, or answers something else. */
int redis_master_parse(const redisReply *reply, struct redis_place *ret) _must_check_;

/* The text of a +switch-master message: "name old-host old-port host port". -1 where it is about another master. */
int redis_switch_parse(const char *text, size_t n, const char *master, struct redis_place *ret) _must_check_;

/* The answer to ROLE. */
bool redis_role_is_master(const redisReply *reply);

/* An error that says that this Redis is no use as it is, whatever is asked of it (no rights, a replica, out of memory, a cluster that is down).
 * DEPENDENCY_OK for every other reply. */
enum dependency_reason redis_fault_of(const redisReply *reply);

/* A server that has become the wrong one: a replica, or, outside of cluster mode, part of a cluster. */
bool redis_is_wrong_server(const redisReply *reply);

bool redis_place_equal(const struct redis_place *a, const struct redis_place *b);
