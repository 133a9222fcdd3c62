/* One notification of the App Store, from its signed text to what the database is told. Routes and the sweep share it.
 *
 *     struct apple_event *event = arena_alloc(arena, sizeof *event);
 *     if (apple_event_read(apple, text, arena, event, &error) < 0) ...        // as apple_verify; ERROR_TERMINAL: APPLE_APP_ID is not set
 *     event->query.done = on_done;                                           // apple_event_outcome(apple, event, "webhook", result, &error)
 *     db_submit(db, &event->query, &error);
 *
 * The notification and what is nested in it are each verified by themselves, and must be about the same purchase in the same place.
 * Its id has no effect twice; what it does stands in apple_effect.h.
 */
#pragma once

#include "crypto/digest.h"
#include "iap/apple.h"
#include "iap/apple_effect.h"

struct apple_event {
  struct db_query query;
  const char *id, *type, *subtype; /* for logs */
  char sha256[SHA256_HEX_SIZE];    /* of the signed text */
};

/* TEXT and ARENA must last until the query is done. */
int apple_event_read(struct apple *apple, const char *text, struct arena *arena, struct apple_event *ret, struct error *error) _must_check_;

/* Logs and counts what came of it: "noted", or a purchase's result, "done", "stale", "duplicate", "unknown_purchase", …: borrowed for ever. VIA is
 * webhook or sweep. NULL: ERROR_BUG. */
const char *apple_event_outcome(struct apple *apple, const struct apple_event *event, const char *via, const PGresult *result,
                                struct error *error);

/* Fills QUERY with apple_apply(): a purchase on the word of PROFILE (NULL: of an event). The claim's texts must last until it is done. */
int apple_apply(struct db_query *query, const struct purchase *seen, const struct purchase_claim *claim, bool bare, bool reversed,
                struct arena *arena, struct error *error) _must_check_;
