#include "routes/fields.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct field rules[] = {{"name", FIELD_TEXT, true, 1, 4},    {"age", FIELD_INTEGER, false, 0, 9007199254740991},
                                     {"at", FIELD_TIME, false, 0, 0},     {"tags", FIELD_TEXTS, false, 0, 2},
                                     {"more", FIELD_OBJECT, false, 0, 0}, {0}};

/* The wrong fields of TEXT, each followed by a space. */
static const char *wrong_of(const char *text) {
  static char names[512];
  cJSON *json = cJSON_Parse(text);
  struct wrong_fields wrong = {.arena = arena_new(1 << 16)};
  cr_assert_not_null(json, "%s", text);
  fields_check(json, "x.", rules, &wrong);
  *names = 0;
  for (size_t i = 0; i < wrong.count; i++) {
    strcat(names, wrong.all[i].field);
    strcat(names, " ");
    cr_expect(*wrong.all[i].message);
  }
  arena_free(wrong.arena);
  cJSON_Delete(json);
  return names;
}

Test(fields, each_wrong_one_is_named) {
  static const struct {
    const char *json, *wrong;
  } cases[] = {
      {"{\"name\":\"a\"}", ""},
      {"{}", "x.name "},
      {"{\"name\":null}", "x.name "},
      {"{\"name\":\"abcde\"}", "x.name "},
      {"{\"name\":\"a\\tb\"}", "x.name "},
      {"{\"name\":1}", "x.name "},
      {"{\"name\":\"a\",\"NAME\":\"b\"}", "x.NAME "},
      {"{\"name\":\"a\",\"age\":9007199254740991}", ""},
      {"{\"name\":\"a\",\"age\":-1}", "x.age "},
      {"{\"name\":\"a\",\"age\":1.5}", "x.age "},
      {"{\"name\":\"a\",\"age\":\"1\"}", "x.age "},
      {"{\"name\":\"a\",\"age\":1e300}", "x.age "},
      {"{\"name\":\"a\",\"at\":\"2026-01-01T00:00:00Z\"}", ""},
      {"{\"name\":\"a\",\"at\":\"2026-01-01\"}", "x.at "},
      {"{\"name\":\"a\",\"at\":\"2026-01-01T00:00:00.5+14:00\"}", ""},
      {"{\"name\":\"a\",\"at\":\"2026-01-01T00:00:00-15:59\"}", ""},
      {"{\"name\":\"a\",\"at\":\"2026-01-01T00:00:00+16:00\"}", "x.at "},
      {"{\"name\":\"a\",\"at\":\"0743-07-28T12:48:33.0-21:59\"}", "x.at "},
      {"{\"name\":\"a\",\"tags\":[\"x\",\"y\"]}", ""},
      {"{\"name\":\"a\",\"tags\":[\"x\",\"y\",\"z\"]}", "x.tags "},
      {"{\"name\":\"a\",\"tags\":[\"\"]}", "x.tags "},
      {"{\"name\":\"a\",\"tags\":[1]}", "x.tags "},
      {"{\"name\":\"a\",\"more\":{}}", ""},
      {"{\"name\":\"a\",\"more\":[]}", "x.more "},
      {"{\"what\":1,\"age\":true}", "x.what x.name x.age "},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) cr_expect_str_eq(wrong_of(cases[i].json), cases[i].wrong, "%s", cases[i].json);
}
