/* GET /api/entitlements/:profileId: what a profile owns, for itself and for those who look after it; as JSON, or as a signed receipt for who
 * prefers application/jwt. */
#include "store/entitlements.h"

#include "base/clock.h"
#include "http/accept.h"
#include "routes/call.h"
#include "routes/etag.h"
#include "routes/handlers.h"
#include "routes/receipt.h"

#include <inttypes.h>
#include <string.h>

enum representation { AS_JSON, AS_RECEIPT };

static const char *const representations[] = {[AS_JSON] = "application/json", [AS_RECEIPT] = "application/jwt"};

struct reading {
  struct request *request;
  enum representation as;
  struct db_query query;
};

static void answer_json(struct request *request, const struct entitlements *owned) {
  /* every write makes a ledger row; what else changes an answer is that a subscription ends */
  char *etag = arena_printf(request->arena, "\"%" PRId64 "-%d\"", owned->seq, owned->active);
  struct buffer *body = request_scratch(request);
  buffer_puts(body, "{\"ok\":true,\"entitlements\":");
  entitlements_json(owned, body);
  buffer_puts(body, "}");
  etag_answer(request, etag ? etag : "\"\"", "private, no-cache", representations[AS_JSON], body->data, body->len);
}

static void answer_receipt(struct request *request, const struct entitlements *owned) {
  const struct app *app = app_of(request);
  struct buffer *body = request_scratch(request);
  int64_t now_s = clock_real_ms() / 1000;
  struct error error;
  if (!app->keys.ring) {
    request_problem(request, &(struct problem){.type = PROBLEM_UNAVAILABLE, .detail = "No keys are loaded.", .retry_after_s = 1});
    return;
  }
  if (receipt_sign(app->keys.ring, app->settings, request->parameters.values[0], owned, now_s, body, &error) < 0) {
    call_fail(request, &error);
    return;
  }
  const char *etag = receipt_etag(request->arena, app->keys.ring, owned, now_s);
  etag_answer(request, etag ? etag : "\"\"", "private, no-cache", representations[AS_RECEIPT], body->data, body->len);
}

static void on_read(struct db_query *query, const PGresult *result, const struct error *error) {
  struct reading *reading = CONTAINER_OF(query, struct reading, query);
  struct entitlements owned;
  struct error failure;
  if (error || entitlements_read(result, &owned, &failure) < 0)
    call_fail(reading->request, error ? error : &failure);
  else if (reading->as == AS_RECEIPT)
    answer_receipt(reading->request, &owned);
  else
    answer_json(reading->request, &owned);
}

/* True: the request is answered. */
static bool refuse(struct request *request, int chosen) {
  const struct principal *who = &call_of(request)->who;
  if (strcmp(who->sub, request->parameters.values[0]) != 0 && !(who->roles & (ROLE_ADMIN | ROLE_FINANCE))) {
    request_refuse(request, PROBLEM_FORBIDDEN, "These are the entitlements of somebody else; the roles admin and finance may read them.");
  } else if (chosen < 0) {
    request_refuse(request, PROBLEM_NOT_ACCEPTABLE, "There are application/json and, as a signed receipt, application/jwt.");
  } else if (chosen == AS_RECEIPT && !who->verified) {
    request_field(request, "WWW-Authenticate", "Bearer realm=\"supernova\"");
    request_refuse(request, PROBLEM_UNAUTHENTICATED, "A receipt needs a verified token, also while the server is open.");
  } else {
    return false;
  }
  return true;
}

void entitlements_get(struct request *request) {
  struct reading *reading = call_of(request)->own = arena_alloc(request->arena, sizeof *reading);
  int chosen = accept_choose(&request->head, representations, ELEMENTS(representations));
  struct error error;
  request_field(request, "Vary", "Authorization, Cookie, Accept");
  if (refuse(request, chosen)) return;
  if (!reading) {
    request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
    return;
  }
  reading->request = request;
  reading->as = (enum representation)chosen;
  reading->query.done = on_read;
  entitlements_query(&reading->query, request->parameters.values[0]);
  if (db_submit(app_of(request)->db, &reading->query, &error) < 0) call_fail(request, &error);
}

void entitlements_cancel(struct request *request) {
  struct reading *reading = call_of(request)->own;
  if (reading) db_cancel(&reading->query);
}
