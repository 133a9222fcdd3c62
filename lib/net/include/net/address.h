/* Which addresses belong to everybody: for clients that are told by others where to connect.
 *
 *     if (!address_is_public(address)) ...          10.0.0.1, ::1, 169.254.169.254, ::ffff:192.168.0.1, 64:ff9b::7f00:1
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

/* False for all that IANA's special-purpose registries (RFC 6890) don't call globally reachable: this host, private and link-local networks,
 * shared address space, documentation, benchmarks, multicast, reserved. An IPv4 address within an IPv6 one (mapped, NAT64, 6to4) counts as
 * that IPv4 address. False for every other family. */
bool address_is_public(const struct sockaddr *address);
