#include "routes/design_tokens_check.h"

#include <criterion/criterion.h>
#include <string.h>

static struct wrong_fields check(struct arena *arena, const char *text) {
  _cleanup_(json_freep) cJSON *json = NULL;
  struct error error = {0};
  cr_assert_eq(json_parse(text, strlen(text), &json_limits_request, &json, &error), 0, "%s: %s", text, error.message);
  struct wrong_fields wrong = {.arena = arena};
  design_tokens_check(json, &wrong);
  return wrong;
}

Test(design_tokens_check, takes_what_the_format_has) {
  static const char *const good[] = {
      "{}",
      "{\"a\":{}}",
      "{\"$description\":\"d\",\"$extensions\":{\"com.x\":1},\"$deprecated\":true,\"a\":{\"$value\":1,\"$type\":\"number\"}}",
      "{\"a\":{\"$value\":\"#fff\",\"$type\":\"color\",\"$description\":\"x\",\"$deprecated\":\"use b\"}}",
      "{\"g\":{\"$type\":\"color\",\"h\":{\"a\":{\"$value\":\"#fff\"}},\"$root\":{\"$value\":\"#000\"},\"b\":{\"$value\":\"{g.$root}\"}}}",
      "{\"b\":{\"$value\":\"{a}\"},\"a\":{\"$value\":{\"value\":1,\"unit\":\"px\"},\"$type\":\"dimension\"}}",
      "{\"a\":{\"$value\":[0,0,1,1],\"$type\":\"cubicBezier\"},\"c\":{\"$value\":600,\"$type\":\"fontWeight\"}}",
      "{\"c\":{\"$value\":\"#fff\",\"$type\":\"color\"},\"w\":{\"$value\":\"1px\",\"$type\":\"dimension\"},"
      "\"b\":{\"$type\":\"border\",\"$value\":{\"color\":\"{c}\",\"width\":\"{w}\",\"style\":\"solid\"}}}",
      "{\"c\":{\"$value\":\"#fff\",\"$type\":\"color\"},\"s\":{\"$type\":\"shadow\",\"$value\":[{\"color\":\"{c}\"},{\"color\":\"{c}\"}]}}",
      "{\"a b\":{\"$value\":\"{\",\"$type\":\"fontFamily\"}}",
  };
  for (size_t i = 0; i < ELEMENTS(good); i++) {
    _cleanup_(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct wrong_fields wrong = check(arena, good[i]);
    cr_expect_eq(wrong.count, 0, "%s: %s %s", good[i], wrong.count ? wrong.all[0].field : "", wrong.count ? wrong.all[0].message : "");
  }
}

Test(design_tokens_check, names_each_fault) {
  static const struct {
    const char *text, *field, *word;
    size_t count;
  } cases[] = {
      {"{\"$value\":1}", "$value", "name", 1},
      {"{\"a\":1}", "a", "object", 1},
      {"{\"g\":{\"a\":[]}}", "g.a", "object", 1},
      {"{\"$foo\":1}", "$foo", "not known", 1},
      {"{\"g\":{\"$extends\":\"{a}\"}}", "g.$extends", "not known", 1},
      {"{\"a.b\":{}}", "a.b", "name", 1},
      {"{\"{a\":{}}", "{a", "name", 1},
      {"{\"\":{}}", "", "empty", 1},
      {"{\"a\":{\"$value\":1}}", "a.$type", "required", 1},
      {"{\"a\":{\"$value\":1,\"$type\":\"colour\"}}", "a.$type", "type", 2},
      {"{\"a\":{\"$value\":1,\"$type\":7}}", "a.$type", "type", 2},
      {"{\"g\":{\"$type\":\"nope\"}}", "g.$type", "type", 1},
      {"{\"a\":{\"$value\":1,\"$type\":\"color\"}}", "a.$value", "color", 1},
      {"{\"a\":{\"$value\":null,\"$type\":\"color\"}}", "a.$value", "color", 1},
      {"{\"a\":{\"$value\":1,\"$type\":\"number\",\"b\":{}}}", "a.b", "property", 1},
      {"{\"a\":{\"$value\":1,\"$type\":\"number\",\"$description\":1}}", "a.$description", "text", 1},
      {"{\"a\":{\"$value\":1,\"$type\":\"number\",\"$extensions\":1}}", "a.$extensions", "object", 1},
      {"{\"a\":{\"$value\":1,\"$type\":\"number\",\"$deprecated\":1}}", "a.$deprecated", "true or false", 1},
      {"{\"a\":{\"$value\":\"{b}\"}}", "a.$value", "no token", 1},
      {"{\"g\":{},\"a\":{\"$value\":\"{g}\"}}", "a.$value", "no token", 1},
      {"{\"a\":{\"$value\":\"{}\"}}", "a.$value", "no token", 1},
      {"{\"a\":{\"$value\":\"{a}\"}}", "a.$value", "circle", 1},
      {"{\"a\":{\"$value\":\"{b}\"},\"b\":{\"$value\":\"{c}\"},\"c\":{\"$value\":\"{a}\"}}", "c.$value", "circle", 1},
      {"{\"b\":{\"$type\":\"border\",\"$value\":{\"color\":\"{b}\"}}}", "b.$value", "circle", 1},
      {"{\"b\":{\"$type\":\"border\",\"$value\":{\"color\":\"{none}\"}}}", "b.$value", "no token", 1},
      {"{\"n\":{\"$value\":1,\"$type\":\"number\"},\"a\":{\"$value\":\"{n}\",\"$type\":\"color\"}}", "a.$value", "number", 1},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct wrong_fields wrong = check(arena, cases[i].text);
    cr_assert_eq(wrong.count, cases[i].count, "%s: %zu", cases[i].text, wrong.count);
    cr_expect_str_eq(wrong.all[0].field, cases[i].field, "%s: %s", cases[i].text, wrong.all[0].field);
    cr_expect(strstr(wrong.all[0].message, cases[i].word), "%s: %s", cases[i].text, wrong.all[0].message);
  }
}

static size_t faults_of_chain(unsigned length) {
  struct buffer text;
  buffer_init(&text, 1 << 20);
  buffer_puts(&text, "{\"t0\":{\"$value\":1,\"$type\":\"number\"}");
  for (unsigned i = 1; i <= length; i++) buffer_printf(&text, ",\"t%u\":{\"$value\":\"{t%u}\"}", i, i - 1);
  buffer_puts(&text, "}");
  _cleanup_(arena_freep) struct arena *arena = arena_new(1 << 20);
  size_t count = check(arena, buffer_text(&text)).count;
  buffer_done(&text);
  return count;
}

Test(design_tokens_check, a_chain_is_bounded) {
  cr_expect_eq(faults_of_chain(DESIGN_TOKENS_CHAIN_MAX), 0);
  cr_expect_geq(faults_of_chain(DESIGN_TOKENS_CHAIN_MAX + 1), 1);
  cr_expect_geq(faults_of_chain(250), 1);
}
