/* The input's first line is a list of addresses and networks, the rest is X-Forwarded-For. What is an address prints as one that reads back as
 * itself; a network holds its own base; and who is no trusted proxy is the client, whatever the list says.
 */
#include "http/address.h"
#include "testing/fuzz.h"

#include <string.h>

static bool same(const struct address *a, const struct address *b) { return !memcmp(a, b, sizeof *a); }

static void check_address(const struct address *address) {
  char text[ADDRESS_TEXT_SIZE], key[ADDRESS_TEXT_SIZE];
  struct address back, of_key;
  address_format(address, text);
  demand(address_parse_n(text, strlen(text), &back) == 0 && same(address, &back));
  address_limit_key(address, key);
  demand(address_parse_n(key, strlen(key), &of_key) == 0);
  char again[ADDRESS_TEXT_SIZE];
  address_limit_key(&of_key, again);
  demand(!strcmp(key, again));
}

static void add_network(struct networks *networks, const char *text, size_t n) {
  struct network network;
  struct address address;
  bool is_address = address_parse_n(text, n, &address) == 0;
  if (is_address) check_address(&address);
  if (network_parse_n(text, n, &network) < 0) return;
  demand(network.bits <= 128 && networks_hold(&(struct networks){.count = 1, .all = {network}}, &network.base));
  if (is_address) demand(same(&address, &network.base) && network.bits == 128);
  if (networks->count < NETWORKS_MAX) networks->all[networks->count++] = network;
}

static void read_networks(struct networks *networks, const char *text, size_t n) {
  for (const char *end = text + n, *comma; text <= end; text = comma + 1) {
    comma = memchr(text, ',', (size_t)(end - text));
    if (!comma) comma = end;
    add_network(networks, text, (size_t)(comma - text));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static const struct address peer = {{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}};
  static const struct networks nobody;
  struct networks trusted = {0};
  const char *text = (const char *)data, *newline = memchr(text, '\n', n), *rest = newline ? newline + 1 : text + n;
  size_t rest_n = (size_t)(text + n - rest);
  read_networks(&trusted, text, newline ? (size_t)(newline - text) : n);
  struct address client = address_of_client(&peer, rest, rest_n, &trusted);
  check_address(&client);
  if (!networks_hold(&trusted, &peer)) demand(same(&client, &peer));
  client = address_of_client(&peer, rest, rest_n, &nobody);
  demand(same(&client, &peer));
  return 0;
}
