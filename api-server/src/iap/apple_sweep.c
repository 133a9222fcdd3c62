#include "iap/apple_sweep.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "store/statements.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ARENA_MAX = 4 << 20, START_MS = 2000, OVERLAP_MS = 3600 * 1000, DAY_MS = 24 * 3600 * 1000 };

static const char lease[] = "10 minutes", again[] = "10 minutes", every[] = "6 hours", at_start[] = "10 minutes";

static void go_on(struct apple_sweep *s);

/* ---- its end ---- */

static void forget(struct apple_sweep *s) {
  cJSON_Delete(TAKE(s->page));
  arena_free(TAKE(s->arena));
  s->item = NULL;
}

static void look_later(struct apple_sweep *s) {
  s->waits = timer_set(&s->timer, s->kicked ? 1 : APPLE_SWEEP_LOOK_S * 1000) == 0;
  s->kicked = false;
  if (!s->waits) log_error("the App Store is not swept any more: no memory for a timer");
}

/* A lost end is made good by the lease's end. */
static void on_done(struct db_query *query, const PGresult *result, const struct error *error) {
  (void)result;
  if (error) log_warn("the end of a sweep could not be noted", log_str("store", "apple"), log_err(error));
  look_later(CONTAINER_OF(query, struct apple_sweep, query));
}

/* ERROR NULL: everything until end_ms is known. */
static void end(struct apple_sweep *s, const struct error *error) {
  struct error failure = {0};
  forget(s);
  if (error)
    log_warn("the App Store's notifications could not be read", log_err(error), log_int("heard", s->heard));
  else
    log_info("the App Store's notifications were read", log_int("heard", s->heard), log_int("applied", s->applied));
  series_add(metrics_series(s->apple->metrics, METRIC_IAP_SWEEPS,
                            error ? "store=\"apple\",outcome=\"failed\"" : "store=\"apple\",outcome=\"done\""),
             1);
  (void)snprintf(s->swept, sizeof s->swept, "%" PRId64, s->end_ms);
  const char *values[] = {"apple", s->owner, error ? NULL : s->swept, error ? again : every};
  s->query = (struct db_query){.statement = STATEMENT_SWEEP_DONE, .done = on_done};
  for (unsigned i = 0; i < ELEMENTS(values); i++) db_parameter(&s->query, i, values[i]);
  if (db_submit(s->db, &s->query, &failure) < 0) on_done(&s->query, NULL, &failure);
}

/* ---- one notification ---- */

static void on_heard(struct db_query *query, const PGresult *result, const struct error *error) {
  struct apple_sweep *s = CONTAINER_OF(query, struct apple_sweep, event.query);
  struct error failure;
  const char *outcome = error ? NULL : apple_event_outcome(s->apple, &s->event, "sweep", result, &failure);
  if (!outcome) {
    end(s, error ? error : &failure);
    return;
  }
  s->applied += !strcmp(outcome, "done");
  go_on(s);
}

/* -1: it can't be read, and never will be. */
static int hear(struct apple_sweep *s, const char *text) {
  struct error error = {0};
  arena_reset(s->arena);
  s->heard++;
  if (apple_event_read(s->apple, text, s->arena, &s->event, &error) < 0) {
    log_warn("a notification of the past is refused", log_str("store", "apple"), log_err(&error));
    return -1;
  }
  s->event.query.done = on_heard;
  if (db_submit(s->db, &s->event.query, &error) < 0) end(s, &error);
  return 0;
}

/* ---- Apple's pages ---- */

static void on_page(struct apple_call *call, const cJSON *json, const struct error *error) {
  struct apple_sweep *s = CONTAINER_OF(call, struct apple_sweep, call);
  struct error failure = {0};
  cJSON *page = error ? NULL : cJSON_Duplicate(json, true);
  if (!page) {
    if (!error) (void)error_oom(&failure);
    end(s, error ? error : &failure);
    return;
  }
  cJSON_Delete(s->page);
  s->page = page;
  const cJSON *list = json_member(page, "notificationHistory");
  s->item = cJSON_IsArray(list) ? list->child : NULL;
  go_on(s);
}

static void ask(struct apple_sweep *s, const char *page) {
  struct error error = {0};
  s->call.done = on_page;
  if (apple_api_list_notifications(&s->apple->api, &s->call, s->start_ms, s->end_ms, page, &error) < 0) end(s, &error);
}

