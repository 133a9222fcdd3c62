#include "codec/yaml.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void expect_json(const char *text, const char *expected) {
  struct error error = {0};
  _cleanup_(json_freep) cJSON *json = NULL;
  cr_assert_eq(yaml_parse(text, strlen(text), &json, &error), 0, "%s: %s", text, error.message);
  struct buffer printed;
  buffer_init(&printed, 100000);
  json_print(json, &printed);
  cr_expect_str_eq(buffer_text(&printed), expected, "%s: %s, expected %s", text, buffer_text(&printed), expected);
  buffer_done(&printed);
}

Test(yaml, documents) {
  static const struct {
    const char *text, *json;
  } table[] = {
      {"", "{}"},
      {"---\n", "{}"},
      {"# nothing but a comment\n", "{}"},
      {"~", "{}"},
      {"a: 1\n", "{\"a\":1}"},
      {"--- # one\na: 1\n...\n", "{\"a\":1}"},
      {"- 1\n- [2, {b: 3}]\n-\n  - 4\n", "[1,[2,{\"b\":3}],[4]]"},
      {"a:\n  b:\n  - c: d\n    e: f\n", "{\"a\":{\"b\":[{\"c\":\"d\",\"e\":\"f\"}]}}"},
      {"a: |\n  two\n  lines\nb: >-\n  one\n  line\n", "{\"a\":\"two\\nlines\\n\",\"b\":\"one line\"}"},
      {"{\"json\": [1, \"two\", null, true]}", "{\"json\":[1,\"two\",null,true]}"},
      {"a: \"\\u00e9\\n\"\nb: 'it''s'\n", "{\"a\":\"é\\n\",\"b\":\"it's\"}"},
      {"true: 1\n2: 2\non: 3\n", "{\"true\":1,\"2\":2,\"on\":3}"},
  };
  for (size_t i = 0; i < ELEMENTS(table); i++) expect_json(table[i].text, table[i].json);
}

Test(yaml, plain_scalars_are_what_kubectl_makes_of_them) {
  static const struct {
    const char *plain, *json;
  } table[] = {
      {"true", "true"},
      {"True", "true"},
      {"yes", "true"},
      {"on", "true"},
      {"y", "true"},
      {"FALSE", "false"},
      {"no", "false"},
      {"Off", "false"},
      {"N", "false"},
      {"tRue", "\"tRue\""},
      {"null", "null"},
      {"~", "null"},
      {"", "null"},
      {"0", "0"},
      {"-12", "-12"},
      {"+12", "12"},
      {"1_000", "1000"},
      {"0644", "420"},
      {"0o644", "420"},
      {"0x1f", "31"},
      {"-0x1F", "-31"},
      {"0b101", "5"},
      {"08", "8"},
      {"9007199254740991", "9007199254740991"},
      {"1.5", "1.5"},
      {".5", "0.5"},
      {"5.", "5"},
      {"1e3", "1000"},
      {"-1.5E-1", "-0.15"},
      {"1.2.3", "\"1.2.3\""},
      {"1.4.0-rc1", "\"1.4.0-rc1\""},
      {"-", "[null]"},
      {".", "\".\""},
      {"+", "\"+\""},
      {"1e", "\"1e\""},
      {"0x", "\"0x\""},
      {"0xg", "\"0xg\""},
      {"0b2", "\"0b2\""},
      {"10m", "\"10m\""},
      {"2026-11-23", "\"2026-11-23\""},
      {"10:00", "\"10:00\""},
      {"supernova/shop", "\"supernova/shop\""},
      {"\"true\"", "\"true\""},
      {"'1'", "\"1\""},
      {"\"\"", "\"\""},
      {"'null'", "\"null\""},
  };
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    struct buffer text, json;
    buffer_init(&text, 200);
    buffer_init(&json, 200);
    buffer_printf(&text, strcmp(table[i].plain, "-") ? "a: %s\n" : "a:\n%s\n", table[i].plain);
    buffer_printf(&json, "{\"a\":%s}", table[i].json);
    expect_json(buffer_text(&text), buffer_text(&json));
    buffer_done(&text);
    buffer_done(&json);
  }
}

