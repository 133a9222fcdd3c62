#include "codec/json.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static cJSON *parsed(const char *text) {
  struct error error = {0};
  cJSON *json = NULL;
  cr_assert_eq(json_parse(text, strlen(text), &json_limits_cluster, &json, &error), 0, "%s: %s", text, error.message);
  return json;
}

static void expect_printed(const cJSON *json, bool canonical, const char *expected) {
  struct buffer text;
  buffer_init(&text, 100000);
  (canonical ? json_canonical : json_print)(json, &text);
  cr_expect_not(text.failed);
  cr_expect_str_eq(buffer_text(&text), expected, "%s, expected %s", buffer_text(&text), expected);
  buffer_done(&text);
}

Test(json, parse_checks_first_and_sets_nothing_on_failure) {
  cJSON *json = NULL;
  struct error error = {0};
  cr_expect_eq(json_parse("{\"a\":1} x", 9, &json_limits_request, &json, &error), -1);
  cr_expect_null(json);
  cr_expect_str_eq(error.message, "JSON is wrong at byte 8: expected the end");
  cr_expect_eq(error.kind, ERROR_INVALID);
}

Test(json, getters) {
  _cleanup_(json_freep) cJSON *object = parsed(
      "{\"metadata\":{\"name\":\"shop\",\"labels\":{\"a.b/c\":\"dotted\"},\"none\":null},\"n\":5,\"half\":0.5,\"big\":9007199254740993,"
      "\"edge\":9007199254740991,\"low\":-9007199254740991,\"yes\":true,\"no\":false,\"list\":[1],\"Name\":\"upper\"}");
  cr_expect_str_eq(json_string(object, "metadata.name", "?"), "shop");
  cr_expect_str_eq(json_string(object, "metadata.Name", "?"), "?");
  cr_expect_str_eq(json_string(object, "name", "?"), "?");
  cr_expect_str_eq(json_string(object, "metadata.nam", "?"), "?");
  cr_expect_str_eq(json_string(object, "metadata.names", "?"), "?");
  cr_expect_str_eq(json_string(object, "metadata.name.more", "?"), "?");
  cr_expect_str_eq(json_string(object, "metadata.none", "?"), "?");
  cr_expect_str_eq(json_string(object, "n", "?"), "?");
  cr_expect_null(json_string(NULL, "n", NULL));
  cr_expect_str_eq(json_string(json_member(json_get(object, "metadata.labels"), "a.b/c"), "", "?"), "dotted");
  cr_expect_null(json_get(object, "metadata.labels.a.b/c"));
  cr_expect_null(json_get(object, "metadata.none"));
  cr_expect_null(json_member(json_get(object, "list"), "0"));
  cr_expect_eq(json_get(object, ""), object);
  cr_expect_eq(json_int(object, "n", -7), 5);
  cr_expect_eq(json_int(object, "half", -7), -7);
  cr_expect_eq(json_int(object, "big", -7), -7);
  cr_expect_eq(json_int(object, "edge", -7), JSON_INT_MAX);
  cr_expect_eq(json_int(object, "low", -7), -JSON_INT_MAX);
  cr_expect_eq(json_int(object, "yes", -7), -7);
  cr_expect(json_bool(object, "yes", false));
  cr_expect_not(json_bool(object, "no", true));
  cr_expect(json_bool(object, "n", true));
  cr_expect(json_bool(object, "absent", true));
}

Test(json, the_cluster_may_send_nul) {
  _cleanup_(json_freep) cJSON *object = parsed("{\"message\":\"last\\u0000words\",\"after\":\"there\"}");
  cr_expect_str_eq(json_string(object, "message", "?"), "last");
  cr_expect_str_eq(json_string(object, "after", "?"), "there");
}

