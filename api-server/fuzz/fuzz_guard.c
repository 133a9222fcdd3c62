/* Fuzzes the guard: however a stream is cut, the outcome is the same; spans stay inside the head; nothing is read past what came.
 *
 * Bounds are small here so that the fuzzer meets them.
 */
#include "../tests/guard_transcript.h"
#include "http/percent.h"
#include "testing/fuzz.h"

enum { CUTS = 3, OUT_MAX = 1 << 20 };

static const struct guard_limits limits = {.head_max = 512, .target_max = 128, .extension_max = 32, .trailer_max = 32, .body_max = 128};

static void compare(const struct buffer *whole, const char *bytes, size_t n, const size_t *cuts, size_t cut_count) {
  struct buffer cut;
  buffer_init(&cut, OUT_MAX);
  guard_transcript(&cut, &limits, bytes, n, cuts, cut_count);
  if (cut.len != whole->len || memcmp(buffer_text(&cut), buffer_text(whole), cut.len))
    fprintf(stderr, "whole:\n%s\ncut:\n%s\n", buffer_text(whole), buffer_text(&cut)), abort();
  buffer_done(&cut);
}

/* Three rising offsets that depend on the bytes alone. */
static void choose_cuts(const uint8_t *data, size_t size, size_t cuts[CUTS]) {
  uint32_t hash = 2166136261U;
  for (size_t i = 0; i < size; i++) hash = (hash ^ data[i]) * 16777619U;
  size_t last = 0;
  for (size_t i = 0; i < CUTS; i++, hash = hash * 1664525U + 1013904223U) cuts[i] = last += (hash >> 8) % (size - last + 1);
}

static void decode(const char *bytes, size_t n) {
  char text[64];
  int len = percent_segment((struct span){bytes, n}, text, sizeof text);
  must(len < (int)sizeof text && (len < 0 || strlen(text) == (size_t)len), "a decoded segment holds a NUL");
  len = percent_query((struct span){bytes, n}, text, sizeof text);
  must(len < (int)sizeof text && (len < 0 || strlen(text) == (size_t)len), "a decoded parameter holds a NUL");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *bytes = (const char *)data;
  struct buffer whole;
  buffer_init(&whole, OUT_MAX);
  guard_transcript(&whole, &limits, bytes, size, NULL, 0);
  size_t cuts[CUTS];
  choose_cuts(data, size, cuts);
  compare(&whole, bytes, size, cuts, CUTS);
  size_t *every = malloc((size + 1) * sizeof *every);
  must(every, "memory");
  for (size_t i = 0; i < size; i++) every[i] = i + 1;
  compare(&whole, bytes, size, every, size);
  free(every);
  decode(bytes, size);
  buffer_done(&whole);
  return 0;
}
