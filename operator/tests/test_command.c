#include "change/command.h"

#include <criterion/criterion.h>
#include <string.h>

static struct arena *arena;

static void begin(void) { arena = arena_new(1 << 20); }
static void end(void) { arena_free(arena); }

TestSuite(command, .init = begin, .fini = end);

#define TEN  "0123456789"
#define LONG TEN TEN TEN TEN TEN TEN TEN

static void check_text(const char *text, const char *what, const char *expected, const char *found) {
  cr_assert(!expected == !found && (!expected || !strcmp(expected, found)), "%s: %s is %s, expected %s", text, what,
            found ? found : "nothing", expected ? expected : "nothing");
}

Test(command, what_can_be_read) {
  static const struct {
    const char *text, *value, *id, *by, *reason;
    bool force;
  } rows[] = {
      {"now", "now", NULL, NULL, NULL, false},
      {"now;id=7f3a", "now", "7f3a", NULL, NULL, false},
      {"5;id=1;by=alice;reason=it is slow;force", "5", "1", "alice", "it is slow", true},
      {" now ; by = x", NULL, NULL, NULL, NULL, false},
      {" now ;\n by=alice@example.com ", "now", NULL, "alice@example.com", NULL, false},
      {"until=2026-12-24T18:00:00Z;reason=a=b;by=bob", "until=2026-12-24T18:00:00Z", NULL, "bob", "a=b", false},
      {"force", "force", NULL, NULL, NULL, false},
      {"now;force", "now", NULL, NULL, NULL, true},
      {"", NULL, NULL, NULL, NULL, false},
      {";id=1", NULL, NULL, NULL, NULL, false},
      {"now;", NULL, NULL, NULL, NULL, false},
      {"now;id=", NULL, NULL, NULL, NULL, false},
      {"now;id=1;id=2", NULL, NULL, NULL, NULL, false},
      {"now;who=me", NULL, NULL, NULL, NULL, false},
      {"now;Force", NULL, NULL, NULL, NULL, false},
      {"now;id=" LONG, NULL, NULL, NULL, NULL, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct command command = {0};
    struct error error = {0};
    int result = command_parse(rows[i].text, arena, &command, &error);
    cr_assert_eq(result, rows[i].value ? 0 : -1, "%s: %s", rows[i].text, error.message);
    cr_assert(result == 0 || *error.message);
    check_text(rows[i].text, "value", rows[i].value, command.value);
    check_text(rows[i].text, "id", rows[i].id, command.id);
    check_text(rows[i].text, "by", rows[i].by, command.by);
    check_text(rows[i].text, "reason", rows[i].reason, command.reason);
    cr_assert_eq(command.force, rows[i].force, "%s", rows[i].text);
  }
}

Test(command, a_text_has_an_end) {
  char text[2000];
  struct command command;
  struct error error = {0};
  memset(text, 'a', sizeof text - 1);
  text[sizeof text - 1] = 0;
  cr_assert_eq(command_parse(text, arena, &command, &error), -1);
  cr_assert(strstr(error.message, "longer than"), "%s", error.message);
}

Test(command, what_is_kept_of_it_can_be_read_again) {
  struct command command, again;
  cr_assert_eq(command_parse("now;id=1;by=alice;reason=it is slow;force", arena, &command, NULL), 0);
  const char *record = command_record(&command, "0123456789", arena);
  cr_assert_str_eq(record, "0123456789;by=alice;reason=it is slow");
  cr_assert_eq(command_parse(record, arena, &again, NULL), 0);
  cr_assert_str_eq(again.by, "alice");
  cr_assert_str_eq(command_record(&(struct command){.value = "now"}, "now", arena), "now");
}
