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
  const char *values[] = {"google", r->after};
  struct error error;
  if (ask(r, r->due ? STATEMENT_IAP_DUE : STATEMENT_WEBHOOK_KEPT, on_next, values, ELEMENTS(values), &error) < 0) r->done(r, &error);
}

static void on_marked(struct db_query *query, const PGresult *result, const struct error *error) {
  struct replay *r = CONTAINER_OF(query, struct replay, query);
  (void)result;
  if (error)
    r->done(r, error);
  else
    next(r);
}

/* A notification isn't looked at again. A purchase is, until what Google says of it is newer than its end. */
static void mark(struct replay *r, const char *outcome) {
  const char *values[] = {"google", r->after, outcome};
  struct error error;
  if (r->due) {
    next(r);
    return;
  }
  log_info("a notification of Google's that was kept has taken effect", log_str("messageId", r->after), log_str("outcome", outcome));
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
  else if (outcome.result == PURCHASE_DONE || outcome.result == PURCHASE_REPEATED)
    mark(r, "applied"); /* as of one that came in time; repeated: whoever applied it has died before it was marked */
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
  if (error && error->kind == ERROR_INVALID) {
    log_warn("a purchase is passed over", log_err(error)); /* the others behind it shall not wait for it */
    next(r);
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

/* id, payload of a notification */
static int read_kept(struct replay *r, const PGresult *result, struct error *error) { return understand(r, db_text(result, 0, 1), error); }

/* token, type, product_id of a purchase */
static int read_due(struct replay *r, const PGresult *result, struct error *error) {
  r->told = (struct google_notification){.kind = strcmp(db_text(result, 0, 1), "product") == 0 ? GOOGLE_PRODUCT : GOOGLE_SUBSCRIPTION,
                                         .token = r->after,
                                         .product_id = arena_strdup(r->arena, db_text(result, 0, 2))};
  return r->told.product_id ? 0 : error_oom(error);
}

static void on_next(struct db_query *query, const PGresult *result, const struct error *error) {
  struct replay *r = CONTAINER_OF(query, struct replay, query);
  struct error failure;
  if (error || (!db_rows(result) && r->due)) {
    r->done(r, error);
    return;
  }
  if (!db_rows(result)) {
    r->due = true;
    *r->after = 0;
    next(r);
    return;
  }
  arena_reset(r->arena);
  (void)snprintf(r->after, sizeof r->after, "%s", db_text(result, 0, 0));
  r->asked_ms = clock_real_ms();
  r->call.done = on_purchase;
  int status = r->due ? read_due(r, result, &failure) : read_kept(r, result, &failure);
  enum purchase_type type = status == 0 && r->told.kind == GOOGLE_PRODUCT ? PURCHASE_PRODUCT : PURCHASE_SUBSCRIPTION;
  if (status == 0) status = google_get_purchase(r->google, &r->call, type, r->told.product_id, r->told.token, &failure);
  if (status < 0 && failure.kind == ERROR_INVALID)
    mark(r, "malformed");
  else if (status < 0)
    r->done(r, &failure);
}

void replay_start(struct replay *r, void (*done)(struct replay *replay, const struct error *error)) {
  r->done = done;
  r->due = false;
  *r->after = 0;
  next(r);
}
