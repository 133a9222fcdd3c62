#include "iap/outbox.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "iap/google.h"
#include "net/loop.h"
#include "observe/metrics.h"
#include "store/statements.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 16, LOOK_MS = 5000, STATE_MS = 10000, CALL_WITHIN_MS = 12000, TOKEN_SIZE = 2049, PRODUCT_SIZE = 257 };

enum slot_state { SLOT_FREE, SLOT_READING, SLOT_CALLING, SLOT_REPORTING };

/* One row that is held. */
struct slot {
  struct outbox *outbox;
  enum slot_state state;
  struct google_call call;
  struct db_query report;
  char id[24];
  bool consume, overdue;
  enum purchase_type type;
  char token[TOKEN_SIZE], product_id[PRODUCT_SIZE];
  int64_t claimed_ms;
  char failure[480];
};

struct outbox {
  struct loop *loop;
  struct db *db;
  struct google *google;
  struct metrics *metrics;
  char owner[40]; /* nobody else's, also after a restart */
  char room[12], lease[16];
  struct timer look;
  struct db_query claim, count;
  bool kicked;        /* once more, after the claim that is under way */
  int64_t claimed_ms; /* when the claim under way was sent */
  int64_t counted_ms, overdue;
  struct slot slots[SLOTS];
};

static void look(struct outbox *o);

/* ---- reporting ---- */

static void free_slot(struct slot *slot) {
  slot->state = SLOT_FREE;
  if (slot->outbox->kicked) look(slot->outbox);
}

static void on_reported(struct db_query *query, const PGresult *result, const struct error *error) {
  struct slot *slot = CONTAINER_OF(query, struct slot, report);
  /* not reported, or too late: the lease ends, and whoever claims it next asks Google first */
  if (error) log_warn("what became of a call of the outbox can't be kept", log_str("row", slot->id), log_err(error));
  if (result && !db_bool(result, 0, 0)) log_warn("a row of the outbox was held too long", log_str("row", slot->id));
  free_slot(slot);
}

/* OUTCOME NULL: later. */
static void report(struct slot *slot, const char *outcome, const struct error *error) {
  struct outbox *o = slot->outbox;
  struct error failure;
  char labels[64];
  (void)snprintf(labels, sizeof labels, "action=\"%s\",outcome=\"%s\"", slot->consume ? "consume" : "acknowledge",
                 outcome ? outcome : "retry");
  series_add(metrics_series(o->metrics, METRIC_OUTBOX_CALLS, labels), 1);
  (void)snprintf(slot->failure, sizeof slot->failure, "%s", error ? error->message : "");
  if (error)
    log_line(slot->overdue ? LOG_ERROR : LOG_WARN, "Google was not told of a purchase yet", log_str("row", slot->id), log_err(error));
  slot->state = SLOT_REPORTING;
  slot->report.statement = STATEMENT_OUTBOX_DONE;
  slot->report.done = on_reported;
  const char *values[] = {slot->id, o->owner, outcome, error ? slot->failure : NULL};
  for (unsigned i = 0; i < ELEMENTS(values); i++) db_parameter(&slot->report, i, values[i]);
  if (db_submit(o->db, &slot->report, &failure) < 0) {
    log_warn("what became of a call of the outbox can't be kept", log_str("row", slot->id), log_err(&failure));
    free_slot(slot);
  }
}

/* ---- calling ---- */

static void on_called(struct google_call *call, const cJSON *json, const struct error *error) {
  struct slot *slot = CONTAINER_OF(call, struct slot, call);
  (void)json;
  report(slot, error ? NULL : "done", error);
}

