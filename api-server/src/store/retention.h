/* Has what was heard and what was done forgotten when its time is over (migrations/0018_retention.sql says what, and why nothing takes effect
 * twice for it): soon after the start and each hour or two, in batches, by each worker; two that meet pass over each other's rows. A failure changes
 * nothing: the next hour asks again.
 *
 *     retention_start(&retention, loop, db, &schema_watch);
 */
#pragma once

#include "net/loop.h"
#include "store/schema_watch.h"

struct retention {
  struct db *db;
  const struct schema_watch *schema;
  struct timer timer;
  struct db_query query;
  char batch[12];
};

/* Everything is borrowed. */
void retention_start(struct retention *retention, struct loop *loop, struct db *db, const struct schema_watch *schema);
void retention_stop(struct retention *retention); /* before the db goes; accepts one that is zeroed */
