#include "codec/json.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST &json_limits_request
#define CLUSTER &json_limits_cluster

struct row {
  const char *text;
  const char *refusal; /* NULL: taken */
};

static void check_rows(const struct row *rows, size_t n, const struct json_limits *limits) {
  for (size_t i = 0; i < n; i++) {
    struct error error = {0};
    int rc = json_check(rows[i].text, strlen(rows[i].text), limits, &error);
    if (!rows[i].refusal) {
      cr_expect_eq(rc, 0, "%s: %s", rows[i].text, error.message);
      continue;
    }
    cr_expect_eq(rc, -1, "%s is taken", rows[i].text);
    cr_expect_eq(error.kind, ERROR_INVALID);
    cr_expect_not_null(strstr(error.message, rows[i].refusal), "%s: %s", rows[i].text, error.message);
  }
}

#define CHECK(limits, ...)                          \
  do {                                              \
    static const struct row rows[] = {__VA_ARGS__}; \
    check_rows(rows, ELEMENTS(rows), limits);       \
  } while (0)

Test(json_check, takes_the_grammar) {
  CHECK(REQUEST, {"null", NULL}, {"true", NULL}, {"false", NULL}, {"0", NULL}, {"\"\"", NULL}, {"[]", NULL}, {"{}", NULL},
        {" \t\r\n[ 1 , 2 ] \n", NULL}, {"{ \"a\" : { \"b\" : [ ] } , \"c\" : null }", NULL}, {"[[],[[]],{}]", NULL}, {"\"\x7f\"", NULL});
}

Test(json_check, refuses_what_is_no_json) {
  CHECK(REQUEST, {"", "byte 0: expected a value"}, {" ", "byte 1: expected a value"}, {"nul", "expected a value"},
        {"nulL", "expected a value"}, {"True", "expected a value"}, {"NaN", "expected a value"}, {"-Infinity", "expected a digit"},
        {"'a'", "expected a value"}, {"1 2", "byte 2: expected the end"}, {"[] x", "expected the end"}, {"{}{}", "expected the end"},
        {"nullx", "expected the end"}, {"[", "expected a value"}, {"[1", "expected a comma or ]"}, {"[1,", "expected a value"},
        {"[1,]", "expected a value"}, {"[,1]", "expected a value"}, {"[1 2]", "expected a comma or ]"}, {"]", "expected a value"},
        {"[1}", "expected a comma or ]"}, {"{", "expected a key"}, {"{a:1}", "expected a key"}, {"{1:1}", "expected a key"},
        {"{\"a\"", "expected a colon"}, {"{\"a\":", "expected a value"}, {"{\"a\" 1}", "expected a colon"},
        {"{\"a\":1", "expected a comma or }"}, {"{\"a\":1,}", "expected a key"}, {"{,}", "expected a key"},
        {"{\"a\":1]", "expected a comma or }"}, {"// x\n1", "expected a value"}, {"/**/1", "expected a value"},
        {"\xEF\xBB\xBF{}", "byte 0: expected a value"}, {"\f1", "expected a value"}, {"\v", "expected a value"});
}

Test(json_check, numbers) {
  CHECK(REQUEST, {"-0", NULL}, {"-1", NULL}, {"10", NULL}, {"0.5", NULL}, {"1e3", NULL}, {"1E+3", NULL}, {"1.25e-3", NULL}, {"0e0", NULL},
        {"9007199254740991", NULL}, {"-9007199254740991", NULL}, {"9007199254740992", "beyond 9007199254740991"},
        {"-9007199254740992", "beyond 9007199254740991"}, {"99999999999999999999999", "beyond 9007199254740991"},
        {"0.30000000000000004", NULL}, {"1.7976931348623157e308", NULL}, {"1e309", "a number too large"}, {"-1e999", "a number too large"},
        {"1e-999", NULL}, {"01", "leading zero"}, {"-01", "leading zero"}, {"00", "leading zero"}, {"+1", "expected a value"},
        {".5", "expected a value"}, {"5.", "expected a digit after the decimal point"}, {"-", "expected a digit"},
        {"1e", "in the exponent"}, {"1e+", "in the exponent"}, {"1.e3", "after the decimal point"}, {"0x1", "expected the end"},
        {"1_000", "expected the end"}, {"0.123456789012345678901234567890123456789012345678901234567890", NULL},
        {"0.12345678901234567890123456789012345678901234567890123456789012", "more than 63"});
  CHECK(CLUSTER, {"9007199254740993", NULL}, {"18446744073709551615", NULL}, {"1e309", "a number too large"});
}

