/* How long a connection waits between tries. */
#include "store/db_internal.h"

#include <criterion/criterion.h>

/* The server is back within 2 s of PostgreSQL: a pause, a connection and an answer fit into that (hack/bench server measures it). */
Test(db_connection, no_pause_is_longer_than_a_second) {
  struct backoff backoff = db_backoff;
  for (int i = 0; i < 100; i++) cr_expect_leq(backoff_next(&backoff), 1000);
}