static void call_google(struct slot *slot) {
  struct google *google = slot->outbox->google;
  struct error error;
  slot->state = SLOT_CALLING;
  slot->call.done = on_called;
  if (clock_monotonic_ms() - slot->claimed_ms > CALL_WITHIN_MS) {
    error_set(&error, ERROR_RETRY, "too little is left of the lease");
    report(slot, NULL, &error);
    return;
  }
  int result = slot->consume ? google_consume(google, &slot->call, slot->product_id, slot->token, &error)
                             : google_acknowledge(google, &slot->call, slot->type, slot->product_id, slot->token, &error);
  if (result < 0) report(slot, NULL, &error);
}

/* ---- asking first ---- */

static void on_read(struct google_call *call, const cJSON *json, const struct error *error) {
  struct slot *slot = CONTAINER_OF(call, struct slot, call);
  struct purchase seen = {0};
  struct error failure;
  int64_t now_ms = clock_real_ms();
  if (!error &&
      (slot->type == PURCHASE_SUBSCRIPTION ? google_subscription_read(json, slot->token, NULL, now_ms, &seen, &failure)
                                           : google_product_read(json, slot->token, slot->product_id, now_ms, &seen, &failure)) < 0)
    error = &failure;
  bool over = seen.state == PURCHASE_REFUNDED || seen.state == PURCHASE_EXPIRED;
  if (error && error->kind == ERROR_NOT_FOUND && slot->overdue)
    report(slot, "obsolete", error);
  else if (error)
    report(slot, NULL, error);
  else if (slot->consume ? seen.consumed : seen.acknowledged)
    report(slot, "done", NULL);
  else if (over)
    report(slot, "obsolete", NULL);
  else
    call_google(slot);
}

static void read_first(struct slot *slot) {
  struct error error;
  slot->state = SLOT_READING;
  slot->call.done = on_read;
  if (google_get_purchase(slot->outbox->google, &slot->call, slot->type, slot->product_id, slot->token, &error) < 0)
    report(slot, NULL, &error);
}

/* ---- claiming ---- */

static struct slot *find_free(struct outbox *o) {
  for (size_t i = 0; i < SLOTS; i++)
    if (o->slots[i].state == SLOT_FREE) return &o->slots[i];
  return NULL;
}

static int count_free(const struct outbox *o) {
  int count = 0;
  for (size_t i = 0; i < SLOTS; i++) count += o->slots[i].state == SLOT_FREE;
  return count;
}

/* id, action, environment, token, type, product_id, attempts, overdue */
static void take_row(struct outbox *o, const PGresult *result, int row) {
  struct slot *slot = find_free(o);
  struct error error;
  int64_t attempts;
  if (!slot || db_int64(result, row, 6, &attempts, &error) < 0) return; /* nobody's fault but ours: the lease ends */
  *slot = (struct slot){.outbox = o,
                        .claimed_ms = o->claimed_ms,
                        .consume = strcmp(db_text(result, row, 1), "consume") == 0,
                        .type = strcmp(db_text(result, row, 4), "subscription") == 0 ? PURCHASE_SUBSCRIPTION : PURCHASE_PRODUCT,
                        .overdue = db_bool(result, row, 7)};
  (void)snprintf(slot->id, sizeof slot->id, "%s", db_text(result, row, 0));
  (void)snprintf(slot->token, sizeof slot->token, "%s", db_text(result, row, 3));
  (void)snprintf(slot->product_id, sizeof slot->product_id, "%s", db_text(result, row, 5));
  if (attempts > 1)
    read_first(slot);
  else
    call_google(slot);
}

static void on_claimed(struct db_query *query, const PGresult *result, const struct error *error) {
  struct outbox *o = CONTAINER_OF(query, struct outbox, claim);
  /* without a database nothing is owed that can be known; the next look tells */
  if (error) log_debug("the outbox can't be claimed", log_err(error));
  for (int row = 0; result && row < db_rows(result); row++) take_row(o, result, row);
  if (o->kicked) look(o);
}

