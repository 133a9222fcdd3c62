#include "iap/sweep.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "iap/replay.h"
#include "net/loop.h"
#include "observe/metrics.h"
#include "store/statements.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 15000, DAY_MS = 86400000, ARENA_MAX = 1 << 20 };

/* Google's list goes back 30 days; an hour less, so that a clock that is behind asks for nothing that is refused. */
static const int64_t furthest_ms = 30LL * DAY_MS - 3600000;

struct sweep {
  struct db *db;
  struct google *google;
  struct metrics *metrics;
  char owner[40];
  struct timer look;
  bool started; /* the first claim was answered */
  bool kicked;  /* claim again when this is over */

  /* while sweeping */
  bool sweeping;
  int64_t began_ms, start_ms;
  struct google_call call;
  struct db_query query;
  cJSON *page;
  const cJSON *item; /* of it, the one that is being applied */
  struct google_voided voided;
  struct arena *arena; /* of this item */
  int64_t asked_ms;
  int64_t entries, changed;
  char swept[24];
  struct replay replay;
};

static void next_item(struct sweep *s);

static void ask(struct sweep *s, unsigned statement, void (*done)(struct db_query *, const PGresult *, const struct error *),
                const char *const *values, unsigned count);

/* ---- its end ---- */

static void on_over(struct db_query *query, const PGresult *result, const struct error *error) {
  struct sweep *s = CONTAINER_OF(query, struct sweep, query);
  (void)result;
  if (error) log_warn("that a sweep is over can't be kept", log_err(error));
  s->sweeping = false;
  if (s->kicked) sweep_kick(s);
}

/* ERROR NULL: the list was read to its end. */
static void finish(struct sweep *s, const struct error *error) {
  cJSON_Delete(TAKE(s->page));
  arena_reset(s->arena);
  if (error)
    log_warn("a sweep of Google's voided purchases didn't come to its end", log_err(error));
  else
    log_info("Google's list of voided purchases is read", log_int("entries", s->entries), log_int("changed", s->changed));
  series_add(
      metrics_series(s->metrics, METRIC_IAP_SWEEPS, error ? "store=\"google\",outcome=\"failed\"" : "store=\"google\",outcome=\"done\""),
      1);
  (void)snprintf(s->swept, sizeof s->swept, "%" PRId64, s->began_ms);
  const char *values[] = {"google", s->owner, error ? NULL : s->swept, error ? "5 min" : "6 h"};
  ask(s, STATEMENT_SWEEP_DONE, on_over, values, ELEMENTS(values));
}

static void ask(struct sweep *s, unsigned statement, void (*done)(struct db_query *, const PGresult *, const struct error *),
                const char *const *values, unsigned count) {
  struct error error;
  s->query.statement = statement;
  s->query.done = done;
  for (unsigned i = 0; i < count; i++) db_parameter(&s->query, i, values[i]);
  if (db_submit(s->db, &s->query, &error) == 0) return;
  /* the lease ends, and the next one begins anew */
  log_warn("a sweep is given up", log_err(&error));
  cJSON_Delete(TAKE(s->page));
  s->sweeping = false;
}

static void on_replayed(struct replay *replay, const struct error *error) { finish(CONTAINER_OF(replay, struct sweep, replay), error); }

/* ---- part of a purchase: how much, the purchase says ---- */

static void on_applied(struct db_query *query, const PGresult *result, const struct error *error) {
  struct sweep *s = CONTAINER_OF(query, struct sweep, query);
  struct purchase_outcome outcome;
  struct error failure;
  if (error || purchase_read(result, &outcome, &failure) < 0) {
    finish(s, error ? error : &failure);
    return;
  }
  purchase_count(s->metrics, "google", "sweep", outcome.result);
  s->changed += outcome.result == PURCHASE_DONE;
  next_item(s);
}

static void on_purchase(struct google_call *call, const cJSON *json, const struct error *error) {
  struct sweep *s = CONTAINER_OF(call, struct sweep, call);
  struct purchase seen;
  struct error failure;
  const char *product_id = s->query.values[0], *holder = s->query.values[1];
  if (!error && google_product_read(json, s->voided.token, product_id, s->asked_ms, &seen, &failure) < 0) error = &failure;
  if (error && error->kind == ERROR_INVALID)
    log_warn("a purchase is passed over", log_err(error)); /* the others behind it shall not wait for it */
  if (error && (error->kind == ERROR_INVALID || error->kind == ERROR_NOT_FOUND)) {
    next_item(s);
    return;
  }
  s->query.statement = STATEMENT_IAP_APPLY;
  s->query.done = on_applied;
  if (!error && (purchase_apply(&s->query, &seen, &(struct purchase_claim){.profile = holder}, s->arena, &failure) < 0 ||
                 db_submit(s->db, &s->query, &failure) < 0))
    error = &failure;
  if (error) finish(s, error);
}

static void on_found(struct db_query *query, const PGresult *result, const struct error *error) {
  struct sweep *s = CONTAINER_OF(query, struct sweep, query);
  struct error failure;
  if (error || !db_rows(result)) {
    if (error)
      finish(s, error);
    else
      next_item(s);
    return;
  }
  /* kept where the answer finds them: the query's own values are free until it is sent again */
  db_parameter(&s->query, 0, arena_strdup(s->arena, db_text(result, 0, 0)));
  db_parameter(&s->query, 1, arena_strdup(s->arena, db_text(result, 0, 1)));
  s->asked_ms = clock_real_ms();
  s->call.done = on_purchase;
  if (arena_failed(s->arena))
    finish(s, (error_oom(&failure), &failure));
  else if (google_get_purchase(s->google, &s->call, PURCHASE_PRODUCT, s->query.values[0], s->voided.token, &failure) < 0)
    finish(s, &failure);
}

