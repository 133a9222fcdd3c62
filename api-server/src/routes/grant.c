/* POST /api/entitlements/grant: gives and takes by hand, exactly once for each externalRef. */
#include "routes/call.h"
#include "routes/grant_body.h"
#include "routes/handlers.h"

#include <string.h>

struct granting {
  struct request *request;
  struct grant_call call;
  char body_sha256[SHA256_HEX_SIZE];
};

static void answer(struct request *request, const struct grant_outcome *outcome) {
  switch (outcome->result) {
    case GRANT_DONE:
    case GRANT_REPEATED:
      request_field(request, "Cache-Control", "no-store");
      request_answer(request, 200, "application/json", outcome->answer, strlen(outcome->answer));
      return;
    case GRANT_CONFLICT: request_refuse(request, PROBLEM_CONFLICT, "This externalRef was used with another body."); return;
    case GRANT_INSUFFICIENT: fields_refuse(request, "grant.amount", "is more than the profile has"); return;
    case GRANT_TOO_MANY: fields_refuse(request, "grant.amount", "would bring the balance beyond what it can hold"); return;
    case GRANT_NO_PLAN: fields_refuse(request, "grant.plan", "is not a subscription that the profile has"); return;
  }
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

void grant_post(struct request *request) {
  struct call *call = call_of(request);
  struct granting *granting = call->own = arena_alloc(request->arena, sizeof *granting);
  struct error error;
  if (!(call->who.roles & (ROLE_ADMIN | ROLE_FINANCE))) {
    request_refuse(request, PROBLEM_FORBIDDEN, "Only the roles admin and finance may grant.");
    return;
  }
  struct wrong_fields wrong = {.arena = request->arena};
  grant_body_check(call->json, &wrong);
  if (fields_answer(request, &wrong)) return;
  if (!granting || grant_body_digest(call->json, granting->body_sha256) < 0) {
    request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
    return;
  }
  struct grant grant = grant_body_read(call->json, call->who.sub, granting->body_sha256);
  granting->request = request;
  granting->call.query.done = on_granted;
  grant_query(&granting->call, &grant);
  if (db_submit(app_of(request)->db, &granting->call.query, &error) < 0) call_fail(request, &error);
}

void grant_cancel(struct request *request) {
  struct granting *granting = call_of(request)->own;
  if (granting) db_cancel(&granting->call.query);
}