/* The next of the page, the next page, or the end. */
static void go_on_with_page(struct apple_sweep *s) {
  while (s->item) {
    const char *text = json_string(s->item, "signedPayload", NULL);
    s->item = s->item->next;
    if (text && hear(s, text) == 0) return;
  }
  const char *next = json_string(s->page, "paginationToken", NULL);
  if (json_bool(s->page, "hasMore", false) && next)
    ask(s, next);
  else
    end(s, NULL);
}

/* ---- what was kept ---- */

static void ask_kept(struct apple_sweep *s);

/* From the newest on: what is kept again is newer than all of them, and doesn't come twice. */
static void on_kept(struct db_query *query, const PGresult *result, const struct error *error) {
  struct apple_sweep *s = CONTAINER_OF(query, struct apple_sweep, query);
  if (error) {
    end(s, error);
    return;
  }
  cJSON_Delete(TAKE(s->page));
  if (db_rows(result) == 0 || !(s->page = cJSON_CreateString(db_text(result, 0, 0)))) {
    ask(s, NULL);
    return;
  }
  (void)snprintf(s->kept_before, sizeof s->kept_before, "%s", db_text(result, 0, 1));
  (void)snprintf(s->kept_id, sizeof s->kept_id, "%s", db_text(result, 0, 2));
  if (hear(s, s->page->valuestring) < 0) ask_kept(s);
}

static void ask_kept(struct apple_sweep *s) {
  struct error error = {0};
  s->query = (struct db_query){.statement = STATEMENT_APPLE_KEPT, .done = on_kept};
  db_parameter(&s->query, 0, *s->kept_before ? s->kept_before : NULL);
  db_parameter(&s->query, 1, s->kept_id);
  if (db_submit(s->db, &s->query, &error) < 0) end(s, &error);
}

static void go_on(struct apple_sweep *s) {
  if (cJSON_IsObject(s->page))
    go_on_with_page(s);
  else
    ask_kept(s);
}

/* ---- its beginning ---- */

static void on_claimed(struct db_query *query, const PGresult *result, const struct error *error) {
  struct apple_sweep *s = CONTAINER_OF(query, struct apple_sweep, query);
  struct error failure;
  int64_t swept_ms = 0;
  bool ours = !error && db_rows(result) == 1;
  if (ours && db_text(result, 0, 0) && db_int64(result, 0, 0, &swept_ms, &failure) < 0) swept_ms = 0;
  if (!ours || !(s->arena = arena_new(ARENA_MAX))) {
    look_later(s);
    return;
  }
  s->end_ms = clock_real_ms();
  s->start_ms = s->end_ms - APPLE_SWEEP_BACK_DAYS * (int64_t)DAY_MS;
  if (swept_ms - OVERLAP_MS > s->start_ms) s->start_ms = swept_ms - OVERLAP_MS;
  s->heard = s->applied = 0;
  *s->kept_before = *s->kept_id = 0;
  ask_kept(s);
}

static void on_time(struct timer *timer) {
  struct apple_sweep *s = CONTAINER_OF(timer, struct apple_sweep, timer);
  const char *values[] = {"apple", s->owner, lease, s->looked ? every : at_start};
  struct error error;
  s->looked = true;
  s->waits = false;
  s->query = (struct db_query){.statement = STATEMENT_SWEEP_CLAIM, .done = on_claimed};
  for (unsigned i = 0; i < ELEMENTS(values); i++) db_parameter(&s->query, i, values[i]);
  if (db_submit(s->db, &s->query, &error) < 0) look_later(s);
}

void apple_sweep_start(struct apple_sweep *s, struct loop *loop, struct db *db, struct apple *apple) {
  *s = (struct apple_sweep){.apple = apple, .db = db};
  (void)snprintf(s->owner, sizeof s->owner, "%016" PRIx64, random_u64());
  timer_init(&s->timer, loop, on_time);
  if (apple_api_missing(&apple->api)) return;
  s->waits = timer_set(&s->timer, START_MS) == 0;
  if (!s->waits) log_error("the App Store is not swept: no memory for a timer");
}

void apple_sweep_kick(struct apple_sweep *s) {
  s->kicked = !s->waits;
  if (s->waits) (void)!timer_set(&s->timer, 1); /* one that is set already needs no memory */
}

void apple_sweep_stop(struct apple_sweep *s) {
  if (!s->db) return;
  timer_stop(&s->timer);
  db_cancel(&s->query);
  db_cancel(&s->event.query);
  apple_api_cancel(&s->call);
  forget(s);
}
