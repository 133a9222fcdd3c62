#include "codec/decode.h"

#include <criterion/criterion.h>
#include <string.h>

struct retry {
  int64_t first_s;
  const char *mode;
};

struct probe {
  const char *path, *name, *nothing;
  int64_t period_s, delay_s;
  bool enabled, plain;
  const cJSON *extra;
  struct retry retry;
};

#define AT(field) offsetof(struct probe, field)

static const struct decode_field retry_fields[] = {
    {"firstSeconds", DECODE_INT, offsetof(struct retry, first_s), .fallback = "5", .flags = DECODE_RELEASE},
    {"mode", DECODE_STRING, offsetof(struct retry, mode), .flags = DECODE_REQUIRED},
    {0}};

static const struct decode_field fields[] = {{"path", DECODE_STRING, AT(path), .fallback = "/livez", .flags = DECODE_RELEASE},
                                             {"meta.name", DECODE_STRING, AT(name), .flags = DECODE_REQUIRED},
                                             {"nothing", DECODE_STRING, AT(nothing), .flags = DECODE_RELEASE},
                                             {"periodSeconds", DECODE_INT, AT(period_s), .fallback = "10", .flags = DECODE_RELEASE},
                                             {"delay.seconds", DECODE_INT, AT(delay_s), .flags = DECODE_RELEASE},
                                             {"enabled", DECODE_BOOL, AT(enabled), .fallback = "true", .flags = DECODE_RELEASE},
                                             {"plain", DECODE_BOOL, AT(plain), .flags = 0},
                                             {"extra", DECODE_JSON, AT(extra), .flags = DECODE_RELEASE},
                                             {"retry", DECODE_OBJECT, AT(retry), .fields = retry_fields},
                                             {0}};

static cJSON *parsed(const char *text) {
  cJSON *json = NULL;
  cr_assert_eq(json_parse(text, strlen(text), &json_limits_cluster, &json, NULL), 0, "%s", text);
  return json;
}

Test(decode, everything_given) {
  _cleanup_(json_freep) cJSON *json = parsed(
      "{\"path\":\"/x\",\"meta\":{\"name\":\"a\"},\"nothing\":\"\",\"periodSeconds\":-3,\"delay\":{\"seconds\":7},\"enabled\":false,"
      "\"plain\":true,\"extra\":[1],\"retry\":{\"firstSeconds\":1,\"mode\":\"m\"},\"newer\":{\"unknown\":1}}");
  struct probe probe = {0};
  struct error error = {0};
  cr_assert_eq(decode(json, "spec", fields, &probe, &error), 0, "%s", error.message);
  cr_expect_str_eq(probe.path, "/x");
  cr_expect_str_eq(probe.name, "a");
  cr_expect_str_eq(probe.nothing, "");
  cr_expect_eq(probe.period_s, -3);
  cr_expect_eq(probe.delay_s, 7);
  cr_expect_not(probe.enabled);
  cr_expect(probe.plain);
  cr_expect_eq(probe.extra, json_get(json, "extra"));
  cr_expect_eq(probe.retry.first_s, 1);
  cr_expect_str_eq(probe.retry.mode, "m");
}

Test(decode, defaults) {
  _cleanup_(json_freep) cJSON *json = parsed("{\"meta\":{\"name\":\"a\"},\"path\":null,\"delay\":null}");
  struct probe probe;
  memset(&probe, 0xAA, sizeof probe);
  cr_assert_eq(decode(json, "", fields, &probe, NULL), 0);
  cr_expect_str_eq(probe.path, "/livez");
  cr_expect_null(probe.nothing);
  cr_expect_eq(probe.period_s, 10);
  cr_expect_eq(probe.delay_s, 0);
  cr_expect(probe.enabled);
  cr_expect_not(probe.plain);
  cr_expect_null(probe.extra);
  cr_expect_eq(probe.retry.first_s, 5);
  cr_expect_null(probe.retry.mode); /* required of a retry, but there is none */
}