Test(json, equality) {
  static const struct {
    const char *a, *b;
    bool equal;
  } table[] = {
      {"1", "1.0", true},
      {"9007199254740991", "9007199254740990", false},
      {"0", "-0", true},
      {"1", "\"1\"", false},
      {"true", "false", false},
      {"null", "null", true},
      {"null", "false", false},
      {"\"a\"", "\"\\u0061\"", true},
      {"\"a\"", "\"A\"", false},
      {"[]", "{}", false},
      {"[1,2]", "[1,2]", true},
      {"[1,2]", "[2,1]", false},
      {"[1,2]", "[1,2,3]", false},
      {"[1,2,3]", "[1,2]", false},
      {"{}", "{}", true},
      {"{\"a\":1,\"b\":[{}]}", "{\"b\":[{}],\"a\":1}", true},
      {"{\"a\":1,\"b\":2}", "{\"a\":1}", false},
      {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
      {"{\"a\":1}", "{\"A\":1}", false},
      {"{\"a\":1}", "{\"a\":null}", false},
      {"{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":2}", false},
      {"{\"a\":{\"b\":{\"c\":1}}}", "{\"a\":{\"b\":{\"c\":2}}}", false},
  };
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    _cleanup_(json_freep) cJSON *a = parsed(table[i].a);
    _cleanup_(json_freep) cJSON *b = parsed(table[i].b);
    cr_expect_eq(json_equal(a, b), table[i].equal, "%s and %s", table[i].a, table[i].b);
    cr_expect_eq(json_equal(b, a), table[i].equal, "%s and %s", table[i].b, table[i].a);
    cr_expect(json_equal(a, a));
    cr_expect_not(json_equal(a, NULL));
    cr_expect_not(json_equal(NULL, b));
  }
  cr_expect(json_equal(NULL, NULL));
}

Test(json, prints_numbers_so_that_they_come_back) {
  static const struct {
    const char *text, *printed;
  } table[] = {
      {"0", "0"},
      {"-0", "0"},
      {"-1", "-1"},
      {"1760908689588", "1760908689588"},
      {"1000000000000000", "1000000000000000"},
      {"9007199254740991", "9007199254740991"},
      {"-9007199254740991", "-9007199254740991"},
      {"1.0", "1"},
      {"1e3", "1000"},
      {"0.1", "0.1"},
      {"0.30000000000000004", "0.30000000000000004"},
      {"2.5", "2.5"},
      {"1e300", "1e+300"},
      {"4.9e-324", "4.94065645841247e-324"},
      {"123456789.123", "123456789.123"},
  };
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    _cleanup_(json_freep) cJSON *json = parsed(table[i].text);
    expect_printed(json, false, table[i].printed);
    _cleanup_(json_freep) cJSON *back = parsed(table[i].printed);
    cr_expect(json_equal(json, back), "%s", table[i].text);
  }
}

Test(json, prints_compactly_in_the_order_of_the_tree) {
  _cleanup_(json_freep) cJSON *json = parsed("{ \"b\" : [ 1, \"x\\n\\u0001\\\"\", null, true, false ], \"a\" : { }, \"c\" : [ ] }");
  expect_printed(json, false, "{\"b\":[1,\"x\\n\\u0001\\\"\",null,true,false],\"a\":{},\"c\":[]}");
  expect_printed(NULL, false, "null");
  _cleanup_(json_freep) cJSON *nan = cJSON_CreateNumber(NAN);
  expect_printed(nan, false, "null");
  _cleanup_(json_freep) cJSON *raw = cJSON_CreateRaw("{\"as\": \"it is\"}");
  expect_printed(raw, false, "{\"as\": \"it is\"}");
}

Test(json, canonical_text_does_not_depend_on_order_or_spelling) {
  _cleanup_(json_freep) cJSON *one = parsed("{\"b\":{\"z\":1,\"é\":2,\"A\":3,\"a\":4},\"a\":[{\"y\":1.0,\"x\":\"\\u0061\"}],\"\":0}");
  _cleanup_(json_freep) cJSON *two = parsed("{ \"a\": [{\"x\":\"a\", \"y\":1}], \"\":0, \"b\":{\"A\":3,\"a\":4,\"z\":1,\"\\u00e9\":2} }");
  static const char expected[] = "{\"\":0,\"a\":[{\"x\":\"a\",\"y\":1}],\"b\":{\"A\":3,\"a\":4,\"z\":1,\"é\":2}}";
  expect_printed(one, true, expected);
  expect_printed(two, true, expected);
}

Test(json, printing_beyond_the_buffer_fails_the_buffer) {
  _cleanup_(json_freep) cJSON *json = parsed("{\"a\":\"long enough\"}");
  struct buffer text;
  buffer_init(&text, 8);
  json_print(json, &text);
  cr_expect(text.failed);
  buffer_done(&text);
}