Test(json_check, strings) {
  CHECK(REQUEST, {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", NULL}, {"\"\\u0041\\u00e9\\uFFFF\"", NULL}, {"\"\\ud83d\\ude00\"", NULL},
        {"\"é€😀\"", NULL}, {"\"", "byte 0: the string does not end"}, {"[\"a]", "byte 1: the string does not end"},
        {"\"\\", "after a backslash"}, {"\"\\\"", "does not end"}, {"\"\\x41\"", "after a backslash"}, {"\"\\'\"", "after a backslash"},
        {"\"\\u12\"", "four hexadecimal"}, {"\"\\u12G4\"", "four hexadecimal"}, {"\"\\u\"", "four hexadecimal"},
        {"\"\\U0041\"", "after a backslash"}, {"\"\t\"", "control byte"}, {"\"\n\"", "control byte"}, {"\"\x1f\"", "control byte"});
}

Test(json_check, nul_and_surrogates) {
  CHECK(REQUEST, {"\"\\u0000\"", "\\u0000 is not taken"}, {"{\"a\\u0000\":1}", "\\u0000 is not taken"}, {"\"\\ud800\"", "first half"},
        {"\"\\ud800x\"", "first half"}, {"\"\\ud800\\n\"", "first half"}, {"\"\\ud800\\ud800\"", "first half"},
        {"\"\\udbff\\u0041\"", "first half"}, {"\"\\udc00\"", "second half"}, {"\"\\ude00\\ud83d\"", "second half"},
        {"\"\\ud83d\\ude0\"", "first half"}, {"\"\\ud83d\\", "first half"});
  CHECK(CLUSTER, {"\"a\\u0000b\"", NULL}, {"\"\\ud800\"", "first half"});
  struct error error = {0};
  cr_expect_eq(json_check("\"a\0b\"", 5, CLUSTER, &error), -1);
  cr_expect_not_null(strstr(error.message, "control byte"));
  cr_expect_eq(json_check("1\0", 2, CLUSTER, &error), -1);
  cr_expect_eq(json_check("\0", 1, CLUSTER, &error), -1);
}

Test(json_check, utf8) {
  CHECK(REQUEST, {"\"\xc2\x80\"", NULL}, {"\"\xdf\xbf\"", NULL}, {"\"\xe0\xa0\x80\"", NULL}, {"\"\xed\x9f\xbf\"", NULL},
        {"\"\xee\x80\x80\"", NULL}, {"\"\xef\xbf\xbf\"", NULL}, {"\"\xf0\x90\x80\x80\"", NULL}, {"\"\xf4\x8f\xbf\xbf\"", NULL},
        {"\"\x80\"", "not UTF-8"}, {"\"\xbf\"", "not UTF-8"}, {"\"\xc0\x80\"", "not UTF-8"}, {"\"\xc1\xbf\"", "not UTF-8"},
        {"\"\xc2\"", "not UTF-8"}, {"\"\xc2", "not UTF-8"}, {"\"\xe0\x80\x80\"", "not UTF-8"}, {"\"\xe2\x82\"", "not UTF-8"},
        {"\"\xed\xa0\x80\"", "not UTF-8"}, {"\"\xed\xbf\xbf\"", "not UTF-8"}, {"\"\xf0\x80\x80\x80\"", "not UTF-8"},
        {"\"\xf0\x90\x80\"", "not UTF-8"}, {"\"\xf4\x90\x80\x80\"", "not UTF-8"}, {"\"\xf5\x80\x80\x80\"", "not UTF-8"},
        {"\"\xff\"", "not UTF-8"}, {"\xff", "expected a value"});
}