Test(yaml, refusals_say_where_and_what) {
  static const struct {
    const char *text, *message;
  } table[] = {
      {"a: &x 1", "line 1, column 4: anchors are not taken"},
      {"a: &x {}", "line 1, column 4: anchors are not taken"},
      {"&x a: 1", "line 1, column 1: anchors are not taken"},
      {"a: *x", "line 1, column 4: aliases are not taken"},
      {"*x : 1", "aliases are not taken"},
      {"a: !!str 1", "line 1, column 4: tags are not taken"},
      {"a: !local [1]", "tags are not taken"},
      {"! a", "tags are not taken"},
      {"a: 1\nb: 2\na: 3\n", "line 3, column 1: a key that the object already has"},
      {"a: 1\n\"a\": 3\n", "a key that the object already has"},
      {"<<: {a: 1}", "merge keys are not taken"},
      {"? [a]\n: 1", "expected a string as key"},
      {"? {a: 1}\n: 1", "expected a string as key"},
      {"a: \"x\\0y\"", "line 1, column 4: a string with a NUL in it"},
      {"\"\\0\": 1", "a string with a NUL in it"},
      {"a: 9007199254740992", "line 1, column 4: a number too large to be exact"},
      {"a: 0xffffffffffffffffffffffffff", "a number too large to be exact"},
      {"a: 1e999", "a number too large to be exact"},
      {"a: .inf", "JSON has no infinity"},
      {"a: -.Inf", "JSON has no infinity"},
      {"a: .nan", "JSON has no infinity"},
      {"a: 1\n---\nb: 2\n", "a second document, expected one"},
      {"a: 1\n---\n", "a second document, expected one"},
      {"a: [1", "line "},
      {"a:\n\tb: 1", "line 2"},
      {"a: 1\n b: 2", "line 2"},
      {"a: \"x", "line "},
      {"a: \xff", "YAML is wrong at byte 3"},
      {"a: \x01", "YAML is wrong at byte 3"},
      {"%YAML 3.0\n---\na: 1", "line 1"},
  };
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    struct error error = {0};
    cJSON *json = NULL;
    cr_expect_eq(yaml_parse(table[i].text, strlen(table[i].text), &json, &error), -1, "%s is taken", table[i].text);
    cr_expect_null(json);
    cr_expect_eq(error.kind, ERROR_INVALID);
    cr_expect_not_null(strstr(error.message, table[i].message), "%s: %s", table[i].text, error.message);
  }
}

static int nested(size_t n) {
  cJSON *json = NULL;
  struct buffer text;
  buffer_init(&text, 1 << 22);
  for (size_t i = 0; i < n; i++) buffer_puts(&text, "[");
  for (size_t i = 0; i < n; i++) buffer_puts(&text, "]");
  int rc = yaml_parse(text.data, text.len, &json, NULL);
  buffer_done(&text);
  cJSON_Delete(json);
  return rc;
}

Test(yaml, depth) {
  cr_expect_eq(nested(64), 0);
  cr_expect_eq(nested(65), -1);
  cr_expect_eq(nested(1 << 20), -1);
}

Test(yaml, bytes) {
  enum { TOO_MANY = (4 << 20) + 1 };
  cJSON *json = NULL;
  struct error error = {0};
  _cleanup_free_ char *text = malloc(TOO_MANY);
  memset(text, 'a', TOO_MANY);
  cr_expect_eq(yaml_parse(text, TOO_MANY, &json, &error), -1);
  cr_expect_not_null(strstr(error.message, "expected at most"));
}

Test(yaml, a_kubeconfig) {
  static const char text[] =
      "apiVersion: v1\nkind: Config\ncurrent-context: dev\nclusters:\n- name: dev\n  cluster:\n    server: https://127.0.0.1:6443\n"
      "    certificate-authority-data: LS0tLS1CRUdJTg==\nusers:\n- name: me\n  user: {token: abc}\n";
  _cleanup_(json_freep) cJSON *json = NULL;
  cr_assert_eq(yaml_parse(text, strlen(text), &json, NULL), 0);
  const cJSON *cluster = json_get(json_get(json, "clusters")->child, "cluster");
  cr_expect_str_eq(json_string(cluster, "server", "?"), "https://127.0.0.1:6443");
  cr_expect_str_eq(json_string(cluster, "certificate-authority-data", "?"), "LS0tLS1CRUdJTg==");
}
