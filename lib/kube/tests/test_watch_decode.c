#include "../src/watch_decode.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* What was given out, one object a line. */
struct seen {
  struct buffer text;
  int refuse_at; /* 0: never */
  int count;
};

static int on_object(void *owner, const char *text, size_t n, struct error *error) {
  struct seen *seen = owner;
  buffer_append(&seen->text, text, n);
  buffer_puts(&seen->text, "\n");
  return ++seen->count == seen->refuse_at ? error_set(error, ERROR_GONE, "refused") : 0;
}

static const struct {
  bool lines;
  const char *input, *objects, *skeleton;
} cases[] = {
    {false, "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[{\"a\":1},{\"b\":[{},{\"x\":2}]}]}\n",
     "{\"a\":1}\n{\"b\":[{},{\"x\":2}]}\n", "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[]}\n"},
    {false, "{\"items\":[],\"metadata\":{}}", "", "{\"items\":[],\"metadata\":{}}"},
    {false, "{\"items\":null,\"metadata\":{\"items\":[{\"no\":1}]}}", "", "{\"items\":null,\"metadata\":{\"items\":[{\"no\":1}]}}"},
    {false, "{ \"items\" : [ {\"a\":\"}]\\\"{\"} , {\"\\\\\":\"\\\\\"} ] , \"z\" : \"items\" }",
     "{\"a\":\"}]\\\"{\"}\n{\"\\\\\":\"\\\\\"}\n", "{ \"items\" : [] , \"z\" : \"items\" }"},
    {false, "{\"itemsAndMore\":[{\"no\":1}],\"items\":[{\"yes\":1}],\"kind\":\"items\"}", "{\"yes\":1}\n",
     "{\"itemsAndMore\":[{\"no\":1}],\"items\":[],\"kind\":\"items\"}"},
    {true, "{\"type\":\"ADDED\"}\n\n{\"type\":\"MODIFIED\",\"x\":\"\\n\"}\n{\"half\":",
     "{\"type\":\"ADDED\"}\n{\"type\":\"MODIFIED\",\"x\":\"\\n\"}\n", ""},
};

static void check(size_t i, const char *how, size_t first, size_t second) {
  struct seen seen = {0};
  struct watch_decoder decoder;
  const char *input = cases[i].input;
  size_t n = strlen(input), skeleton_n;
  buffer_init(&seen.text, 65536);
  watch_decoder_init(&decoder, cases[i].lines, 65536, on_object, &seen);
  cr_assert_eq(watch_decoder_feed(&decoder, input, first, NULL), 0);
  cr_assert_eq(watch_decoder_feed(&decoder, input + first, second - first, NULL), 0);
  cr_assert_eq(watch_decoder_feed(&decoder, input + second, n - second, NULL), 0);
  cr_expect_str_eq(buffer_text(&seen.text), cases[i].objects, "case %zu, %s, cut at %zu and %zu", i, how, first, second);
  cr_expect_str_eq(watch_decoder_skeleton(&decoder, &skeleton_n), cases[i].skeleton, "case %zu, %s, cut at %zu and %zu: %s", i, how, first,
                   second, watch_decoder_skeleton(&decoder, &skeleton_n));
  watch_decoder_done(&decoder);
  buffer_done(&seen.text);
}

Test(watch_decode, every_split_in_three_gives_the_same) {
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    size_t n = strlen(cases[i].input);
    for (size_t first = 0; first <= n; first++)
      for (size_t second = first; second <= n; second++) check(i, "in three", first, second);
  }
}

Test(watch_decode, byte_by_byte) {
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct seen seen = {0};
    struct watch_decoder decoder;
    buffer_init(&seen.text, 65536);
    watch_decoder_init(&decoder, cases[i].lines, 65536, on_object, &seen);
    for (const char *at = cases[i].input; *at; at++) cr_assert_eq(watch_decoder_feed(&decoder, at, 1, NULL), 0);
    cr_expect_str_eq(buffer_text(&seen.text), cases[i].objects, "case %zu", i);
    watch_decoder_done(&decoder);
    buffer_done(&seen.text);
  }
}

/* A large object fails alike, whether it comes at once or in pieces, of a list or of a watch. */
Test(watch_decode, an_object_over_the_bound_is_an_error) {
  for (int variant = 0; variant < 4; variant++) {
    bool lines = variant & 1;
    size_t step = variant & 2 ? 7 : 1 << 20;
    struct seen seen = {0};
    struct watch_decoder decoder;
    struct error error = {0};
    struct buffer input;
    buffer_init(&seen.text, 65536);
    buffer_init(&input, 65536);
    buffer_printf(&input, "%s{\"a\":\"%0500d\"}%s", lines ? "" : "{\"items\":[", 0, lines ? "\n" : "]}");
    watch_decoder_init(&decoder, lines, 256, on_object, &seen);
    int fed = 0;
    for (size_t at = 0; !fed && at < input.len; at += step)
      fed = watch_decoder_feed(&decoder, input.data + at, at + step < input.len ? step : input.len - at, &error);
    cr_expect_eq(fed, -1);
    cr_expect_eq(error.kind, ERROR_INVALID);
    cr_expect_eq(seen.count, 0);
    watch_decoder_done(&decoder);
    buffer_done(&input);
    buffer_done(&seen.text);
  }
}

Test(watch_decode, a_refused_object_ends_the_feeding) {
  struct seen seen = {.refuse_at = 2};
  struct watch_decoder decoder;
  struct error error = {0};
  static const char input[] = "{}\n{\"x\":1}\n{\"y\":2}\n";
  buffer_init(&seen.text, 65536);
  watch_decoder_init(&decoder, true, 256, on_object, &seen);
  cr_assert_eq(watch_decoder_feed(&decoder, input, strlen(input), &error), -1);
  cr_assert_eq(error.kind, ERROR_GONE);
  cr_assert_eq(seen.count, 2);
  watch_decoder_done(&decoder);
  buffer_done(&seen.text);
}

/* Bytes that make no sense are never a crash: the JSON check comes after. */
Test(watch_decode, garbage_is_survived) {
  unsigned seed = 7;
  static const char alphabet[] = "{}[]\"\\,:items \n\t0";
  for (int round = 0; round < 2000; round++) {
    struct seen seen = {0};
    struct watch_decoder decoder;
    char input[64];
    for (size_t i = 0; i < sizeof input; i++) input[i] = alphabet[(seed = seed * 1103515245u + 12345u) >> 16 & 15];
    buffer_init(&seen.text, 65536);
    watch_decoder_init(&decoder, round & 1, 32, on_object, &seen);
    (void)!watch_decoder_feed(&decoder, input, sizeof input, NULL);
    watch_decoder_done(&decoder);
    buffer_done(&seen.text);
  }
}