Test(json_check, keys_twice) {
  CHECK(REQUEST, {"{\"a\":1,\"b\":2,\"A\":3}", NULL}, {"{\"a\":{\"a\":{\"a\":1}}}", NULL}, {"[{\"a\":1},{\"a\":2}]", NULL},
        {"{\"a\":1,\"a\":2}", "byte 7: a key that the object already has"}, {"{\"a\":1,\"\\u0061\":2}", "already has"},
        {"{\"é\":1,\"\\u00e9\":2}", "already has"}, {"{\"😀\":1,\"\\ud83d\\uDE00\":2}", "already has"},
        {"{\"/\":1,\"\\/\":2}", "already has"}, {"{\"\\n\":1,\"\\u000a\":2}", "already has"}, {"{\"\":1,\"\":2}", "already has"},
        {"{\"x\":{\"a\":1,\"b\":{},\"a\":2}}", "already has"}, {"{\"€\":1,\"\\u20ac\":2}", "already has"},
        {"{\"\\\\u0061\":1,\"a\":2}", NULL}, {"{\"\\\\\":1,\"\\\"\":2,\"/\":3}", NULL});
  CHECK(CLUSTER, {"{\"a\":1,\"a\":2}", NULL});
}

/* N times OPEN, then N times CLOSE. */
static int nested(const char *open, const char *close, size_t n, const struct json_limits *limits) {
  _cleanup_buffer_ struct buffer text = {0};
  buffer_init(&text, 1 << 22);
  for (size_t i = 0; i < n; i++) buffer_puts(&text, open);
  buffer_puts(&text, "1");
  for (size_t i = 0; i < n; i++) buffer_puts(&text, close);
  return json_check(text.data, text.len, limits, NULL);
}

Test(json_check, depth) {
  struct json_limits boundless = {.max_bytes = SIZE_MAX, .max_depth = UINT32_MAX, .no_duplicate_keys = true};
  static const struct { const char *open, *close; } kinds[] = {{"[", "]"}, {"{\"a\":", "}"}};
  for (size_t i = 0; i < ELEMENTS(kinds); i++) {
    cr_expect_eq(nested(kinds[i].open, kinds[i].close, 32, REQUEST), 0);
    cr_expect_eq(nested(kinds[i].open, kinds[i].close, 33, REQUEST), -1);
    cr_expect_eq(nested(kinds[i].open, kinds[i].close, 128, CLUSTER), 0);
    cr_expect_eq(nested(kinds[i].open, kinds[i].close, 129, CLUSTER), -1);
    cr_expect_eq(nested(kinds[i].open, kinds[i].close, 512, &boundless), 0);
    cr_expect_eq(nested(kinds[i].open, kinds[i].close, 100000, &boundless), -1);
  }
}

static int with_keys(unsigned n, const struct json_limits *limits) {
  _cleanup_buffer_ struct buffer text = {0};
  buffer_init(&text, 1 << 22);
  for (unsigned i = 0; i < n; i++) buffer_printf(&text, "%s\"k%u\":%u", i ? "," : "{", i, i);
  buffer_puts(&text, "}");
  return json_check(text.data, text.len, limits, NULL);
}

Test(json_check, number_of_keys) {
  struct json_limits unbounded = {.max_bytes = SIZE_MAX, .max_depth = 8, .no_duplicate_keys = true};
  cr_expect_eq(with_keys(256, REQUEST), 0);
  cr_expect_eq(with_keys(257, REQUEST), -1);
  cr_expect_eq(with_keys(5000, CLUSTER), 0);
  cr_expect_eq(with_keys(256, &unbounded), 0);
  cr_expect_eq(with_keys(257, &unbounded), -1);
}

Test(json_check, bytes) {
  struct json_limits small = {.max_bytes = 4, .max_depth = 8};
  struct error error = {0};
  cr_expect_eq(json_check("1234", 4, &small, NULL), 0);
  cr_expect_eq(json_check("12345", 5, &small, &error), -1);
  cr_expect_str_eq(error.message, "JSON has 5 bytes, expected at most 4");
}

/* Every cut of a text is refused without a look behind its end (the copy has no NUL and ASan watches it). */
Test(json_check, every_cut_is_refused) {
  static const char text[] = "{\"a\":[1.5e+3,-0,true,false,null,\"x\\u00e9\\ud83d\\ude00é€😀\\n\"],\"b\":{}}";
  for (size_t n = 0; n < strlen(text); n++) {
    _cleanup_free_ char *bytes = malloc(n + !n);
    cr_assert_not_null(bytes);
    memcpy(bytes, text, n);
    cr_expect_eq(json_check(bytes, n, REQUEST, NULL), -1, "%zu", n);
  }
  cr_expect_eq(json_check(text, strlen(text), REQUEST, NULL), 0);
}
