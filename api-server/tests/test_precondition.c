#include "routes/precondition.h"
#include "support_head.h"

Test(precondition, tags_become_numbers) {
  static const struct {
    const char *lines, *name, *literal;
  } cases[] = {
      {"", "if-match", NULL},
      {"If-None-Match: *\r\n", "if-match", NULL},
      {"If-Match: *\r\n", "if-match", "{0}"},
      {"If-Match: \"7\"\r\n", "if-match", "{7}"},
      {"If-Match: \"7\", \"9223372036854775807\"\r\n", "if-match", "{7,9223372036854775807}"},
      {"If-Match: \"7\"\r\nIf-Match: \"8\"\r\n", "if-match", "{7,8}"},
      {"If-Match: W/\"7\"\r\n", "if-match", "{}"},
      {"If-None-Match: W/\"7\", \"8\"\r\n", "if-none-match", "{7,8}"},
      {"If-Match: 7, \"x\", \"\", \"-1\", \"0\", \"07\", \"9223372036854775808\", \"1,2\"\r\n", "if-match", "{}"},
      {"If-Match:\r\n", "if-match", "{}"},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct request request = {.head = support_head(cases[i].lines), .arena = arena_new(1 << 16)};
    const char *literal = "unset";
    cr_assert_eq(precondition_read(&request, cases[i].name, &literal), 0);
    if (cases[i].literal)
      cr_expect_str_eq(literal, cases[i].literal, "%s -> %s", cases[i].lines, literal);
    else
      cr_expect_null(literal, "%s -> %s", cases[i].lines, literal);
    arena_free(request.arena);
  }
}
