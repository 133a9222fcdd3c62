#include "http/accept.h"
#include "support_head.h"

static const char *const types[] = {"application/json", "application/jwt"};

Test(accept, the_greatest_weight_of_the_most_specific_range_wins) {
  static const struct {
    const char *lines;
    int chosen;
  } cases[] = {
      {"", 0},
      {"Accept:\r\n", 0},
      {"Accept: */*\r\n", 0},
      {"Accept: application/jwt\r\n", 1},
      {"Accept: Application/JWT\r\n", 1},
      {"Accept: application/*\r\n", 0},
      {"Accept: application/*;q=0.1\r\n", 0},
      {"Accept: application/jwt, application/json\r\n", 0},
      {"Accept: application/jwt;q=0.001, application/json;q=0\r\n", 1},
      {"Accept: application/json;q=0.999, application/jwt;q=1.000\r\n", 1},
      {"Accept: application/json ; q=0.2 , application/jwt ; Q=0.3\r\n", 1},
      {"Accept: */*;q=0.9, application/json;q=0.1\r\n", 1},
      {"Accept: */*;q=0.1, application/*;q=0.5, application/json;q=0.4\r\n", 1},
      {"Accept: application/json;q=0.1\r\nAccept: application/jwt\r\n", 1},
      {"Accept: application/json;q=0.1, application/json;q=0.8, application/jwt;q=0.5\r\n", 0},
      {"Accept: application/jwt;v=1;q=0.5, */*;q=0.4\r\n", 1},
      {"Accept: text/html\r\n", -1},
      {"Accept: text/*, application/json;q=0\r\n", -1},
      {"Accept: */*;q=0\r\n", -1},
      {"Accept: application\r\n", 0},
      {"Accept: application/jwt;q=2\r\n", 0},
      {"Accept: application/jwt;q=0.1234, text/html\r\n", -1},
      {"Accept: application/jwt;q=, text/html\r\n", -1},
      {"Accept: application/jwt;q, text/html\r\n", -1},
      {"Accept: application/jwt;q=1.001, text/html\r\n", -1},
      {"Accept: application/jwt;q=-0, text/html\r\n", -1},
      {"Accept: application/jwt;q=1., application/json;q=0.\r\n", 1},
      {"Accept: ,,application/jwt,\r\n", 1},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct request_head head = support_head(cases[i].lines);
    int chosen = accept_choose(&head, types, ELEMENTS(types));
    cr_expect_eq(chosen, cases[i].chosen, "%s -> %d", cases[i].lines, chosen);
  }
}
