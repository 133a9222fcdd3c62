/* What json_check lets through, cJSON reads whole, prints, and reads back as the same; and printing is canonical.
 *
 *     clang -std=gnu17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Ilib/base/include \
 *       -Ilib/codec/include lib/codec/fuzz/fuzz_json.c lib/codec/src/json*.c lib/base/src/{buffer,cleanup,error}.c -lcjson -o fuzz_json
 *     ./fuzz_json -max_len=4096 -max_total_time=60 /tmp/new-inputs lib/codec/fuzz/corpus_json
 */
#include "codec/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool holds) {
  if (!holds) abort();
}

static void round_trip(const cJSON *json, void (*print)(const cJSON *, struct buffer *)) {
  struct buffer once, twice;
  cJSON *back = NULL;
  buffer_init(&once, 1 << 20);
  buffer_init(&twice, 1 << 20);
  print(json, &once);
  must(!once.failed);
  must(json_parse(once.data, once.len, &json_limits_cluster, &back, NULL) == 0);
  must(json_equal(json, back));
  print(back, &twice);
  must(once.len == twice.len && !memcmp(once.data, twice.data, once.len));
  cJSON_Delete(back);
  buffer_done(&once);
  buffer_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static const struct json_limits *const limits[] = {&json_limits_cluster, &json_limits_request};
  const char *text = (const char *)data;
  for (size_t i = 0; i < ELEMENTS(limits); i++) {
    cJSON *json = NULL;
    struct error error = {0};
    int checked = json_check(text, n, limits[i], &error);
    must(checked == 0 || (error.kind == ERROR_INVALID && *error.message));
    must(json_parse(text, n, limits[i], &json, NULL) == checked);
    if (json && limits[i]->no_duplicate_keys) { /* of a key that stands twice nobody says which one counts */
      round_trip(json, json_print);
      round_trip(json, json_canonical);
    }
    cJSON_Delete(json);
  }
  return 0;
}
