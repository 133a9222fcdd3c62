/* POST /api/entitlements/grant: gives and takes by hand, exactly once for each externalRef. */
#include "crypto/digest.h"
#include "routes/call.h"
#include "routes/fields.h"
#include "routes/handlers.h"
#include "store/entitlements.h"

#include <string.h>

enum { PROFILE_MAX = 256, PLAN_MAX = 256, REASON_MAX = 1024, SOURCE_MAX = 256, REF_MAX = 256 };

struct granting {
  struct request *request;
  struct grant_call call;
  char body_sha256[SHA256_HEX_SIZE];
};

static const struct field body_rules[] = {{"profileId", FIELD_TEXT, true, 1, PROFILE_MAX},
                                          {"grant", FIELD_OBJECT, true, 0, 0},
                                          {"externalRef", FIELD_TEXT, false, 1, REF_MAX},
                                          {0}};
static const struct field grant_rules[] = {{"type", FIELD_TEXT, true, 1, 32},
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

static struct grant grant_of(const cJSON *json, const char *actor, const char *body_sha256) {
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

/* Of the body without its reference: what must be the same when it comes again. */
static int digest_body(const cJSON *json, char to[SHA256_HEX_SIZE]) {
  _cleanup_(json_freep) cJSON *compared = cJSON_Duplicate(json, true);
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, json_limits_request.max_bytes * 2);
  if (!compared) return -1;
  cJSON_DeleteItemFromObjectCaseSensitive(compared, "externalRef");
  json_canonical(compared, &text);
  return text.failed ? -1 : sha256_hex(text.data, text.len, to);
}

static void answer(struct request *request, const struct grant_outcome *outcome) {
  static const struct problem_error insufficient = {"grant.amount", "is more than the profile has"};
  static const struct problem_error too_many = {"grant.amount", "would bring the balance beyond what it can hold"};
  static const struct problem_error no_plan = {"grant.plan", "is not a subscription that the profile has"};
  const struct problem_error *wrong = NULL;
  switch (outcome->result) {
    case GRANT_DONE:
    case GRANT_REPEATED:
      request_field(request, "Cache-Control", "no-store");
      request_answer(request, 200, "application/json", outcome->answer, strlen(outcome->answer));
      return;
    case GRANT_CONFLICT: request_refuse(request, PROBLEM_CONFLICT, "This externalRef was used with another body."); return;
    case GRANT_INSUFFICIENT: wrong = &insufficient; break;
    case GRANT_TOO_MANY: wrong = &too_many; break;
    case GRANT_NO_PLAN: wrong = &no_plan; break;
  }
  request_problem(request,
                  &(struct problem){.type = PROBLEM_INVALID_FIELDS, .detail = "One field is wrong.", .errors = wrong, .error_count = 1});
}

static void on_granted(struct db_query *query, const PGresult *result, const struct error *error) {
  struct request *request = CONTAINER_OF(query, struct granting, call.query)->request;
  struct grant_outcome outcome;
  struct error failure;
  if (error || grant_read(result, &outcome, &failure) < 0)
    call_fail(request, error ? error : &failure);
  else
    answer(request, &outcome);
}

static bool body_is_right(struct request *request, const cJSON *json) {
  struct wrong_fields wrong = {.arena = request->arena};
  const cJSON *grant = json_member(json, "grant");
  fields_check(json, "", body_rules, &wrong);
  if (cJSON_IsObject(grant)) {
    fields_check(grant, "grant.", grant_rules, &wrong);
    check_together(grant, &wrong);
  }
  return !fields_answer(request, &wrong);
}

void grant_post(struct request *request) {
  struct call *call = call_of(request);
  struct granting *granting = call->own = arena_alloc(request->arena, sizeof *granting);
  struct error error;
  if (!(call->who.roles & (ROLE_ADMIN | ROLE_FINANCE))) {
    request_refuse(request, PROBLEM_FORBIDDEN, "Only the roles admin and finance may grant.");
    return;
  }
  if (!body_is_right(request, call->json)) return;
  if (!granting || digest_body(call->json, granting->body_sha256) < 0) {
    request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
    return;
  }
  struct grant grant = grant_of(call->json, call->who.sub, granting->body_sha256);
  granting->request = request;
  granting->call.query.done = on_granted;
  grant_query(&granting->call, &grant);
  if (db_submit(app_of(request)->db, &granting->call.query, &error) < 0) call_fail(request, &error);
}

void grant_cancel(struct request *request) {
  struct granting *granting = call_of(request)->own;
  if (granting) db_cancel(&granting->call.query);
}
