/* Asks the database for its schema, so that readiness knows: each 250 ms until it fits, then each 5 s. It is also the ping that keeps
 * the latency and `db_health` true on a server without requests. */
#pragma once

#include "net/loop.h"
#include "store/db.h"
#include "store/schema.h"

struct schema_watch {
  struct db *db;
  struct timer timer;
  struct db_query query;
  struct schema_database database; /* as of the last answer */
  bool known;                      /* the database has answered once */
  bool fitted;                     /* and its schema has fitted this image once: readiness needs no more than that */
  struct error error;              /* why the last question failed; ERROR_NONE */
};

void schema_watch_start(struct schema_watch *watch, struct loop *loop, struct db *db);
void schema_watch_stop(struct schema_watch *watch); /* before the db goes; twice is fine */
