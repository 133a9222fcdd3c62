/* Who is at the other end: addresses, networks, and the client behind trusted proxies.
 *
 * Every address is held as IPv6; IPv4 ones as ::ffff:a.b.c.d (RFC 4291 2.5.5.2), so that a dual-stack listener sees one kind.
 * The client is the right-most entry of X-Forwarded-For that is not a trusted proxy: everything to the left of it is hearsay. An entry
 * that is no address ends the walk at the last proxy that was one.
 *
 *     struct address client = address_of_client(&peer, forwarded_for, n, &settings->trusted_proxies);
 *     address_limit_key(&client, key);       // "203.0.113.9", or the /64 of an IPv6 address
 */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { ADDRESS_TEXT_SIZE = 48, NETWORKS_MAX = 64 };

struct address {
  uint8_t bytes[16];
};

struct network {
  struct address base;
  unsigned bits; /* of 128 */
};

struct networks {
  size_t count;
  struct network all[NETWORKS_MAX];
};

/* An IPv4 or IPv6 address in text, without port; brackets around IPv6 are allowed. */
int address_parse_n(const char *text, size_t n, struct address *ret) _must_check_;
struct address address_of_socket(const struct sockaddr_storage *from);
void address_format(const struct address *address, char to[ADDRESS_TEXT_SIZE]);

/* "10.0.0.0/8" or one address. Bits behind the prefix must be zero. */
int network_parse_n(const char *text, size_t n, struct network *ret) _must_check_;
bool networks_hold(const struct networks *networks, const struct address *address);

/* FORWARDED_FOR (may be NULL) counts only when PEER is a trusted proxy. */
struct address address_of_client(const struct address *peer, const char *forwarded_for, size_t n, const struct networks *trusted);

/* What limits count by: an IPv4 address whole, an IPv6 one by its /64 (one customer commonly holds that many). */
void address_limit_key(const struct address *address, char to[ADDRESS_TEXT_SIZE]);
