#include "net/address.h"

#include "base/cleanup.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct network {
  uint8_t base[16];
  unsigned bits;
};

/* IANA's IPv4 registry, and multicast (224/4) and reserved (240/4). */
static const struct network closed_v4[] = {
    {{0}, 8},          {{10}, 8},           {{100, 64}, 10},  {{127}, 8},      {{169, 254}, 16},     {{172, 16}, 12},     {{192, 0, 0}, 24},
    {{192, 0, 2}, 24}, {{192, 88, 99}, 24}, {{192, 168}, 16}, {{198, 18}, 15}, {{198, 51, 100}, 24}, {{203, 0, 113}, 24}, {{224}, 4},
    {{240}, 4},
};

/* Only 2000::/3 is given out for general use; these of it are not. */
static const struct network closed_v6[] = {{{0x20, 0x01}, 23}, {{0x20, 0x01, 0x0d, 0xb8}, 32}, {{0x3f, 0xff}, 20}};
static const struct network open_v6 = {{0x20}, 3};

/* Where the four bytes of an IPv4 address stand within such an address. */
static const struct {
  struct network network;
  size_t at;
} carriers[] = {
    {{{[10] = 0xff, [11] = 0xff}, 96}, 12}, /* mapped, RFC 4291 */
    {{{0x00, 0x64, 0xff, 0x9b}, 96}, 12},   /* NAT64, RFC 6052 */
    {{{0x20, 0x02}, 16}, 2},                /* 6to4, RFC 3056 */
};

static bool holds(const struct network *network, const uint8_t *bytes) {
  unsigned whole = network->bits / 8, rest = network->bits % 8;
  if (memcmp(network->base, bytes, whole) != 0) return false;
  return !rest || !((network->base[whole] ^ bytes[whole]) >> (8 - rest));
}

static bool is_public_v4(const uint8_t bytes[4]) {
  for (size_t i = 0; i < ELEMENTS(closed_v4); i++)
    if (holds(&closed_v4[i], bytes)) return false;
  return true;
}

static bool is_public_v6(const uint8_t bytes[16]) {
  for (size_t i = 0; i < ELEMENTS(carriers); i++)
    if (holds(&carriers[i].network, bytes)) return is_public_v4(bytes + carriers[i].at);
  for (size_t i = 0; i < ELEMENTS(closed_v6); i++)
    if (holds(&closed_v6[i], bytes)) return false;
  return holds(&open_v6, bytes);
}

bool address_is_public(const struct sockaddr *address) {
  if (address->sa_family == AF_INET) {
    struct sockaddr_in v4;
    memcpy(&v4, address, sizeof v4);
    return is_public_v4((const uint8_t *)&v4.sin_addr);
  }
  if (address->sa_family != AF_INET6) return false;
  struct sockaddr_in6 v6;
  memcpy(&v6, address, sizeof v6);
  return is_public_v6(v6.sin6_addr.s6_addr);
}
