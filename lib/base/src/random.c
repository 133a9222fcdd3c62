#include "base/random.h"

#include "base/hex.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *to, size_t n) {
  for (char *p = to; n;) {
    ssize_t got = getrandom(p, n, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) abort(); /* a kernel without getrandom: nothing here may run with guessable keys */
    p += got;
    n -= (size_t)got;
  }
}

uint64_t random_u64(void) {
  uint64_t value;
  random_bytes(&value, sizeof value);
  return value;
}

void random_id(char to[RANDOM_ID_SIZE]) {
  unsigned char bytes[RANDOM_ID_SIZE / 2];
  random_bytes(bytes, sizeof bytes);
  hex_print(bytes, sizeof bytes, to);
}

uint64_t random_below(uint64_t bound) {
  if (!bound) return 0;
  uint64_t limit = UINT64_MAX - UINT64_MAX % bound, value;
  do value = random_u64();
  while (value >= limit);
  return value % bound;
}
