#include "store/retention.h"

#include "base/log.h"
#include "base/random.h"
#include "store/statements.h"

#include <stdio.h>

enum { RETENTION_FIRST_MS = 2000, RETENTION_EVERY_MS = 3600000, RETENTION_BATCH = 500 };

static void ask(struct timer *timer);

static void rest(struct retention *r, int64_t delay_ms) {
  /* without memory for the timer the other workers see to it */
  (void)!timer_set(&r->timer, delay_ms + (int64_t)random_below((uint64_t)delay_ms));
}

static void on_purged(struct db_query *query, const PGresult *result, const struct error *error) {
  struct retention *r = CONTAINER_OF(query, struct retention, query);
  int64_t events = 0, calls = 0;
  struct error failure;
  if (!error && (db_int64(result, 0, 0, &events, &failure) < 0 || db_int64(result, 0, 1, &calls, &failure) < 0)) error = &failure;
  if (error) log_warn("what is old can't be forgotten now", log_err(error));
  if (events || calls) log_info("what is old is forgotten", log_int("webhookEvents", events), log_int("outboxRows", calls));
  if (events == RETENTION_BATCH || calls == RETENTION_BATCH)
    ask(&r->timer);
  else
    rest(r, RETENTION_EVERY_MS);
}

static void ask(struct timer *timer) {
  struct retention *r = CONTAINER_OF(timer, struct retention, timer);
  struct error error;
  if (!r->schema->fitted) {
    rest(r, RETENTION_FIRST_MS);
    return;
  }
  (void)snprintf(r->batch, sizeof r->batch, "%d", RETENTION_BATCH);
  r->query = (struct db_query){.statement = STATEMENT_RETENTION_PURGE, .done = on_purged};
  db_parameter(&r->query, 0, r->batch);
  if (db_submit(r->db, &r->query, &error) < 0) rest(r, RETENTION_EVERY_MS);
}

void retention_start(struct retention *r, struct loop *loop, struct db *db, const struct schema_watch *schema) {
  *r = (struct retention){.db = db, .schema = schema};
  timer_init(&r->timer, loop, ask);
  rest(r, RETENTION_FIRST_MS);
}

void retention_stop(struct retention *r) {
  if (!r->db) return;
  timer_stop(&r->timer);
  db_cancel(&r->query);
}
