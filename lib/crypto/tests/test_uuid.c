#include "crypto/uuid.h"

#include <criterion/criterion.h>
#include <string.h>

/* RFC 9562, 6.6 */
static const unsigned char dns[UUID_BYTES] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                              0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};

Test(uuid, names) {
  static const struct {
    const char *name, *expected;
  } cases[] = {
      {"www.example.com", "2ed6657d-e927-568b-95e1-2665a8aea6a2"}, /* RFC 9562, A.4 */
      {"api.supernova.com", "65ee5d5a-1236-5bda-bd21-12306a2a9a51"},
      {"", "4ebd0208-8328-5d69-8c44-ec50939c0967"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char found[UUID_SIZE];
    cr_assert_eq(uuid_v5(dns, cases[i].name, strlen(cases[i].name), found), 0);
    cr_expect_str_eq(found, cases[i].expected);
  }
}
