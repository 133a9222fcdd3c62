#include "store/redis_topology.h"

#include "base/number.h"

#include <string.h>
#include <strings.h>

/* Polynomial 0x1021, from 0, no reflection: cluster-spec, appendix A. */
static uint16_t crc16(const char *bytes, size_t n) {
  uint16_t crc = 0;
  for (size_t i = 0; i < n; i++) {
    crc = (uint16_t)(crc ^ (uint16_t)((unsigned char)bytes[i] << 8));
    for (int bit = 0; bit < 8; bit++) crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
  }
  return crc;
}

uint16_t redis_slot_of_key(const char *key, size_t n) {
  const char *open = memchr(key, '{', n);
  const char *close = open ? memchr(open + 1, '}', n - (size_t)(open + 1 - key)) : NULL;
  if (close && close > open + 1) {
    n = (size_t)(close - open - 1);
    key = open + 1;
  }
  return crc16(key, n) % REDIS_SLOTS;
}

int redis_key_argument(int count, const char *const *arguments) {
  static const struct {
    const char *name;
    int key;
  } rows[] = {{"EVAL", 3}, {"EVALSHA", 3}, {"PUBLISH", -1}, {"PING", -1}, {"CLUSTER", -1}, {"SCRIPT", -1}, {"INFO", -1}};
  int key = 1;
  for (size_t i = 0; i < ELEMENTS(rows); i++)
    if (strcasecmp(arguments[0], rows[i].name) == 0) key = rows[i].key;
  return key < count ? key : -1;
}

static int set_host(struct redis_place *place, const char *host, size_t n) {
  if (n >= sizeof place->host || memchr(host, 0, n)) return -1;
  memcpy(place->host, host, n);
  place->host[n] = 0;
  return 0;
}

/* host:port, where an IPv6 address has no brackets: the last colon counts. */
static int parse_endpoint(const char *text, size_t n, struct redis_place *ret) {
  const char *colon = memrchr(text, ':', n);
  int64_t port;
  if (!colon || parse_int64_n(colon + 1, n - (size_t)(colon + 1 - text), 1, 65535, &port) < 0) return -1;
  ret->port = (int)port;
  return set_host(ret, text, (size_t)(colon - text));
}

static bool is_error(const redisReply *reply, const char *beginning) {
  return reply && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, beginning, strlen(beginning)) == 0;
}

/* "MOVED 3999 127.0.0.1:6381" */
struct redis_redirect redis_redirect_of(const redisReply *reply) {
  struct redis_redirect none = {0}, redirect = {0};
  if (is_error(reply, "TRYAGAIN")) return (struct redis_redirect){.kind = REDIS_REDIRECT_LATER};
  redirect.kind = is_error(reply, "MOVED ") ? REDIS_REDIRECT_MOVED : is_error(reply, "ASK ") ? REDIS_REDIRECT_ASK : REDIS_REDIRECT_NONE;
  if (!redirect.kind) return none;
  const char *slot = strchr(reply->str, ' ') + 1, *end = strchr(slot, ' ');
  int64_t number;
  if (!end || parse_int64_n(slot, (size_t)(end - slot), 0, REDIS_SLOTS - 1, &number) < 0) return none;
  if (parse_endpoint(end + 1, strlen(end + 1), &redirect.place) < 0 || strcmp(redirect.place.host, "?") == 0) return none;
  redirect.slot = (uint16_t)number;
  return redirect;
}

static bool is_int(const redisReply *reply, int64_t min, int64_t max) {
  return reply->type == REDIS_REPLY_INTEGER && reply->integer >= min && reply->integer <= max;
}

/* [host, port, id, …]; host is null or "" where the node doesn't know how it is reached, "?" where it has no name yet. */
static int parse_node(const redisReply *node, struct redis_place *ret) {
  if (node->type != REDIS_REPLY_ARRAY || node->elements < 2 || !is_int(node->element[1], 1, 65535)) return -1;
  const redisReply *host = node->element[0];
  ret->port = (int)node->element[1]->integer;
  if (host->type == REDIS_REPLY_NIL) return set_host(ret, "", 0);
  if (host->type != REDIS_REPLY_STRING || strcmp(host->str, "?") == 0) return -1;
  return set_host(ret, host->str, host->len);
}

