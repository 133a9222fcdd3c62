/* Documents of design tokens: wrong ones are answered with a problem that is JSON and names at least one field, and the check leaves the
 * document as it is. */
#include "http/problem.h"
#include "routes/design_tokens_check.h"
#include "testing/fuzz.h"

#include <string.h>

static void check_problem(const struct wrong_fields *wrong) {
  struct buffer text;
  cJSON *json = NULL;
  buffer_init(&text, 4 << 20);
  problem_write(&text, &(struct problem){.type = PROBLEM_INVALID_FIELDS, .errors = wrong->all, .error_count = wrong->count});
  demand(json_parse(text.data, text.len, &json_limits_cluster, &json, NULL) == 0);
  demand(cJSON_GetArraySize(json_member(json, "errors")) == (int)wrong->count && wrong->count <= WRONG_FIELDS_MAX);
  cJSON_Delete(json);
  buffer_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  cJSON *json = NULL;
  if (json_parse((const char *)data, n, &json_limits_request, &json, NULL) < 0) return 0;
  struct wrong_fields wrong = {.arena = arena_new(4 << 20)};
  cJSON *before = cJSON_Duplicate(json, true);
  if (cJSON_IsObject(json)) design_tokens_check(json, &wrong);
  demand(json_equal(json, before));
  check_problem(&wrong);
  arena_free(wrong.arena);
  cJSON_Delete(before);
  cJSON_Delete(json);
  return 0;
}
