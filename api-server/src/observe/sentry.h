/* Reports to Sentry: what went wrong, and a share of the traces. One a worker.
 *
 *     struct sentry *sentry = sentry_new(loop, settings, metrics, &error);      // without SENTRY_DSN it takes nothing and tells nobody
 *     sentry_tell(sentry, &report);
 *     ... at the end: sentry_flush(sentry, 2000); sentry_free(sentry);
 *
 * Told at once, sent later: at most SENTRY_QUEUE wait, one is under way. What finds the queue full, what Sentry refuses or has asked us not to send
 * (429, Retry-After, X-Sentry-Rate-Limits), and what didn't get there, is dropped and counted; nobody ever waits for Sentry.
 */
#pragma once

#include "net/loop.h"
#include "observe/metrics.h"
#include "observe/sentry_envelope.h"
#include "settings/settings.h"

enum { SENTRY_QUEUE = 64 };

struct sentry;

/* SETTINGS is borrowed. */
struct sentry *sentry_new(struct loop *loop, const struct settings *settings, struct metrics *metrics, struct error *error);
void sentry_free(struct sentry *sentry); /* what still waits is dropped; accepts NULL */

bool sentry_is_on(const struct sentry *sentry);

/* All of REPORT is copied. */
void sentry_tell(struct sentry *sentry, const struct sentry_report *report);

/* Turns the loop until all is sent, or PATIENCE_MS are over. */
void sentry_flush(struct sentry *sentry, int64_t patience_ms);
