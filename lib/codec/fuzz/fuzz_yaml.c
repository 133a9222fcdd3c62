/* Whatever yaml_parse takes prints as JSON that the strict validator takes and that reads back as the same tree.
 *
 *     clang -std=gnu17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Ilib/base/include \
 *       -Ilib/codec/include lib/codec/fuzz/fuzz_yaml.c lib/codec/src/{json,json_check,yaml}.c \
 *       lib/base/src/{buffer,cleanup,error,map,random}.c -lcjson -lyaml -o fuzz_yaml
 *     ./fuzz_yaml -max_len=4096 -max_total_time=60 /tmp/new-inputs lib/codec/fuzz/corpus_yaml
 */
#include "codec/yaml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool holds) {
  if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static const struct json_limits limits = {.max_bytes = 1 << 20, .max_depth = 64};
  cJSON *json = NULL, *back = NULL;
  struct error error = {0};
  struct buffer text;
  if (yaml_parse((const char *)data, n, &json, &error) < 0) {
    must(!json && error.kind == ERROR_INVALID && *error.message);
    return 0;
  }
  buffer_init(&text, 1 << 20);
  json_print(json, &text);
  must(!text.failed);
  must(json_parse(text.data, text.len, &limits, &back, &error) == 0);
  must(json_equal(json, back));
  cJSON_Delete(json);
  cJSON_Delete(back);
  buffer_done(&text);
  return 0;
}
