/* Whatever yaml_parse takes prints as JSON that the strict validator takes and that reads back as the same tree.
 */
#include "codec/yaml.h"
#include "testing/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static const struct json_limits limits = {.max_bytes = 1 << 20, .max_depth = 64};
  cJSON *json = NULL, *back = NULL;
  struct error error = {0};
  struct buffer text;
  if (yaml_parse((const char *)data, n, &json, &error) < 0) {
    demand(!json && error.kind == ERROR_INVALID && *error.message);
    return 0;
  }
  buffer_init(&text, 1 << 20);
  json_print(json, &text);
  demand(!text.failed);
  demand(json_parse(text.data, text.len, &limits, &back, &error) == 0);
  demand(json_equal(json, back));
  cJSON_Delete(json);
  cJSON_Delete(back);
  buffer_done(&text);
  return 0;
}
