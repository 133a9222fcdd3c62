/* GET /api/entitlements/:profileId: what a profile owns, for itself and for those who look after it. */
#include "store/entitlements.h"

#include "routes/call.h"
#include "routes/etag.h"
#include "routes/handlers.h"

#include <inttypes.h>
#include <string.h>

struct reading {
  struct request *request;
  struct db_query query;
};

static void on_read(struct db_query *query, const PGresult *result, const struct error *error) {
  struct request *request = CONTAINER_OF(query, struct reading, query)->request;
  struct entitlements owned;
  struct error failure;
  if (error || entitlements_read(result, &owned, &failure) < 0) {
    call_fail(request, error ? error : &failure);
    return;
  }
  /* every write makes a ledger row; what else changes an answer is that a subscription ends */
  char *etag = arena_printf(request->arena, "\"%" PRId64 "-%d\"", owned.seq, owned.active);
  struct buffer *body = request_scratch(request);
  buffer_puts(body, "{\"ok\":true,\"entitlements\":");
  entitlements_json(&owned, body);
  buffer_puts(body, "}");
  request_field(request, "Vary", "Authorization, Cookie, Accept");
  etag_answer(request, etag ? etag : "\"\"", "private, no-cache", "application/json", body->data, body->len);
}

void entitlements_get(struct request *request) {
  struct call *call = call_of(request);
  struct reading *reading = call->own = arena_alloc(request->arena, sizeof *reading);
  const char *profile = request->parameters.values[0];
  struct error error;
  if (strcmp(call->who.sub, profile) != 0 && !(call->who.roles & (ROLE_ADMIN | ROLE_FINANCE))) {
    request_refuse(request, PROBLEM_FORBIDDEN, "These are the entitlements of somebody else; the roles admin and finance may read them.");
    return;
  }
  if (!reading) {
    request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
    return;
  }
  reading->request = request;
  reading->query.done = on_read;
  entitlements_query(&reading->query, profile);
  if (db_submit(app_of(request)->db, &reading->query, &error) < 0) call_fail(request, &error);
}

void entitlements_cancel(struct request *request) {
  struct reading *reading = call_of(request)->own;
  if (reading) db_cancel(&reading->query);
}
