#include "auth/resume.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct settings with_secret = {
    .app_jwt_secret = {.current = "the-secret-in-force-0123456789", .previous = "the-secret-before-it-0123456789"}};
static const struct settings with_the_one_before = {.app_jwt_secret = {.current = "the-secret-before-it-0123456789"}};
static const struct settings without = {0};

static struct secrets secrets_of(const struct settings *settings) { return (struct secrets){.settings = settings}; }

static bool reads(const struct settings *settings, const char *text, const char *ticket, const char *sub) {
  struct secrets secrets = secrets_of(settings);
  int64_t position = -1, until_s = -1;
  bool known = resume_read(&secrets, (struct span){text, strlen(text)}, ticket, sub, &position, &until_s);
  if (known) cr_assert(position == 7 && until_s == 1767225600);
  return known;
}

static const char *made(const struct settings *settings) {
  static char text[RESUME_SIZE];
  struct secrets secrets = secrets_of(settings);
  resume_print(&secrets, "t1", "user-1", 7, 1767225600, text);
  return text;
}

Test(resume, is_read_by_whom_it_was_made_for) {
  cr_assert(reads(&with_secret, made(&with_secret), "t1", "user-1"));
  cr_assert_not(reads(&with_secret, made(&with_secret), "t2", "user-1"), "another ticket");
  cr_assert_not(reads(&with_secret, made(&with_secret), "", "user-1"), "no ticket");
  cr_assert_not(reads(&with_secret, made(&with_secret), "t1", "user-2"), "another subject");
  cr_assert_not(reads(&with_secret, made(&with_secret), "t1", "user-1 "), "nor one that only looks like it");
}

Test(resume, each_part_is_signed) {
  char text[RESUME_SIZE];
  for (size_t i = 0; i < strlen(made(&with_secret)); i++) {
    strcpy(text, made(&with_secret));
    text[i] = text[i] == '1' ? '2' : '1';
    cr_expect_not(reads(&with_secret, text, "t1", "user-1"), "%s", text);
  }
}

Test(resume, nothing_else_is_one) {
  static const char *const others[] = {"",
                                       ".",
                                       "..",
                                       "7",
                                       "7.1767225600",
                                       "7.1767225600.",
                                       "7.1767225600.-",
                                       "-7.1767225600.0011223344556677",
                                       "7.1767225600.0011223344556677",
                                       "7.1767225600.0011223344556677.",
                                       "99999999999999999999.1.0011223344556677"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    cr_expect_not(reads(&with_secret, others[i], "t1", "user-1"), "%s", others[i]);
}

Test(resume, the_secret_before_is_accepted) { cr_assert(reads(&with_secret, made(&with_the_one_before), "t1", "user-1")); }

Test(resume, without_the_secret_there_is_nothing_to_resume_from) {
  cr_assert_str_eq(made(&without), "7.1767225600.-");
  cr_assert_not(reads(&without, made(&without), "t1", "user-1"));
  cr_assert_not(reads(&with_secret, made(&without), "t1", "user-1"));
}
