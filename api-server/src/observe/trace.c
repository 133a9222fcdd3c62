#include "observe/trace.h"

#include "base/hex.h"
#include "base/random.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { VERSION_LEN = 2, ID_LEN = 32, SPAN_LEN = 16, WHOLE_LEN = 55 };

static bool is_hex(const char *at, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!(at[i] >= '0' && at[i] <= '9') && !(at[i] >= 'a' && at[i] <= 'f')) return false;
  return true;
}

static bool is_zero(const char *at, size_t n) {
  while (n && *at == '0') at++, n--;
  return n == 0;
}

/* Later versions may have more behind what version 00 has (Trace Context, 3.2.4). */
static bool is_traceparent(struct span text) {
  const char *at = text.at;
  if (!at || text.len < WHOLE_LEN || !is_hex(at, VERSION_LEN) || !memcmp(at, "ff", VERSION_LEN)) return false;
  if (text.len > WHOLE_LEN && (is_zero(at, VERSION_LEN) || at[WHOLE_LEN] != '-')) return false;
  if (at[2] != '-' || at[35] != '-' || at[52] != '-') return false;
  if (!is_hex(at + 3, ID_LEN) || !is_hex(at + 36, SPAN_LEN) || !is_hex(at + 53, 2)) return false;
  return !is_zero(at + 3, ID_LEN) && !is_zero(at + 36, SPAN_LEN);
}

/* The last 56 bits are random (Trace Context level 2, 3.2.2.3); of them 52, which a double holds exactly. */
static bool is_chosen(const char *id, double rate) {
  uint64_t bits = 0;
  for (const char *c = id + ID_LEN - 13; *c; c++) bits = bits << 4 | (uint64_t)(*c <= '9' ? *c - '0' : *c - 'a' + 10);
  return (double)bits < rate * (double)(UINT64_C(1) << 52);
}

void trace_begin(struct trace *trace, struct span traceparent, double rate) {
  unsigned char fresh[(ID_LEN + SPAN_LEN) / 2];
  *trace = (struct trace){0};
  random_bytes(fresh, sizeof fresh); /* all zeros would name nothing, and don't come */
  hex_print(fresh, SPAN_LEN / 2, trace->span);
  if (is_traceparent(traceparent)) {
    memcpy(trace->id, traceparent.at + 3, ID_LEN);
    memcpy(trace->parent, traceparent.at + 36, SPAN_LEN);
  } else {
    hex_print(fresh + SPAN_LEN / 2, ID_LEN / 2, trace->id);
  }
  trace->sampled = is_chosen(trace->id, rate);
}

void trace_print(const struct trace *trace, char to[TRACEPARENT_SIZE]) {
  (void)snprintf(to, TRACEPARENT_SIZE, "00-%s-%s-%02x", trace->id, trace->span, trace->sampled);
}
