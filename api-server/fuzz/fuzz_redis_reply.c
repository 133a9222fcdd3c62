/* Replies of Redis, Sentinel and Cluster as hiredis reads them, each tried with every reader of ours: whatever is taken from them lies within its
 * bounds. The same bytes are also a key and the text of a +switch-master message.
 */
#include "base/cleanup.h"
#include "store/redis_topology.h"
#include "testing/fuzz.h"

#include <string.h>

enum { ELEMENTS_MAX = 1024 };

static void check_place(const struct redis_place *place) {
  demand(strnlen(place->host, sizeof place->host) < sizeof place->host && place->port >= 1 && place->port <= 65535);
}

static void on_range(void *owner, uint16_t first, uint16_t last, const struct redis_place *primary) {
  (void)owner;
  demand(first <= last && last < REDIS_SLOTS);
  check_place(primary);
}

static void check_reply(const redisReply *reply) {
  struct redis_place place;
  struct redis_redirect redirect = redis_redirect_of(reply);
  demand(redirect.slot < REDIS_SLOTS);
  if (redirect.kind == REDIS_REDIRECT_MOVED || redirect.kind == REDIS_REDIRECT_ASK) check_place(&redirect.place);
  (void)!redis_slots_parse(reply, on_range, NULL);
  if (redis_master_parse(reply, &place) == 0) {
    check_place(&place);
    demand(*place.host && redis_place_equal(&place, &place));
  }
  demand(!redis_role_is_master(reply) || reply->elements);
  demand(redis_fault_of(reply) == DEPENDENCY_OK || reply->type == REDIS_REPLY_ERROR);
  (void)redis_is_wrong_server(reply);
}

static void check_switch(const char *text, size_t n) {
  struct redis_place place;
  if (redis_switch_parse(text, n, "m", &place) < 0) return;
  check_place(&place);
  demand(*place.host);
}

static redisReplyObjectFunctions functions; /* hiredis' own, but for the one that makes room for as much as the wire claims */
static void *(*create_array)(const redisReadTask *, int);

static void *create_bounded_array(const redisReadTask *task, int elements) {
  return elements <= ELEMENTS_MAX ? create_array(task, elements) : NULL;
}

static redisReader *make_reader(void) {
  redisReader *reader = redisReaderCreate();
  demand(reader);
  create_array = reader->fn->createArray;
  functions = *reader->fn;
  functions.createArray = create_bounded_array;
  reader->fn = &functions;
  return reader;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  const char *bytes = (const char *)data;
  redisReader *reader = make_reader();
  demand(redisReaderFeed(reader, bytes, n) == REDIS_OK);
  for (void *reply = NULL; redisReaderGetReply(reader, &reply) == REDIS_OK && reply; freeReplyObject(reply)) check_reply(reply);
  redisReaderFree(reader);
  check_switch(bytes, n);
  demand(redis_slot_of_key(bytes, n) < REDIS_SLOTS);
  return 0;
}
