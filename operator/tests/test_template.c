#include "render/template.h"

#include <criterion/criterion.h>
#include <string.h>

#define _cleanup_json_ _cleanup_(json_freep)

static void assert_text(const cJSON *json, const char *expected) {
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, 4096);
  json_print(json, &text);
  cr_assert_str_eq(buffer_text(&text), expected);
}

Test(template, reads_like_the_tree_that_it_makes) {
  _cleanup_json_ cJSON *json =
      render_json("{'name': %s, 'port': %d, 'surge': '25%', 'list': [%s, 1, true]}", "it's \"x\"\n", (int64_t)3001, "a");
  assert_text(json, "{\"name\":\"it's \\\"x\\\"\\n\",\"port\":3001,\"surge\":\"25%\",\"list\":[\"a\",1,true]}");
}

Test(template, what_is_null_stays_out) {
  _cleanup_json_ cJSON *given = cJSON_Parse("{\"keep\":0,\"drop\":null,\"deep\":[{\"drop\":null}]}");
  _cleanup_json_ cJSON *json = render_json("{'s': %s, 'j': %j, 't': %t, 'list': ['a', %s, %t], 'given': %j}", NULL, NULL, render_nothing(),
                                           NULL, render_nothing(), given);
  assert_text(json, "{\"list\":[\"a\"],\"given\":{\"keep\":0,\"deep\":[{}]}}");
}

Test(template, copies_are_the_callers_and_taken_trees_are_not) {
  _cleanup_json_ cJSON *borrowed = cJSON_CreateString("borrowed");
  _cleanup_json_ cJSON *json = render_json("{'copy': %j, 'taken': %t}", borrowed, cJSON_CreateString("taken"));
  assert_text(json, "{\"copy\":\"borrowed\",\"taken\":\"taken\"}");
  cr_assert_str_eq(borrowed->valuestring, "borrowed");
}

/* AddressSanitizer sees whether what was given to be taken is freed. */
Test(template, a_part_that_ran_out_of_memory_fails_the_whole) {
  cr_assert_null(render_json("{'first': %t, 'second': %t, 'third': %t}", cJSON_CreateObject(), (cJSON *)NULL, cJSON_CreateArray()));
  cr_assert_null(render_with(NULL, "key", cJSON_CreateObject()));
  cr_assert_null(render_with(cJSON_CreateObject(), "key", NULL));
  cr_assert_null(render_append(NULL, cJSON_CreateObject()));
  cr_assert_null(render_append(cJSON_CreateArray(), NULL));
}

Test(template, with_puts_nothing_for_nothing) {
  _cleanup_json_ cJSON *json = render_with(render_with(cJSON_CreateObject(), "a", render_nothing()), "b", cJSON_CreateTrue());
  assert_text(json, "{\"b\":true}");
}

Test(template, text_that_is_not_like_json_fails) {
  static const char *const wrong[] = {"", "{", "{'a' 1}", "{'a': }", "{a: 1}", "[1, ", "[1, }", "[[1]", "{'a': ]}", "[1] 2", "%x", "nil"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    cJSON *made = render_json(wrong[i]);
    cr_expect_null(made, "\"%s\"", wrong[i]);
    cJSON_Delete(made);
  }
}
