#include "http/address.h"

#include "base/number.h"
#include "http/span.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static bool is_ipv4(const struct address *address) { return !memcmp(address->bytes, mapped_prefix, sizeof mapped_prefix); }

int address_parse_n(const char *text, size_t n, struct address *ret) {
  char copy[INET6_ADDRSTRLEN + 2];
  struct address parsed = {0};
  if (n >= 2 && text[0] == '[' && text[n - 1] == ']') text++, n -= 2;
  if (!n || n >= sizeof copy || memchr(text, 0, n)) return -1;
  memcpy(copy, text, n);
  copy[n] = 0;
  if (inet_pton(AF_INET6, copy, parsed.bytes) != 1) {
    memcpy(parsed.bytes, mapped_prefix, sizeof mapped_prefix);
    if (inet_pton(AF_INET, copy, parsed.bytes + sizeof mapped_prefix) != 1) return -1;
  }
  return *ret = parsed, 0;
}

struct address address_of_socket(const struct sockaddr_storage *from) {
  struct address address = {0};
  if (from->ss_family == AF_INET6) {
    memcpy(address.bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, sizeof address.bytes);
  } else if (from->ss_family == AF_INET) {
    memcpy(address.bytes, mapped_prefix, sizeof mapped_prefix);
    memcpy(address.bytes + sizeof mapped_prefix, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
  }
  return address;
}

void address_format(const struct address *address, char to[ADDRESS_TEXT_SIZE]) {
  const char *done = is_ipv4(address) ? inet_ntop(AF_INET, address->bytes + sizeof mapped_prefix, to, ADDRESS_TEXT_SIZE)
                                      : inet_ntop(AF_INET6, address->bytes, to, ADDRESS_TEXT_SIZE);
  if (!done) *to = 0;
}

static void keep_bits(struct address *address, unsigned bits) {
  for (unsigned i = 0; i < sizeof address->bytes; i++) {
    unsigned kept = bits <= i * 8 ? 0 : bits - i * 8;
    if (kept < 8) address->bytes[i] = (uint8_t)(address->bytes[i] & (0xff00 >> kept));
  }
}

int network_parse_n(const char *text, size_t n, struct network *ret) {
  const char *slash = memchr(text, '/', n);
  size_t address_len = slash ? (size_t)(slash - text) : n;
  struct network parsed;
  if (address_parse_n(text, address_len, &parsed.base) < 0) return -1;
  int64_t widest = memchr(text, ':', address_len) ? 128 : 32, bits = widest;
  if (slash && parse_int64_n(slash + 1, n - address_len - 1, 0, widest, &bits) < 0) return -1;
  parsed.bits = (unsigned)(bits + 128 - widest);
  struct address kept = parsed.base;
  keep_bits(&kept, parsed.bits);
  if (memcmp(&kept, &parsed.base, sizeof kept) != 0) return -1;
  return *ret = parsed, 0;
}

bool networks_hold(const struct networks *networks, const struct address *address) {
  for (size_t i = 0; i < networks->count; i++) {
    struct address kept = *address;
    keep_bits(&kept, networks->all[i].bits);
    if (!memcmp(&kept, &networks->all[i].base, sizeof kept)) return true;
  }
  return false;
}

struct address address_of_client(const struct address *peer, const char *forwarded_for, size_t n, const struct networks *trusted) {
  struct address client = *peer;
  while (forwarded_for && n && networks_hold(trusted, &client)) {
    const char *comma = memrchr(forwarded_for, ',', n), *entry = comma ? comma + 1 : forwarded_for;
    struct span address = span_trim((struct span){entry, n - (size_t)(entry - forwarded_for)});
    if (address_parse_n(address.at, address.len, &client) < 0) break;
    n = comma ? (size_t)(comma - forwarded_for) : 0;
  }
  return client;
}

void address_limit_key(const struct address *address, char to[ADDRESS_TEXT_SIZE]) {
  struct address kept = *address;
  if (!is_ipv4(address)) keep_bits(&kept, 64);
  address_format(&kept, to);
}
