/* What is told to Sentry, as one envelope with one item (develop.sentry.dev/sdk: Envelopes, Event Payloads, Transaction Payloads).
 *
 *     sentry_envelope(&source, &(struct sentry_report){.kind = SENTRY_EVENT, .id = id, .level = "error", .type = "InternalError",
 *                                                      .value = "…", .transaction = "POST /api/test-error", …}, &to);
 *
 * Routes are told as templates. Neither addresses, queries, bodies, fields nor subjects are among what can be told.
 */
#pragma once

#include "base/buffer.h"
#include "base/random.h"
#include "observe/trace.h"

#include <stdint.h>

enum { SENTRY_ID_SIZE = RANDOM_ID_SIZE, SENTRY_ENVELOPE_MAX = 16 * 1024 };

enum sentry_kind { SENTRY_EVENT, SENTRY_TRANSACTION, SENTRY_KINDS };

/* Where all of them come from; borrowed. */
struct sentry_source {
  const char *environment, *server_name, *stack, *dist; /* "" where not known */
};

/* NULL and 0 leave a part out. */
struct sentry_report {
  enum sentry_kind kind;
  const char *id;                      /* of random_id() */
  int64_t began_ms, ended_ms;          /* real time; began_ms of a transaction */
  const char *level, *type, *value;    /* of an event: what went wrong */
  const char *transaction;             /* "GET /api/entitlements/:profileId" */
  const char *method, *route, *req_id; /* tags */
  int status;
  const struct trace *trace;
};

/* "event", "transaction": the item's type; and "error", "transaction": the category that rate limits go by. */
const char *sentry_kind_type(enum sentry_kind kind);
const char *sentry_kind_category(enum sentry_kind kind);

/* Fails as buffers do. */
void sentry_envelope(const struct sentry_source *source, const struct sentry_report *report, struct buffer *to);
