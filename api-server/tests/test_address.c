#include "http/address.h"

#include <criterion/criterion.h>
#include <string.h>

static struct address parsed(const char *text) {
  struct address address;
  cr_assert_eq(address_parse_n(text, strlen(text), &address), 0, "%s", text);
  return address;
}

Test(address, text) {
  static const struct {
    const char *text, *shown; /* NULL: refused */
  } cases[] = {
      {"127.0.0.1", "127.0.0.1"},
      {"::ffff:127.0.0.1", "127.0.0.1"},
      {"::1", "::1"},
      {"[2001:db8::1]", "2001:db8::1"},
      {"127.0.0.1:80", NULL},
      {"127.1", NULL},
      {"", NULL},
      {"unknown", NULL},
      {"1.2.3.4.5", NULL},
      {"[::1", NULL},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct address address;
    char shown[ADDRESS_TEXT_SIZE];
    int refused = address_parse_n(cases[i].text, strlen(cases[i].text), &address);
    cr_expect_eq(refused, cases[i].shown ? 0 : -1, "%s", cases[i].text);
    if (refused) continue;
    address_format(&address, shown);
    cr_expect_str_eq(shown, cases[i].shown);
  }
}

Test(address, networks) {
  static const struct {
    const char *network, *address;
    bool parses, holds;
  } cases[] = {
      {"10.0.0.0/8", "10.255.0.1", true, true},
      {"10.0.0.0/8", "11.0.0.0", true, false},
      {"10.0.0.1", "10.0.0.1", true, true},
      {"10.0.0.1", "10.0.0.2", true, false},
      {"0.0.0.0/0", "9.9.9.9", true, true},
      {"0.0.0.0/0", "2001:db8::1", true, false},
      {"2001:db8::/32", "2001:db8:1::", true, true},
      {"2001:db8::/33", "2001:db8:8000::", true, false},
      {"::/0", "2001:db8::", true, true},
      {"::1/128", "::1", true, true},
      {"10.0.0.0/33", "", false, false},
      {"10.0.0.1/8", "", false, false},
      {"10.0.0.0/", "", false, false},
      {"/8", "", false, false},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct networks networks = {.count = 1};
    int refused = network_parse_n(cases[i].network, strlen(cases[i].network), &networks.all[0]);
    cr_expect_eq(refused, cases[i].parses ? 0 : -1, "%s", cases[i].network);
    if (refused) continue;
    struct address address = parsed(cases[i].address);
    cr_expect_eq(networks_hold(&networks, &address), cases[i].holds, "%s in %s", cases[i].address, cases[i].network);
  }
}

Test(address, the_client_is_the_last_that_is_no_proxy) {
  static const struct {
    const char *peer, *forwarded, *client;
  } cases[] = {
      {"203.0.113.1", "198.51.100.7", "203.0.113.1"},                 /* not a proxy: what it says is nothing */
      {"10.0.0.1", NULL, "10.0.0.1"},                                 /* */
      {"10.0.0.1", "198.51.100.7", "198.51.100.7"},                   /* */
      {"10.0.0.1", "1.1.1.1, 198.51.100.7,10.0.0.9", "198.51.100.7"}, /* further left is hearsay */
      {"10.0.0.1", "10.0.0.7 , 10.0.0.9", "10.0.0.7"},                /* proxies all the way */
      {"10.0.0.1", "198.51.100.7, spoof", "10.0.0.1"},                /* nonsense ends the walk */
      {"10.0.0.1", "198.51.100.7, , 10.0.0.2", "10.0.0.2"},           /* */
      {"10.0.0.1", "", "10.0.0.1"},                                   /* */
      {"10.0.0.1", "[2001:db8::5]", "2001:db8::5"},                   /* */
  };
  struct networks trusted = {.count = 1};
  cr_assert_eq(network_parse_n("10.0.0.0/8", 10, &trusted.all[0]), 0);
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct address peer = parsed(cases[i].peer);
    size_t n = cases[i].forwarded ? strlen(cases[i].forwarded) : 0;
    struct address client = address_of_client(&peer, cases[i].forwarded, n, &trusted);
    char shown[ADDRESS_TEXT_SIZE];
    address_format(&client, shown);
    cr_expect_str_eq(shown, cases[i].client, "case %zu: %s", i, shown);
  }
}

Test(address, limits_count_ipv6_by_its_network) {
  struct address v4 = parsed("198.51.100.7"), v6 = parsed("2001:db8:1:2:3:4:5:6");
  char key[ADDRESS_TEXT_SIZE];
  address_limit_key(&v4, key);
  cr_expect_str_eq(key, "198.51.100.7");
  address_limit_key(&v6, key);
  cr_expect_str_eq(key, "2001:db8:1:2::");
}