int redis_slots_parse(const redisReply *reply, void (*range)(void *owner, uint16_t first, uint16_t last, const struct redis_place *primary),
                      void *owner) {
  if (!reply || reply->type != REDIS_REPLY_ARRAY) return -1;
  for (size_t i = 0; i < reply->elements; i++) {
    const redisReply *row = reply->element[i];
    struct redis_place primary;
    if (row->type != REDIS_REPLY_ARRAY || row->elements < 3) return -1;
    if (!is_int(row->element[0], 0, REDIS_SLOTS - 1) || !is_int(row->element[1], row->element[0]->integer, REDIS_SLOTS - 1)) return -1;
    if (parse_node(row->element[2], &primary) == 0)
      range(owner, (uint16_t)row->element[0]->integer, (uint16_t)row->element[1]->integer, &primary);
  }
  return 0;
}

int redis_master_parse(const redisReply *reply, struct redis_place *ret) {
  struct redis_place place;
  int64_t port;
  if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) return -1;
  const redisReply *host = reply->element[0], *number = reply->element[1];
  if (host->type != REDIS_REPLY_STRING || number->type != REDIS_REPLY_STRING || !host->len) return -1;
  if (set_host(&place, host->str, host->len) < 0 || parse_int64(number->str, 1, 65535, &port) < 0) return -1;
  place.port = (int)port;
  return *ret = place, 0;
}

int redis_switch_parse(const char *text, size_t n, const char *master, struct redis_place *ret) {
  const char *word[5], *end = text + n;
  size_t len[5], count = 0;
  while (count < ELEMENTS(word) && text <= end) {
    const char *space = memchr(text, ' ', (size_t)(end - text));
    word[count] = text;
    len[count++] = (size_t)((space ? space : end) - text);
    text = space ? space + 1 : end + 1;
  }
  struct redis_place place;
  int64_t port;
  if (count != ELEMENTS(word) || text <= end || len[0] != strlen(master) || memcmp(word[0], master, len[0]) != 0) return -1;
  if (!len[3] || set_host(&place, word[3], len[3]) < 0 || parse_int64_n(word[4], len[4], 1, 65535, &port) < 0) return -1;
  place.port = (int)port;
  return *ret = place, 0;
}

bool redis_role_is_master(const redisReply *reply) {
  return reply && reply->type == REDIS_REPLY_ARRAY && reply->elements && reply->element[0]->type == REDIS_REPLY_STRING &&
         strcmp(reply->element[0]->str, "master") == 0;
}

enum dependency_reason redis_fault_of(const redisReply *reply) {
  static const struct {
    const char *text;
    enum dependency_reason reason;
  } rows[] = {
      {"NOPERM", DEPENDENCY_AUTH},
      {"NOAUTH", DEPENDENCY_AUTH},
      {"WRONGPASS", DEPENDENCY_AUTH},
      {"ERR AUTH", DEPENDENCY_AUTH},
      {"ERR invalid password", DEPENDENCY_AUTH},
      {"ERR The user executing the script", DEPENDENCY_AUTH}, /* Redis 7: may run the script, but not what is in it */
      {"READONLY", DEPENDENCY_REFUSED},
      {"MASTERDOWN", DEPENDENCY_REFUSED},
      {"NOREPLICAS", DEPENDENCY_REFUSED},
      {"CLUSTERDOWN", DEPENDENCY_REFUSED},
      {"MOVED", DEPENDENCY_REFUSED},
      {"LOADING", DEPENDENCY_REFUSED},
      {"MISCONF", DEPENDENCY_REFUSED},
      {"OOM", DEPENDENCY_REFUSED},
      {"BUSY ", DEPENDENCY_TIMEOUT},
      {"ERR This instance has cluster support disabled", DEPENDENCY_REFUSED},
      {"ERR unknown command", DEPENDENCY_VERSION},
      {"ERR wrong number of arguments for 'auth'", DEPENDENCY_VERSION}, /* before Redis 6, which brought users */
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++)
    if (is_error(reply, rows[i].text)) return rows[i].reason;
  return DEPENDENCY_OK;
}

bool redis_is_wrong_server(const redisReply *reply) {
  return is_error(reply, "READONLY") || is_error(reply, "MOVED ") || is_error(reply, "CLUSTERDOWN");
}

bool redis_place_equal(const struct redis_place *a, const struct redis_place *b) {
  return a->port == b->port && strcasecmp(a->host, b->host) == 0;
}
