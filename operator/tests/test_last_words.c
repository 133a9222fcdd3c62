#include "release/last_words.h"

#include <criterion/criterion.h>
#include <string.h>

static struct arena *arena;

static void begin(void) { arena = arena_new(1 << 16); }
static void end(void) { arena_free(arena); }

TestSuite(last_words, .init = begin, .fini = end);

Test(last_words, passwords_are_masked_wherever_libraries_print_them) {
  static const struct {
    const char *said, *told;
  } rows[] = {
      {"could not reach postgres://user:hunter2@db:5432/shop now", "could not reach postgres://user:*******@db:5432/shop now"},
      {"host=db password=hunter2 user=u", "host=db password=******* user=u"},
      {"postgresql://u:p:q@h/d?password=x&sslmode=require", "postgresql://u:***@h/d?password=*&sslmode=require"},
      {"postgres://u:a@b/c@h/d", "postgres://u:*****@h/d"},
      {"redis://:hunter2@cache", "redis://:*******@cache"},
      {"two: redis://:a@b and amqp://c:d@e", "two: redis://:*@b and amqp://c:*@e"},
      {"PGPASSWORD=hunter2", "PGPASSWORD=*******"},
      {"password='hunter 2' user=u", "password='********' user=u"},
      {"Password: hunter2", "Password: *******"},
      {"{\"password\": \"hunter2\", \"a\": 1}", "{\"password\": \"*******\", \"a\": 1}"},
      {"APP_JWT_SECRET=hunter2", "APP_JWT_SECRET=*******"},
      {"password authentication failed for user \"u\"", "password authentication failed for user \"u\""},
      {"no such thing here", "no such thing here"},
      {"http://host:80/path", "http://host:80/path"},
      {"password", "password"},
      {"password='", "password='"},
      {"://", "://"},
      {"", ""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) cr_assert_str_eq(last_words_clean(arena, rows[i].said, 800), rows[i].told);
  cr_assert_str_eq(last_words_clean(arena, NULL, 800), "");
}

Test(last_words, what_is_cut_was_masked_before) {
  cr_assert_str_eq(last_words_clean(arena, "postgres://user:hunter2@db", 20), "postgres://user:****");
}

Test(last_words, a_cut_splits_no_character) {
  cr_assert_str_eq(last_words_clean(arena, "abc\u00e9", 4), "abc");
  cr_assert_str_eq(last_words_clean(arena, "abc\u00e9", 5), "abc\u00e9");
  cr_assert_str_eq(last_words_clean(arena, "abc", 3), "abc");
}
