/* Bodies of a grant: wrong ones are answered with a problem that is JSON and names at least one field; right ones hold what the rules say, and
 * their digest does not depend on the reference.
 */
#include "http/problem.h"
#include "routes/grant_body.h"
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

static void check_digest(cJSON *json) {
  char before[SHA256_HEX_SIZE], after[SHA256_HEX_SIZE];
  demand(grant_body_digest(json, before) == 0);
  cJSON_DeleteItemFromObjectCaseSensitive(json, "externalRef");
  demand(cJSON_AddStringToObject(json, "externalRef", "another"));
  demand(grant_body_digest(json, after) == 0 && !strcmp(before, after));
}

static void check_grant(const struct grant *grant) {
  demand(*grant->profile && strlen(grant->profile) <= 256 && grant->amount >= 0 && grant->amount <= COINS_MAX);
  switch (grant->kind) {
    case GRANT_COINS: demand(grant->amount && !grant->plan && !grant->expires_at); break;
    case GRANT_SUBSCRIPTION: demand(!grant->amount && *grant->plan); break;
    case GRANT_REVOKE: demand(!grant->amount != !grant->plan && !grant->expires_at); break;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  cJSON *json = NULL;
  if (json_parse((const char *)data, n, &json_limits_request, &json, NULL) < 0) return 0;
  struct wrong_fields wrong = {.arena = arena_new(1 << 20)};
  if (cJSON_IsObject(json)) grant_body_check(json, &wrong);
  if (cJSON_IsObject(json) && !wrong.count) {
    struct grant grant = grant_body_read(json, "admin", "");
    check_grant(&grant);
    check_digest(json);
  }
  check_problem(&wrong);
  arena_free(wrong.arena);
  cJSON_Delete(json);
  return 0;
}
