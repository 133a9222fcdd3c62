/* What a fuzzer is: one function that is given bytes, and demands of our code what must hold for any bytes.
 *
 *     #include "testing/fuzz.h"
 *     int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
 *       if (parse((const char *)data, n, &parsed, &error) < 0) demand(*error.message);
 *       ...
 *       return 0;
 *     }
 *
 * It is X/fuzz/fuzz_NAME.c and links what X's tests link; X/fuzz/corpus/NAME holds what it begins with, and whatever once broke something. hack/fuzz
 * runs it in libFuzzer. As a unit test it is given each file of its corpus, once. It keeps nothing from one call to the next that changes
 * what it finds, and DATA is exactly N bytes, without a NUL behind.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Ends the run where CONDITION does not hold, and says where that was. */
#define demand(condition) ((condition) ? (void)0 : demand_broken(#condition, __FILE__, __LINE__))

_Noreturn static inline void demand_broken(const char *condition, const char *file, int line) {
  fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, condition);
  abort();
}

/* The bytes as text with a NUL behind; the caller frees it. Memory that is short ends the run. */
static inline char *fuzz_text(const uint8_t *data, size_t n) {
  char *text = malloc(n + 1);
  demand(text);
  for (size_t i = 0; i < n; i++) text[i] = (char)data[i];
  text[n] = 0;
  return text;
}
