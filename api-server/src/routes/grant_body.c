#include "routes/grant_body.h"

#include "routes/body_digest.h"

#include <string.h>

enum { PROFILE_MAX = 256, PLAN_MAX = 256, REASON_MAX = 1024, SOURCE_MAX = 256, REF_MAX = 256 };

const struct field grant_body_rules[] = {{"profileId", FIELD_TEXT, true, 1, PROFILE_MAX},
                                         {"grant", FIELD_OBJECT, true, 0, 0},
                                         {"externalRef", FIELD_TEXT, false, 1, REF_MAX},
                                         {0}};
const struct field grant_rules[] = {{"type", FIELD_TEXT, true, 1, 32},
                                    {"amount", FIELD_INTEGER, false, 1, COINS_MAX},
                                    {"plan", FIELD_TEXT, false, 1, PLAN_MAX},
                                    {"expiresAt", FIELD_TIME, false, 0, 0},
                                    {"reason", FIELD_TEXT, false, 0, REASON_MAX},
                                    {"source", FIELD_TEXT, false, 0, SOURCE_MAX},
                                    {0}};

/* What each type takes: required, forbidden, or (a revoke) one of two. */
static void check_together(const cJSON *json, struct wrong_fields *wrong) {
  enum grant_kind kind;
  bool amount = json_member(json, "amount"), plan = json_member(json, "plan"), end = json_member(json, "expiresAt");
  const char *type = json_string(json, "type", "");
  if (parse_grant_kind(type, &kind) < 0) {
    if (*type) fields_wrong(wrong, "grant.", "type", "must be coins, subscription or revoke");
    return;
  }
  if (kind == GRANT_COINS && !amount) fields_wrong(wrong, "grant.", "amount", "is required for coins");
  if (kind == GRANT_COINS && plan) fields_wrong(wrong, "grant.", "plan", "does not belong to coins");
  if (kind == GRANT_SUBSCRIPTION && !plan) fields_wrong(wrong, "grant.", "plan", "is required for a subscription");
  if (kind == GRANT_SUBSCRIPTION && amount) fields_wrong(wrong, "grant.", "amount", "does not belong to a subscription");
  if (kind == GRANT_REVOKE && amount == plan)
    fields_wrong(wrong, "grant.", "amount", "or grant.plan, exactly one, is required for a revoke");
  if (kind != GRANT_SUBSCRIPTION && end) fields_wrong(wrong, "grant.", "expiresAt", "belongs to a subscription alone");
}

void grant_body_check(const cJSON *json, struct wrong_fields *wrong) {
  const cJSON *grant = json_member(json, "grant");
  fields_check(json, "", grant_body_rules, wrong);
  if (cJSON_IsObject(grant)) {
    fields_check(grant, "grant.", grant_rules, wrong);
    check_together(grant, wrong);
  }
}

struct grant grant_body_read(const cJSON *json, const char *actor, const char *body_sha256) {
  const cJSON *grant = json_member(json, "grant");
  struct grant wish = {.profile = json_string(json, "profileId", ""),
                       .amount = json_int(grant, "amount", 0),
                       .plan = json_string(grant, "plan", NULL),
                       .expires_at = json_string(grant, "expiresAt", NULL),
                       .reason = json_string(grant, "reason", NULL),
                       .source = json_string(grant, "source", NULL),
                       .origin = "admin",
                       .external_ref = json_string(json, "externalRef", NULL),
                       .actor = actor,
                       .body_sha256 = body_sha256};
  /* the rules were checked before */
  if (parse_grant_kind(json_string(grant, "type", ""), &wish.kind) < 0) wish.kind = GRANT_COINS;
  return wish;
}

int grant_body_digest(const cJSON *json, char to[SHA256_HEX_SIZE]) { return body_digest(json, "externalRef", to); }