Test(decode, refusals_name_the_field_the_value_and_what_was_expected) {
  static const struct {
    const char *text, *message;
  } table[] = {
      {"{\"meta\":{\"name\":\"a\"},\"periodSeconds\":\"x\"}", "spec.probe.periodSeconds is \"x\", expected a whole number"},
      {"{\"meta\":{\"name\":\"a\"},\"periodSeconds\":1.5}", "spec.probe.periodSeconds is 1.5, expected a whole number"},
      {"{\"meta\":{\"name\":\"a\"},\"periodSeconds\":9007199254740993}",
       "spec.probe.periodSeconds is 9007199254740992, expected a whole number"},
      {"{\"meta\":{\"name\":\"a\"},\"enabled\":\"true\"}", "spec.probe.enabled is \"true\", expected true or false"},
      {"{\"meta\":{\"name\":\"a\"},\"path\":7}", "spec.probe.path is 7, expected a string"},
      {"{\"meta\":{\"name\":\"a\"},\"delay\":{\"seconds\":[]}}", "spec.probe.delay.seconds is [], expected a whole number"},
      {"{\"meta\":{\"name\":\"a\"},\"delay\":7}", "spec.probe.delay is 7, expected an object"},
      {"{\"meta\":{\"name\":\"a\"},\"retry\":[]}", "spec.probe.retry is [], expected an object"},
      {"{\"meta\":{\"name\":\"a\"},\"retry\":{}}", "spec.probe.retry.mode is missing"},
      {"{\"meta\":{\"name\":\"a\"},\"retry\":{\"mode\":\"m\",\"firstSeconds\":true}}",
       "spec.probe.retry.firstSeconds is true, expected a whole number"},
      {"{\"meta\":{\"name\":\"\"}}", "spec.probe.meta.name is empty"},
      {"{\"meta\":{}}", "spec.probe.meta.name is missing"},
      {"{}", "spec.probe.meta.name is missing"},
      {"[]", "spec.probe is [], expected an object"},
      {"null", "spec.probe.meta.name is missing"},
      {"{\"meta\":{\"name\":\"a\"},\"periodSeconds\":\"a text that is much too long to be shown in a sentence for people\"}",
       "spec.probe.periodSeconds is a long text, expected a whole number"},
      {"{\"meta\":{\"name\":\"a\"},\"path\":[\"a list that is much too long to be shown in a sentence for people\"]}",
       "spec.probe.path is a list, expected a string"},
  };
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    _cleanup_(json_freep) cJSON *json = parsed(table[i].text);
    struct probe probe = {0};
    struct error error = {0};
    cr_expect_eq(decode(json, "spec.probe", fields, &probe, &error), -1, "%s", table[i].text);
    cr_expect_eq(error.kind, ERROR_INVALID);
    cr_expect_str_eq(error.message, table[i].message, "%s", error.message);
  }
}

Test(decode, without_a_prefix_and_without_a_tree) {
  struct probe probe = {0};
  struct error error = {0};
  _cleanup_(json_freep) cJSON *json = parsed("{\"path\":7}");
  cr_expect_eq(decode(json, "", fields, &probe, &error), -1);
  cr_expect_str_eq(error.message, "path is 7, expected a string");
  cr_expect_eq(decode(NULL, "spec", fields, &probe, &error), -1);
  cr_expect_str_eq(error.message, "spec.meta.name is missing");
}

Test(decode, a_wrong_default_is_our_bug) {
  static const struct decode_field wrong[] = {{"n", DECODE_INT, 0, .fallback = "ten"}, {0}};
  int64_t number = 0;
  struct error error = {0};
  cr_expect_eq(decode(NULL, "", wrong, &number, &error), -1);
  cr_expect_eq(error.kind, ERROR_BUG);
}

static const struct decode_field whole[] = {{"probe", DECODE_OBJECT, 0, .fields = fields, .flags = DECODE_RELEASE}, {0}};

Test(decode, prune_keeps_what_is_of_the_release_and_differs) {
  static const struct {
    const struct decode_field *fields;
    const char *text, *pruned;
  } table[] = {
      {fields, "{}", "{}"},
      {fields, "null", "{}"},
      {fields, "{\"path\":\"/livez\",\"periodSeconds\":10,\"enabled\":true,\"delay\":{\"seconds\":0},\"extra\":null}", "{}"},
      {fields, "{\"path\":\"/x\",\"periodSeconds\":11,\"enabled\":false,\"delay\":{\"seconds\":1,\"other\":2},\"extra\":[1]}",
       "{\"path\":\"/x\",\"periodSeconds\":11,\"delay\":{\"seconds\":1},\"enabled\":false,\"extra\":[1]}"},
      {fields, "{\"meta\":{\"name\":\"a\"},\"plain\":true,\"unknown\":1}", "{}"},
      {fields, "{\"nothing\":\"\"}", "{\"nothing\":\"\"}"},
      {fields, "{\"retry\":{\"firstSeconds\":5,\"mode\":\"m\"}}", "{}"},
      {fields, "{\"retry\":{\"firstSeconds\":6,\"mode\":\"m\"}}", "{\"retry\":{\"firstSeconds\":6}}"},
      {whole, "{\"probe\":{\"plain\":true,\"path\":\"/livez\",\"meta\":{\"name\":\"a\"},\"retry\":{\"mode\":\"m\",\"firstSeconds\":5}}}",
       "{\"probe\":{\"meta\":{\"name\":\"a\"},\"plain\":true,\"retry\":{\"mode\":\"m\"}}}"},
      {whole, "{\"probe\":{\"path\":\"/livez\"}}", "{}"},
  };
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    _cleanup_(json_freep) cJSON *json = parsed(table[i].text);
    _cleanup_(json_freep) cJSON *pruned = decode_prune(json, table[i].fields);
    struct buffer text;
    buffer_init(&text, 1000);
    json_print(pruned, &text);
    cr_expect_str_eq(buffer_text(&text), table[i].pruned, "%s: %s", table[i].text, buffer_text(&text));
    buffer_done(&text);
  }
}
