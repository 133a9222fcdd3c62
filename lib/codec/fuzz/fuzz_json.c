/* What json_check lets through, cJSON reads whole, prints, and reads back as the same; and printing is canonical.
 */
#include "codec/json.h"
#include "testing/fuzz.h"

#include <string.h>

static void round_trip(const cJSON *json, void (*print)(const cJSON *, struct buffer *)) {
  struct buffer once, twice;
  cJSON *back = NULL;
  buffer_init(&once, 1 << 20);
  buffer_init(&twice, 1 << 20);
  print(json, &once);
  demand(!once.failed);
  demand(json_parse(once.data, once.len, &json_limits_cluster, &back, NULL) == 0);
  demand(json_equal(json, back));
  print(back, &twice);
  demand(once.len == twice.len && !memcmp(once.data, twice.data, once.len));
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
    demand(checked == 0 || (error.kind == ERROR_INVALID && *error.message));
    demand(json_parse(text, n, limits[i], &json, NULL) == checked);
    if (json && limits[i]->no_duplicate_keys) { /* of a key that stands twice nobody says which one counts */
      round_trip(json, json_print);
      round_trip(json, json_canonical);
    }
    cJSON_Delete(json);
  }
  return 0;
}
