/* Counters, gauges and histograms that all processes of one pod share, so that any worker tells the whole.
 *
 * The parent maps the memory before it forks. Each process has a region of its own and is its only writer, so nothing locks: a value is
 * one relaxed atomic, a series becomes visible by one release. Whoever prints merges the regions: by sum, or as the table in metrics.c
 * says. A worker that takes over a dead one's region goes on from its counters; its gauges start at zero.
 *
 *     struct metrics *metrics = metrics_new(workers + 1, &error);                   // parent
 *     metrics_attach(metrics, 1 + worker);                                          // worker, after fork
 *     struct series *s = metrics_series(metrics, METRIC_HTTP_REQUESTS, "method=\"GET\",route=\"/livez\",status=\"200\"");
 *     series_add(s, 1);                                                             // s may be NULL: nothing happens
 *
 * Text: the Prometheus exposition format 0.0.4, or OpenMetrics 1.0. Keep the series, looking it up walks a list.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

struct metrics;
struct series;

enum metric {
  METRIC_HTTP_REQUESTS,
  METRIC_HTTP_DURATION,
  METRIC_HTTP_IN_FLIGHT,
  METRIC_CONNECTIONS,
  METRIC_CONNECTIONS_REFUSED,
  METRIC_MALFORMED_REQUESTS,
  METRIC_BUILD_INFO,
  METRIC_SCHEMA,
  METRIC_WORKERS,
  METRIC_WORKER_RESTARTS,
  METRIC_JWKS_KEY,
  METRIC_JWKS_RELOAD_FAILURES,
  METRIC_FOREIGN_KEYS,
  METRIC_FOREIGN_FETCHES,
  METRIC_TOKEN_CACHE_HITS,
  METRIC_TOKEN_CACHE_MISSES,
  METRIC_SECRET_SINCE,
  METRIC_SECRET_PREVIOUS_USED,
  METRIC_BYPASS_ACTIVE,
  METRIC_BYPASS_REQUESTS,
  METRIC_DEPENDENCY_UP,
  METRIC_DB_CONNECTIONS,
  METRIC_DB_IN_USE,
  METRIC_DB_WAITING,
  METRIC_DB_WAIT_SECONDS,
  METRIC_DB_WAITS,
  METRIC_DB_QUERY_DURATION,
  METRIC_DB_CONNECT_FAILURES,
  METRIC_DB_DROPS,
  METRIC_LIMITER_HITS,
  METRIC_LIMITER_MISSES,
  METRIC_LIMITED,
  METRIC_IAP_PURCHASES,
  METRIC_IAP_SWEEPS,
  METRIC_OUTBOX_PENDING,
  METRIC_OUTBOX_OVERDUE,
  METRIC_OUTBOX_OLDEST,
  METRIC_OUTBOX_CALLS,
  METRIC_WEBHOOKS,
  METRIC_HEADS_SIGNED,
  METRIC_HEADS_SIGNED_TIME,
  METRIC_LIVE_CLIENTS,
  METRIC_LOG_DROPPED,
  METRIC_SENTRY_SENT,
  METRIC_SENTRY_DROPPED,
  METRIC_PROCESS_CPU,
  METRIC_PROCESS_MEMORY,
  METRIC_PROCESS_FDS,
  METRIC_PROCESS_START,
  METRICS
};

struct metrics *metrics_new(unsigned regions, struct error *error);
void metrics_free(struct metrics *metrics); /* unmaps it in this process; accepts NULL */

/* From now on this process writes to REGION; region 0 is the parent's. */
void metrics_attach(struct metrics *metrics, unsigned region);
/* The process that wrote to REGION is gone: its gauges are zeroed. By the parent, after it has reaped it. */
void metrics_detached(struct metrics *metrics, unsigned region);
/* The process that writes to REGION, 0 when there is none; -1 beyond the last. */
pid_t metrics_process(const struct metrics *metrics, unsigned region);

/* LABELS is what stands between the braces, "" for none. NULL when the region is full; never in practice, since labels come from tables. */
struct series *metrics_series(struct metrics *metrics, enum metric metric, const char *labels);

void series_add(struct series *series, int64_t n);
void series_set(struct series *series, int64_t value);
void series_observe_us(struct series *series, int64_t duration_us); /* of a histogram in seconds */
int64_t series_value(const struct series *series);                  /* this process' share */

enum metrics_format { METRICS_PROMETHEUS, METRICS_OPENMETRICS };

/* Everything, merged. */
void metrics_print(const struct metrics *metrics, enum metrics_format format, struct buffer *to);
/* The merged value of one series; 0 where there is none. */
int64_t metrics_total(const struct metrics *metrics, enum metric metric, const char *labels);

DEFINE_CLEANUP(struct metrics, metrics_freep, metrics_free)
