#include "render/fill.h"

#include <criterion/criterion.h>

Test(fill, what_is_filled_in) {
  static const struct fill fills[] = {{"A", "one"}, {"LONG_NAME", "two"}, {"EMPTY", ""}, {0}};
  static const struct {
    const char *text, *filled;
  } cases[] = {
      {"", ""},
      {"nothing", "nothing"},
      {"@A@", "one"},
      {"@A@@A@", "oneone"},
      {"x@A@y@LONG_NAME@z", "xoneytwoz"},
      {"[@EMPTY@]", "[]"},
      {"@", "@"},
      {"@A", "@A"},
      {"A@", "A@"},
      {"@B@", "@B@"},
      {"ops@example.com @A@", "ops@example.com one"},
      {"@@A@", "@one"},
      {"@a@", "@a@"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    _cleanup_buffer_ struct buffer to;
    buffer_init(&to, 1024);
    fill_text(cases[i].text, fills, &to);
    cr_expect_str_eq(buffer_text(&to), cases[i].filled, "%s", cases[i].text);
  }
}

Test(fill, a_bound_is_kept) {
  static const struct fill fills[] = {{"A", "more than that"}, {0}};
  _cleanup_buffer_ struct buffer to;
  buffer_init(&to, 8);
  fill_text("@A@", fills, &to);
  cr_assert(to.failed);
}
