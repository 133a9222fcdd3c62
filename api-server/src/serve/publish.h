/* Four times a second the worker's own numbers, which live in its memory, go into the metrics that all workers share. */
#pragma once

#include "net/loop.h"
#include "routes/app.h"
#include "store/statements.h"

struct publisher {
  struct app *app;
  struct timer timer;
  struct series *queries[STATEMENT_COUNT];                                                     /* looked up before */
  int64_t wait_us, waits, drops, failures[DEPENDENCY_REASONS], hits, misses, limited, refused; /* as they were told last */
};

void publish_start(struct publisher *publisher, struct app *app, struct loop *loop);
void publish_stop(struct publisher *publisher);

/* For db_settings.observe; OWNER is the publisher, of which `app` is set. */
void publish_query(void *owner, unsigned statement, int64_t duration_us);
