#include "net/address.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static bool is_public(const char *text) {
  struct sockaddr_in v4 = {.sin_family = AF_INET};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) return address_is_public((const struct sockaddr *)&v4);
  cr_assert_eq(inet_pton(AF_INET6, text, &v6.sin6_addr), 1, "%s", text);
  return address_is_public((const struct sockaddr *)&v6);
}

Test(address, public_ones) {
  static const char *const open[] = {"1.1.1.1",         "8.8.8.8",         "9.255.255.255", "11.0.0.0",       "100.63.255.255",
                                     "100.128.0.0",     "126.255.0.1",     "128.0.0.1",     "169.253.0.1",    "172.15.255.255",
                                     "172.32.0.0",      "192.167.0.1",     "192.169.0.1",   "198.17.0.1",     "198.20.0.1",
                                     "223.255.255.255", "2606:4700::1111", "2a00:1450::1",  "::ffff:8.8.8.8", "64:ff9b::808:808",
                                     "2002:808:808::1", "2001:4860::8888", "3ffe::1"};
  for (size_t i = 0; i < ELEMENTS(open); i++) cr_expect(is_public(open[i]), "%s", open[i]);
}

Test(address, all_others) {
  static const char *const closed[] = {"0.0.0.0",
                                       "0.1.2.3",
                                       "10.0.0.1",
                                       "10.255.255.255",
                                       "100.64.0.1",
                                       "100.127.255.255",
                                       "127.0.0.1",
                                       "127.255.255.254",
                                       "169.254.169.254",
                                       "172.16.0.1",
                                       "172.31.255.255",
                                       "192.0.0.8",
                                       "192.0.2.1",
                                       "192.88.99.1",
                                       "192.168.0.1",
                                       "198.18.0.1",
                                       "198.19.255.255",
                                       "198.51.100.7",
                                       "203.0.113.7",
                                       "224.0.0.1",
                                       "239.255.255.255",
                                       "240.0.0.1",
                                       "255.255.255.255",
                                       "::",
                                       "::1",
                                       "::7f00:1",
                                       "fc00::1",
                                       "fd12:3456::1",
                                       "fe80::1",
                                       "febf::1",
                                       "fec0::1",
                                       "ff02::1",
                                       "2001:db8::1",
                                       "2001::1",
                                       "100::1",
                                       "::ffff:10.0.0.1",
                                       "::ffff:127.0.0.1",
                                       "64:ff9b::7f00:1",
                                       "64:ff9b::a9fe:a9fe",
                                       "64:ff9b:1::1",
                                       "2002:a00:1::1",
                                       "2002:7f00:1::",
                                       "3fff::1",
                                       "4000::1",
                                       "5f00::1"};
  for (size_t i = 0; i < ELEMENTS(closed); i++) cr_expect_not(is_public(closed[i]), "%s", closed[i]);
  struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/x"};
  cr_expect_not(address_is_public((const struct sockaddr *)&local));
}
