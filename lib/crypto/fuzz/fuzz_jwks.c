/* A key set that is taken prints as one that is taken, has the same keys in the same order, and prints the same again. */
#include "crypto/jwks.h"
#include "testing/fuzz.h"

#include <string.h>

static void print(const struct jwks *keys, struct buffer *to) {
  buffer_init(to, 1 << 20);
  demand(jwks_print(keys, to, NULL) == 0);
}

static void check(const struct jwks *keys) {
  demand(jwks_count(keys) <= JWKS_MAX && !jwks_get(keys, ""));
  for (size_t i = 0; i < jwks_count(keys); i++) {
    const char *kid = jwks_kid(keys, i);
    demand(*kid && strlen(kid) < KID_SIZE && jwks_get(keys, kid));
    for (size_t j = 0; j < i; j++) demand(strcmp(kid, jwks_kid(keys, j)) != 0);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  struct jwks *keys = NULL, *back = NULL;
  struct error error = {0};
  struct buffer once, twice;
  if (jwks_parse((const char *)data, n, &keys, &error) < 0) {
    demand(!keys && error.kind == ERROR_INVALID && *error.message);
    return 0;
  }
  check(keys);
  print(keys, &once);
  demand(jwks_parse(once.data, once.len, &back, NULL) == 0 && jwks_count(back) == jwks_count(keys));
  print(back, &twice);
  demand(once.len == twice.len && !memcmp(once.data, twice.data, once.len));
  buffer_done(&once);
  buffer_done(&twice);
  jwks_free(keys);
  jwks_free(back);
  return 0;
}