/* ---- all of a purchase ---- */

static void on_voided(struct db_query *query, const PGresult *result, const struct error *error) {
  struct sweep *s = CONTAINER_OF(query, struct sweep, query);
  if (error) {
    finish(s, error);
    return;
  }
  const char *outcome = db_text(result, 0, 0);
  if (outcome && strcmp(outcome, "done") == 0) {
    s->changed++;
    log_info("a purchase was taken back by Google", log_str("profile", db_text(result, 0, 1)), log_str("order", s->voided.order_id));
    purchase_count(s->metrics, "google", "sweep", PURCHASE_DONE);
  }
  next_item(s);
}

static void apply_item(struct sweep *s) {
  const char *values[] = {"google", s->voided.token, s->voided.order_id};
  s->entries++;
  if (s->voided.partial)
    ask(s, STATEMENT_IAP_FIND, on_found, values, 2);
  else
    ask(s, STATEMENT_IAP_VOID, on_voided, values, 3);
}

/* ---- page by page ---- */

static void on_page(struct google_call *call, const cJSON *json, const struct error *error) {
  struct sweep *s = CONTAINER_OF(call, struct sweep, call);
  struct error failure;
  if (!error && !cJSON_IsObject(json)) error_set(&failure, ERROR_RETRY, "Google's list of voided purchases is not one"), error = &failure;
  cJSON *page = error ? NULL : cJSON_Duplicate(json, true);
  if (!error && !page) error_oom(&failure), error = &failure;
  if (error) {
    finish(s, error);
    return;
  }
  cJSON_Delete(s->page);
  s->page = page;
  s->item = NULL;
  next_item(s);
}

static void get_page(struct sweep *s, const char *page) {
  struct error error;
  s->call.done = on_page;
  if (google_list_voided(s->google, &s->call, s->start_ms, page, &error) < 0) finish(s, &error);
}

static void next_item(struct sweep *s) {
  struct error error;
  const cJSON *list = json_member(s->page, "voidedPurchases");
  arena_reset(s->arena);
  s->item = s->item ? s->item->next : list ? list->child : NULL;
  while (s->item && google_voided_read(s->item, &s->voided, &error) < 0) {
    log_warn("an entry is passed over", log_err(&error));
    s->item = s->item->next;
  }
  const char *next = json_string(s->page, "tokenPagination.nextPageToken", NULL);
  if (s->item)
    apply_item(s);
  else if (next && *next)
    get_page(s, next);
  else
    replay_start(&s->replay, on_replayed);
}

/* ---- its beginning ---- */

static void begin(struct sweep *s, int64_t swept_ms) {
  s->began_ms = clock_real_ms();
  s->start_ms = swept_ms - DAY_MS;
  if (s->start_ms < s->began_ms - furthest_ms) s->start_ms = s->began_ms - furthest_ms;
  s->entries = s->changed = 0;
  get_page(s, NULL);
}

static void on_claimed(struct db_query *query, const PGresult *result, const struct error *error) {
  struct sweep *s = CONTAINER_OF(query, struct sweep, query);
  struct error failure;
  int64_t swept_ms = 0;
  if (error) log_debug("the sweep can't be claimed", log_err(error));
  if (!error) s->started = true;
  if (error || !db_rows(result)) {
    s->sweeping = false;
    if (s->kicked) sweep_kick(s);
    return;
  }
  /* NULL: there was none yet */
  if (db_text(result, 0, 0) && db_int64(result, 0, 0, &swept_ms, &failure) < 0)
    finish(s, &failure);
  else
    begin(s, swept_ms);
}

void sweep_kick(struct sweep *s) {
  s->kicked = s->sweeping;
  if (s->sweeping || !google_is_set(s->google)) return;
  s->sweeping = true;
  /* many workers start at once: one of them sweeps */
  const char *values[] = {"google", s->owner, "10 min", s->started ? "6 h" : "1 min"};
  ask(s, STATEMENT_SWEEP_CLAIM, on_claimed, values, ELEMENTS(values));
}

static void on_look(struct timer *timer) {
  struct sweep *s = CONTAINER_OF(timer, struct sweep, look);
  if (!s->sweeping) sweep_kick(s);
  if (timer_set(timer, LOOK_MS - (int64_t)random_below(LOOK_MS / 4)) < 0) log_error("out of memory: the sweep stands still");
}

struct sweep *sweep_new(struct loop *loop, struct db *db, struct google *google, struct metrics *metrics, struct error *error) {
  struct sweep *s = calloc(1, sizeof *s);
  struct arena *arena = s ? arena_new(ARENA_MAX) : NULL;
  if (!arena) return free(s), error_oom(error), NULL;
  *s = (struct sweep){.db = db, .google = google, .metrics = metrics, .arena = arena};
  (void)snprintf(s->owner, sizeof s->owner, "%016" PRIx64 "%016" PRIx64, random_u64(), random_u64());
  timer_init(&s->look, loop, on_look);
  if (replay_init(&s->replay, db, google, metrics, error) < 0) return sweep_free(s), NULL;
  if (!google_is_set(google) || timer_set(&s->look, 1 + (int64_t)random_below(1000)) == 0) return s;
  sweep_free(s);
  return error_oom(error), NULL;
}

void sweep_free(struct sweep *s) {
  if (!s) return;
  timer_stop(&s->look);
  replay_done(&s->replay);
  google_cancel(&s->call);
  db_cancel(&s->query);
  cJSON_Delete(s->page);
  arena_free(s->arena);
  free(s);
}
