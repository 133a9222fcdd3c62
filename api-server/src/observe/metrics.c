#include "observe/metrics.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SERIES_MAX = 1024, LABELS_MAX = 136, BUCKETS = 14 };
enum metric_type { COUNTER, GAUGE, HISTOGRAM };
enum merge { SUM, LARGEST, SMALLEST };

static const int64_t bucket_us[BUCKETS] = {500,    1000,   2500,   5000,    10000,   25000,   50000,
                                           100000, 250000, 500000, 1000000, 2000000, 5000000, 10000000};
static const char *const bucket_names[BUCKETS] = {"0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05",
                                                  "0.1",    "0.25",  "0.5",    "1",     "2",    "5",     "10"};

/* Printed value = stored value / scale: durations are stored in microseconds. */
static const struct definition {
  const char *name, *help;
  enum metric_type type;
  enum merge merge;
  int64_t scale;
} definitions[METRICS] = {
    [METRIC_HTTP_REQUESTS] = {"http_requests_total", "Requests answered.", COUNTER, SUM, 1},
    [METRIC_HTTP_DURATION] = {"http_request_duration_seconds", "From the end of the head to the end of the answer.", HISTOGRAM, SUM,
                              1000000},
    [METRIC_HTTP_IN_FLIGHT] = {"http_requests_in_flight", "Requests that are being worked on.", GAUGE, SUM, 1},
    [METRIC_CONNECTIONS] = {"supernova_connections", "Open client connections.", GAUGE, SUM, 1},
    [METRIC_CONNECTIONS_REFUSED] = {"supernova_connections_refused_total", "Connections closed at once, beyond a bound.", COUNTER, SUM, 1},
    [METRIC_MALFORMED_REQUESTS] = {"supernova_malformed_requests_total", "Messages that the HTTP parser refused.", COUNTER, SUM, 1},
    [METRIC_BUILD_INFO] = {"supernova_build_info", "Version and commit of this build.", GAUGE, LARGEST, 1},
    [METRIC_SCHEMA] = {"supernova_schema", "Schema of the database, and those this image works with.", GAUGE, LARGEST, 1},
    [METRIC_WORKERS] = {"supernova_workers", "Worker processes that serve.", GAUGE, SUM, 1},
    [METRIC_WORKER_RESTARTS] = {"supernova_worker_restarts_total", "Workers that died and were replaced.", COUNTER, SUM, 1},
    [METRIC_JWKS_KEY] = {"supernova_jwks_key", "Workers that have loaded the key.", GAUGE, SUM, 1},
    [METRIC_JWKS_RELOAD_FAILURES] = {"supernova_jwks_reload_failures_total", "Key sets that could not be read.", COUNTER, SUM, 1},
    [METRIC_FOREIGN_KEYS] = {"supernova_jwks_foreign_keys", "Keys from AUTH_JWKS_URL, in the worker with most of them.", GAUGE, LARGEST, 1},
    [METRIC_FOREIGN_FETCHES] = {"supernova_jwks_foreign_fetches_total", "Fetches of AUTH_JWKS_URL.", COUNTER, SUM, 1},
    [METRIC_TOKEN_CACHE_HITS] = {"supernova_token_cache_hits_total", "Tokens that were verified before.", COUNTER, SUM, 1},
    [METRIC_TOKEN_CACHE_MISSES] = {"supernova_token_cache_misses_total", "Tokens whose signature was checked.", COUNTER, SUM, 1},
    [METRIC_SECRET_SINCE] = {"supernova_secret_loaded_timestamp_seconds",
                             "Since when this process uses the secret, which is at least so old.", GAUGE, SMALLEST, 1000000},
    [METRIC_SECRET_PREVIOUS_USED] = {"supernova_secret_previous_used_total", "Uses of a secret's previous value.", COUNTER, SUM, 1},
    [METRIC_BYPASS_ACTIVE] = {"supernova_auth_bypass_active", "1 while requests are let in without a verified token.", GAUGE, LARGEST, 1},
    [METRIC_BYPASS_REQUESTS] = {"supernova_auth_bypass_requests_total", "Requests let in without a verified token.", COUNTER, SUM, 1},
    [METRIC_DEPENDENCY_UP] = {"supernova_dependency_up", "1 while every worker reaches it.", GAUGE, SMALLEST, 1},
    [METRIC_DB_CONNECTIONS] = {"db_pool_connections", "Connections to PostgreSQL.", GAUGE, SUM, 1},
    [METRIC_DB_IN_USE] = {"db_pool_in_use", "Connections to PostgreSQL with a query on them.", GAUGE, SUM, 1},
    [METRIC_DB_WAITING] = {"db_pool_waiting", "Queries that wait for a connection.", GAUGE, SUM, 1},
    [METRIC_DB_WAIT_SECONDS] = {"db_pool_wait_seconds_total", "Time that queries waited for a connection.", COUNTER, SUM, 1000000},
    [METRIC_DB_WAITS] = {"db_pool_waits_total", "Queries that have waited for a connection.", COUNTER, SUM, 1},
    [METRIC_DB_QUERY_DURATION] = {"db_query_duration_seconds", "From submission to the answer.", HISTOGRAM, SUM, 1000000},
    [METRIC_DB_CONNECT_FAILURES] = {"db_connect_failures_total", "Connections to PostgreSQL that failed.", COUNTER, SUM, 1},
    [METRIC_DB_DROPS] = {"db_connections_dropped_total", "Connections to PostgreSQL that were lost.", COUNTER, SUM, 1},
    [METRIC_LIMITER_HITS] = {"supernova_limiter_hits_total", "Rate limits decided by Redis.", COUNTER, SUM, 1},
    [METRIC_LIMITER_MISSES] = {"supernova_limiter_misses_total", "Rate limits decided by the pod's own memory.", COUNTER, SUM, 1},
    [METRIC_LIMITED] = {"supernova_limited_requests_total", "Requests over their rate limit.", COUNTER, SUM, 1},
    [METRIC_IAP_PURCHASES] = {"supernova_iap_purchases_total", "Purchases that stores have shown, by what became of them.", COUNTER, SUM,
                              1},
    [METRIC_IAP_SWEEPS] = {"supernova_iap_sweeps_total", "Readings of the stores' lists of what they took back.", COUNTER, SUM, 1},
    [METRIC_OUTBOX_PENDING] = {"supernova_outbox_pending", "Purchases that a store has to be told of.", GAUGE, LARGEST, 1},
    [METRIC_OUTBOX_OVERDUE] = {"supernova_outbox_overdue", "Those of them that the store takes back within a day.", GAUGE, LARGEST, 1},
    [METRIC_OUTBOX_OLDEST] = {"supernova_outbox_oldest_seconds", "How long the oldest of them waits.", GAUGE, LARGEST, 1},
    [METRIC_OUTBOX_CALLS] = {"supernova_outbox_calls_total", "Purchases that a store was to be told of, by how it went.", COUNTER, SUM, 1},
    [METRIC_WEBHOOKS] = {"supernova_webhooks_total", "Signed events that came, by what became of them.", COUNTER, SUM, 1},
    [METRIC_HEADS_SIGNED] = {"supernova_ledger_heads_signed_total", "Signatures over the heads of the ledger.", COUNTER, SUM, 1},
    [METRIC_HEADS_SIGNED_TIME] = {"supernova_ledger_heads_signed_timestamp_seconds",
                                  "When the heads of the current hour were last known to be signed.", GAUGE, LARGEST, 1},
    [METRIC_LIVE_CLIENTS] = {"supernova_live_clients", "Clients that listen to changes.", GAUGE, SUM, 1},
    [METRIC_LOG_DROPPED] = {"supernova_log_lines_dropped_total", "Log lines that nobody took in time.", COUNTER, SUM, 1},
    [METRIC_SENTRY_SENT] = {"supernova_sentry_reports_total", "Reports that Sentry has taken.", COUNTER, SUM, 1},
    [METRIC_SENTRY_DROPPED] = {"supernova_sentry_reports_dropped_total", "Reports that Sentry was not told, by why not.", COUNTER, SUM, 1},
    [METRIC_PROCESS_CPU] = {"process_cpu_seconds_total", "CPU time of all processes.", COUNTER, SUM, 1000000},
    [METRIC_PROCESS_MEMORY] = {"process_resident_memory_bytes", "Resident memory of all processes.", GAUGE, SUM, 1},
    [METRIC_PROCESS_FDS] = {"process_open_fds", "Open descriptors of all processes.", GAUGE, SUM, 1},
    [METRIC_PROCESS_START] = {"process_start_time_seconds", "When the parent process started.", GAUGE, LARGEST, 1000000},
};