static void look(struct outbox *o) {
  struct error error;
  int room = count_free(o);
  o->kicked = o->claim.db || !room; /* again, when the claim is back or a slot is free */
  if (o->kicked || !google_is_set(o->google)) return;
  (void)snprintf(o->room, sizeof o->room, "%d", room);
  o->claimed_ms = clock_monotonic_ms();
  o->claim.statement = STATEMENT_OUTBOX_CLAIM;
  o->claim.done = on_claimed;
  const char *values[] = {"google", o->owner, o->lease, o->room};
  for (unsigned i = 0; i < ELEMENTS(values); i++) db_parameter(&o->claim, i, values[i]);
  if (db_submit(o->db, &o->claim, &error) < 0) log_debug("the outbox can't be claimed", log_err(&error));
}

void outbox_kick(struct outbox *o) { look(o); }

/* ---- how much is owed ---- */

static void on_counted(struct db_query *query, const PGresult *result, const struct error *error) {
  struct outbox *o = CONTAINER_OF(query, struct outbox, count);
  int64_t pending, overdue, oldest_s;
  struct error failure;
  if (error || db_int64(result, 0, 0, &pending, &failure) < 0 || db_int64(result, 0, 1, &overdue, &failure) < 0 ||
      db_int64(result, 0, 2, &oldest_s, &failure) < 0)
    return;
  series_set(metrics_series(o->metrics, METRIC_OUTBOX_PENDING, "store=\"google\""), pending);
  series_set(metrics_series(o->metrics, METRIC_OUTBOX_OVERDUE, "store=\"google\""), overdue);
  series_set(metrics_series(o->metrics, METRIC_OUTBOX_OLDEST, "store=\"google\""), oldest_s);
  if (overdue > o->overdue)
    log_error("purchases are about to be taken back: Google could not be told of them", log_int("purchases", overdue),
              log_int("oldestSeconds", oldest_s));
  o->overdue = overdue;
}

static void count(struct outbox *o) {
  struct error error;
  if (o->count.db || (o->counted_ms && clock_monotonic_ms() - o->counted_ms < STATE_MS)) return;
  o->counted_ms = clock_monotonic_ms();
  o->count.statement = STATEMENT_OUTBOX_STATE;
  o->count.done = on_counted;
  db_parameter(&o->count, 0, "google");
  if (db_submit(o->db, &o->count, &error) < 0) log_debug("the outbox can't be counted", log_err(&error));
}

/* ---- its life ---- */

static void on_look(struct timer *timer) {
  struct outbox *o = CONTAINER_OF(timer, struct outbox, look);
  look(o);
  count(o);
  if (timer_set(timer, LOOK_MS - (int64_t)random_below(LOOK_MS / 4)) < 0) log_error("out of memory: the outbox stands still");
}

struct outbox *outbox_new(struct loop *loop, struct db *db, struct google *google, struct metrics *metrics, struct error *error) {
  struct outbox *o = calloc(1, sizeof *o);
  if (!o) return error_oom(error), NULL;
  *o = (struct outbox){.loop = loop, .db = db, .google = google, .metrics = metrics};
  (void)snprintf(o->owner, sizeof o->owner, "%016" PRIx64 "%016" PRIx64, random_u64(), random_u64());
  (void)snprintf(o->lease, sizeof o->lease, "%d s", OUTBOX_LEASE_S);
  for (size_t i = 0; i < SLOTS; i++) o->slots[i].outbox = o;
  timer_init(&o->look, loop, on_look);
  if (google_is_set(google) && timer_set(&o->look, 1 + (int64_t)random_below(500)) < 0) {
    free(o);
    return error_oom(error), NULL;
  }
  return o;
}

void outbox_free(struct outbox *o) {
  if (!o) return;
  timer_stop(&o->look);
  db_cancel(&o->claim);
  db_cancel(&o->count);
  for (size_t i = 0; i < SLOTS; i++) {
    google_cancel(&o->slots[i].call);
    db_cancel(&o->slots[i].report);
  }
  free(o);
}
