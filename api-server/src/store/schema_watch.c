#include "store/schema_watch.h"

#include "base/log.h"
#include "store/statements.h"

#include <string.h>

enum { SCHEMA_SOON_MS = 250, SCHEMA_LATER_MS = 5000 };

static void keep(struct schema_watch *watch, struct schema_database database) {
  struct schema_image image = schema_of_image();
  bool fits = schema_fits(database, image), changed = !watch->known || watch->database.current != database.current;
  watch->database = database;
  watch->known = true;
  watch->fitted = watch->fitted || fits;
  if (changed && fits) log_info("schema fits", log_int("current", database.current), log_int("servesFrom", database.serves_from));
  if (changed && !fits)
    log_warn("schema doesn't fit this image", log_int("current", database.current), log_int("servesFrom", database.serves_from),
             log_int("min", image.min), log_int("max", image.max));
}

static void on_schema(struct db_query *query, const PGresult *result, const struct error *error) {
  struct schema_watch *watch = CONTAINER_OF(query, struct schema_watch, query);
  int64_t current, serves_from;
  if (error) {
    bool told = strcmp(watch->error.message, error->message) == 0;
    watch->error = *error;
    if (!told && db_health(watch->db).up) log_warn("schema can't be read", log_err(error));
    (void)!timer_set(&watch->timer, SCHEMA_SOON_MS);
    return;
  }
  error_clear(&watch->error);
  if (db_int64(result, 0, 0, &current, &watch->error) == 0 && db_int64(result, 0, 1, &serves_from, &watch->error) == 0)
    keep(watch, (struct schema_database){(int)current, (int)serves_from});
  /* without memory for the timer the last answer stands */
  (void)!timer_set(&watch->timer, watch->fitted ? SCHEMA_LATER_MS : SCHEMA_SOON_MS);
}

static void ask(struct timer *timer) {
  struct schema_watch *watch = CONTAINER_OF(timer, struct schema_watch, timer);
  watch->query = (struct db_query){.statement = STATEMENT_SCHEMA, .done = on_schema};
  if (db_submit(watch->db, &watch->query, &watch->error) < 0) (void)!timer_set(&watch->timer, SCHEMA_SOON_MS);
}

void schema_watch_start(struct schema_watch *watch, struct loop *loop, struct db *db) {
  *watch = (struct schema_watch){.db = db};
  timer_init(&watch->timer, loop, ask);
  ask(&watch->timer);
}

void schema_watch_stop(struct schema_watch *watch) {
  timer_stop(&watch->timer);
  db_cancel(&watch->query);
}