struct series {
  uint16_t metric;
  char labels[LABELS_MAX];
  _Atomic int64_t value;                /* of a histogram: the sum */
  _Atomic int64_t buckets[BUCKETS + 1]; /* not cumulative; the last is above all bounds */
};

struct region {
  _Atomic pid_t pid;
  _Atomic uint32_t count; /* series before it are complete */
  struct series series[SERIES_MAX];
};

struct metrics {
  unsigned region_count;
  struct region *regions; /* shared */
  struct region *own;
};

struct metrics *metrics_new(unsigned regions, struct error *error) {
  struct metrics *metrics = calloc(1, sizeof *metrics);
  if (!metrics) return error_oom(error), NULL;
  void *memory = mmap(NULL, regions * sizeof(struct region), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    error_errno(error, errno, "map memory for the metrics");
    free(metrics);
    return NULL;
  }
  *metrics = (struct metrics){.region_count = regions, .regions = memory};
  metrics_attach(metrics, 0);
  return metrics;
}

void metrics_free(struct metrics *metrics) {
  if (!metrics) return;
  munmap(metrics->regions, metrics->region_count * sizeof(struct region));
  free(metrics);
}

static void zero_gauges(struct region *region) {
  uint32_t count = atomic_load_explicit(&region->count, memory_order_acquire);
  for (uint32_t i = 0; i < count; i++)
    if (definitions[region->series[i].metric].type == GAUGE) series_set(&region->series[i], 0);
}

