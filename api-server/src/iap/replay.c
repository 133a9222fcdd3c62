#include "iap/replay.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/statements.h"

#include <stdio.h>
#include <string.h>

enum { ARENA_MAX = 1 << 20 };

int replay_init(struct replay *r, struct db *db, struct google *google, struct metrics *metrics, struct error *error) {
  *r = (struct replay){.db = db, .google = google, .metrics = metrics, .arena = arena_new(ARENA_MAX)};
  return r->arena ? 0 : error_oom(error);
}

void replay_done(struct replay *r) {
  google_cancel(&r->call);
  db_cancel(&r->query);
  if (r->arena) arena_free(r->arena);
}

static void on_next(struct db_query *query, const PGresult *result, const struct error *error);

static int ask(struct replay *r, unsigned statement, void (*done)(struct db_query *, const PGresult *, const struct error *),
               const char *const *values, unsigned count, struct error *error) {
  r->query.statement = statement;
  r->query.done = done;
  for (unsigned i = 0; i < count; i++) db_parameter(&r->query, i, values[i]);
  return db_submit(r->db, &r->query, error);
}

static void next(struct replay *r) {
  const char *values[] = {"google", r->id};
  struct error error;
  if (ask(r, STATEMENT_WEBHOOK_KEPT, on_next, values, ELEMENTS(values), &error) < 0) r->done(r, &error);
}

static void on_marked(struct db_query *query, const PGresult *result, const struct error *error) {
  struct replay *r = CONTAINER_OF(query, struct replay, query);
  (void)result;
  if (error)
    r->done(r, error);
  else
    next(r);
}

static void mark(struct replay *r, const char *outcome) {
  const char *values[] = {"google", r->id, outcome};
  struct error error;
  log_info("a notification of Google's that was kept has taken effect", log_str("messageId", r->id), log_str("outcome", outcome));
  if (ask(r, STATEMENT_WEBHOOK_REPLAYED, on_marked, values, ELEMENTS(values), &error) < 0) r->done(r, &error);
}

static void on_applied(struct db_query *query, const PGresult *result, const struct error *error) {
  struct replay *r = CONTAINER_OF(query, struct replay, query);
  struct purchase_outcome outcome;
  struct error failure;
  if (error || purchase_read(result, &outcome, &failure) < 0) {
    r->done(r, error ? error : &failure);
    return;
  }
  purchase_count(r->metrics, "google", "replay", outcome.result);
  if (outcome.result == PURCHASE_UNKNOWN_PRODUCT)
    next(r); /* of several products, another one is sold by now */
  else
    mark(r, purchase_result_name(outcome.result));
}

static void on_purchase(struct google_call *call, const cJSON *json, const struct error *error) {
  struct replay *r = CONTAINER_OF(call, struct replay, call);
  struct purchase seen;
  struct error failure = {0};
  const char *token = r->told.token, *product_id = r->told.product_id;
  if (!error && (r->told.kind == GOOGLE_PRODUCT ? google_product_read(json, token, product_id, r->asked_ms, &seen, &failure)
                                                : google_subscription_read(json, token, NULL, r->asked_ms, &seen, &failure)) < 0)
    error = &failure;
  if (error && error->kind == ERROR_NOT_FOUND) {
    mark(r, "unknown_purchase");
    return;
  }
  r->query.done = on_applied;
  if (!error &&
      (purchase_apply(&r->query, &seen, &(struct purchase_claim){0}, r->arena, &failure) < 0 || db_submit(r->db, &r->query, &failure) < 0))
    error = &failure;
  if (error) r->done(r, error);
}

/* What the webhook has understood once it can be understood again; the texts go into the arena. */
static int understand(struct replay *r, const char *payload, struct error *error) {
  _cleanup_(json_freep) cJSON *tree = NULL;
  if (json_parse(payload, strlen(payload), &google_limits, &tree, error) < 0 || google_notification_read(tree, &r->told, error) < 0)
    return -1;
  r->told.package = NULL; /* was ours */
  r->told.token = arena_strdup(r->arena, r->told.token);
  r->told.product_id = arena_strdup(r->arena, r->told.product_id);
  return arena_failed(r->arena) ? error_oom(error) : 0;
}

/* id, payload; or no row */
static void on_next(struct db_query *query, const PGresult *result, const struct error *error) {
  struct replay *r = CONTAINER_OF(query, struct replay, query);
  struct error failure;
  if (error || !db_rows(result)) {
    r->done(r, error);
    return;
  }
  arena_reset(r->arena);
  (void)snprintf(r->id, sizeof r->id, "%s", db_text(result, 0, 0));
  r->asked_ms = clock_real_ms();
  r->call.done = on_purchase;
  enum purchase_type type = PURCHASE_SUBSCRIPTION;
  int status = understand(r, db_text(result, 0, 1), &failure);
  if (status == 0 && r->told.kind == GOOGLE_PRODUCT) type = PURCHASE_PRODUCT;
  if (status == 0) status = google_get_purchase(r->google, &r->call, type, r->told.product_id, r->told.token, &failure);
  if (status < 0) r->done(r, &failure);
}

void replay_start(struct replay *r, void (*done)(struct replay *replay, const struct error *error)) {
  r->done = done;
  *r->id = 0;
  next(r);
}
