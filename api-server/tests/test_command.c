#include "command/command.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <string.h>

/* Options are sub and ttl, whose value is 60 where it isn't given. */
Test(command, options, .init = cr_redirect_stderr) {
  static const struct {
    char *argv[6];
    int result;
    const char *sub, *ttl;
  } rows[] = {
      {{"mint"}, 0, NULL, "60"},
      {{"mint", "--sub", "u"}, 0, "u", "60"},
      {{"mint", "--sub=u", "--ttl=1"}, 0, "u", "1"},
      {{"mint", "--ttl", "1", "--sub=u"}, 0, "u", "1"},
      {{"mint", "--sub="}, 0, "", "60"},
      {{"mint", "--sub", "--ttl"}, 0, "--ttl", "60"},
      {{"mint", "--sub=a=b"}, 0, "a=b", "60"},
      {{"mint", "--sub", "u", "--sub", "v"}, 0, "v", "60"},
      {{"mint", "--sub"}, -1, NULL, NULL},
      {{"mint", "--subject", "u"}, -1, NULL, NULL},
      {{"mint", "--su", "u"}, -1, NULL, NULL},
      {{"mint", "sub", "u"}, -1, NULL, NULL},
      {{"mint", "-sub", "u"}, -1, NULL, NULL},
      {{"mint", "--", "u"}, -1, NULL, NULL},
      {{"mint", "--=u"}, -1, NULL, NULL},
      {{"mint", "--sub", "u", ""}, -1, NULL, NULL},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    const char *values[] = {NULL, "60"};
    int argc = 0;
    while (argc < 6 && rows[i].argv[argc]) argc++;
    cr_expect_eq(command_options(argc, (char **)rows[i].argv, (const char *const[]){"sub", "ttl", NULL}, values), rows[i].result, "row %zu",
                 i);
    if (rows[i].result < 0) continue;
    cr_expect(values[0] && rows[i].sub ? !strcmp(values[0], rows[i].sub) : values[0] == rows[i].sub, "row %zu", i);
    cr_expect_str_eq(values[1], rows[i].ttl);
  }
}

Test(command, what_is_not_understood_is_said, .init = cr_redirect_stderr) {
  const char *value = NULL;
  cr_expect_eq(command_options(2, (char *[]){"mend", "--why"}, (const char *const[]){"what", NULL}, &value), -1);
  cr_assert_stderr_eq_str("supernova-server mend: not an option here: --why\nTry: supernova-server mend --help\n");
}