void metrics_attach(struct metrics *metrics, unsigned region) {
  metrics->own = &metrics->regions[region];
  zero_gauges(metrics->own);
  atomic_store(&metrics->own->pid, getpid());
}

void metrics_detached(struct metrics *metrics, unsigned region) {
  atomic_store(&metrics->regions[region].pid, 0);
  zero_gauges(&metrics->regions[region]);
}

pid_t metrics_process(const struct metrics *metrics, unsigned region) {
  return region < metrics->region_count ? atomic_load(&metrics->regions[region].pid) : -1;
}

static struct series *find(struct region *region, enum metric metric, const char *labels) {
  uint32_t count = atomic_load_explicit(&region->count, memory_order_acquire);
  for (uint32_t i = 0; i < count; i++)
    if (region->series[i].metric == metric && !strcmp(region->series[i].labels, labels)) return &region->series[i];
  return NULL;
}

struct series *metrics_series(struct metrics *metrics, enum metric metric, const char *labels) {
  struct series *found = find(metrics->own, metric, labels);
  uint32_t at = atomic_load_explicit(&metrics->own->count, memory_order_relaxed);
  if (found || at == SERIES_MAX || strlen(labels) >= LABELS_MAX) return found;
  struct series *fresh = &metrics->own->series[at];
  fresh->metric = (uint16_t)metric;
  memcpy(fresh->labels, labels, strlen(labels) + 1);
  atomic_store_explicit(&metrics->own->count, at + 1, memory_order_release);
  return fresh;
}

/* One writer: a load and a store are cheaper than a locked addition. */
static void bump(_Atomic int64_t *value, int64_t n) {
  atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + n, memory_order_relaxed);
}

void series_add(struct series *series, int64_t n) {
  if (series) bump(&series->value, n);
}

void series_set(struct series *series, int64_t value) {
  if (series) atomic_store_explicit(&series->value, value, memory_order_relaxed);
}

void series_observe_us(struct series *series, int64_t duration_us) {
  if (!series) return;
  size_t i = 0;
  while (i < BUCKETS && duration_us > bucket_us[i]) i++;
  bump(&series->buckets[i], 1);
  bump(&series->value, duration_us);
}

int64_t series_value(const struct series *series) { return series ? atomic_load_explicit(&series->value, memory_order_relaxed) : 0; }

/* ---- telling the whole ---- */

struct merged {
  int64_t value, buckets[BUCKETS + 1];
};

static struct merged merge(const struct metrics *metrics, enum metric metric, const char *labels) {
  struct merged all = {0};
  bool first = true;
  for (unsigned r = 0; r < metrics->region_count; r++) {
    const struct series *one = find(&metrics->regions[r], metric, labels);
    if (!one || (definitions[metric].type == GAUGE && !atomic_load(&metrics->regions[r].pid))) continue;
    int64_t value = series_value(one);
    switch (definitions[metric].merge) {
      case SUM: all.value += value; break;
      case LARGEST: all.value = first || value > all.value ? value : all.value; break;
      case SMALLEST: all.value = first || value < all.value ? value : all.value; break;
    }
    for (size_t i = 0; i <= BUCKETS; i++) all.buckets[i] += atomic_load_explicit(&one->buckets[i], memory_order_relaxed);
    first = false;
  }
  return all;
}

int64_t metrics_total(const struct metrics *metrics, enum metric metric, const char *labels) {
  return merge(metrics, metric, labels).value;
}

static void print_number(struct buffer *to, int64_t value, int64_t scale) {
  if (scale == 1)
    buffer_printf(to, "%lld\n", (long long)value);
  else
    buffer_printf(to, "%lld.%06lld\n", (long long)(value / scale), (long long)(value % scale));
}

static void print_name(struct buffer *to, const char *name, const char *suffix, const char *labels) {
  buffer_printf(to, *labels ? "%s%s{%s} " : "%s%s%s ", name, suffix, labels);
}

static void print_histogram(struct buffer *to, const struct definition *d, const char *labels, const struct merged *all) {
  int64_t count = 0;
  for (size_t i = 0; i <= BUCKETS; i++) {
    count += all->buckets[i];
    buffer_printf(to, "%s_bucket{%s%sle=\"%s\"} %lld\n", d->name, labels, *labels ? "," : "", i < BUCKETS ? bucket_names[i] : "+Inf",
                  (long long)count);
  }
  print_name(to, d->name, "_sum", labels);
  print_number(to, all->value, d->scale);
  print_name(to, d->name, "_count", labels);
  print_number(to, count, 1);
}

static void print_series(struct buffer *to, const struct metrics *metrics, enum metric metric, const char *labels) {
  const struct definition *d = &definitions[metric];
  struct merged all = merge(metrics, metric, labels);
  if (d->type == HISTOGRAM) {
    print_histogram(to, d, labels, &all);
  } else {
    print_name(to, d->name, "", labels);
    print_number(to, all.value, d->scale);
  }
}

/* A series is printed where it first occurs; gauges of a process that is gone are no series. */
static bool told_before(const struct metrics *metrics, unsigned region, const struct series *series) {
  for (unsigned r = 0; r < region; r++) {
    bool silent = definitions[series->metric].type == GAUGE && !atomic_load(&metrics->regions[r].pid);
    if (!silent && find(&metrics->regions[r], series->metric, series->labels)) return true;
  }
  return false;
}

/* OpenMetrics names a counter's family without what its sample ends with. */
static void announce(struct buffer *to, const struct definition *d, enum metrics_format format) {
  static const char *const types[] = {"counter", "gauge", "histogram"};
  static const char ending[] = "_total";
  size_t n = strlen(d->name);
  if (format == METRICS_OPENMETRICS && d->type == COUNTER && n > strlen(ending) && !strcmp(d->name + n - strlen(ending), ending))
    n -= strlen(ending);
  buffer_printf(to, "# HELP %.*s %s\n# TYPE %.*s %s\n", (int)n, d->name, d->help, (int)n, d->name, types[d->type]);
}

static void print_metric(struct buffer *to, const struct metrics *metrics, enum metric metric, enum metrics_format format) {
  const struct definition *d = &definitions[metric];
  bool announced = false;
  for (unsigned r = 0; r < metrics->region_count; r++) {
    const struct region *region = &metrics->regions[r];
    if (d->type == GAUGE && !atomic_load(&region->pid)) continue;
    uint32_t count = atomic_load_explicit(&region->count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++) {
      if (region->series[i].metric != metric || told_before(metrics, r, &region->series[i])) continue;
      if (!announced) announce(to, d, format);
      announced = true;
      print_series(to, metrics, metric, region->series[i].labels);
    }
  }
}

void metrics_print(const struct metrics *metrics, enum metrics_format format, struct buffer *to) {
  for (enum metric metric = 0; metric < METRICS; metric++) print_metric(to, metrics, metric, format);
  if (format == METRICS_OPENMETRICS) buffer_puts(to, "# EOF\n");
}
