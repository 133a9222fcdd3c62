/* What the operator counts, in Prometheus' text format (version 0.0.4). The names are controller-runtime's and client-go's where they have one, so
 * that dashboards and alerts for controllers work unchanged.
 *
 *     struct metrics *metrics = metrics_new();
 *     metrics_add(metrics, METRIC_RECONCILES, 1, "stack", "success");         label values in the order of the row
 *     metrics_observe(metrics, METRIC_RECONCILE_SECONDS, 0.012, "stack");
 *     metrics_set(metrics, METRIC_STACK_READY, 1, "shop", "web");
 *     metrics_forget_stack(metrics, "shop", "web");                           when the stack is gone
 *     metrics_print(metrics, &body);
 *
 * Never the reason why something fails: a sample for which there is no memory, or that would be the 20,001st series of its metric, is dropped.
 * One thread.
 */
#pragma once

#include "base/buffer.h"

enum metric {
  METRIC_RECONCILES,        /* controller, result: success, error, requeue, requeue_after */
  METRIC_RECONCILE_ERRORS,  /* controller */
  METRIC_RECONCILE_SECONDS, /* controller */
  METRIC_ACTIVE_WORKERS,    /* controller */
  METRIC_QUEUE_DEPTH,       /* name, controller */
  METRIC_QUEUE_ADDS,
  METRIC_QUEUE_SECONDS,
  METRIC_QUEUE_WORK_SECONDS,
  METRIC_QUEUE_RETRIES,
  METRIC_REST_REQUESTS,  /* code ("<error>" where nothing came), method, host */
  METRIC_LEADER,         /* name of the Lease; 1: this process holds it */
  METRIC_BUILD_INFO,     /* version */
  METRIC_CACHED_OBJECTS, /* resource */
  METRIC_WATCHES_STALE,  /* resource */
  METRIC_STACK_READY,    /* namespace, name; and so on below */
  METRIC_STACK_AVAILABLE,
  METRIC_STACK_SUSPENDED,
  METRIC_STACK_PHASE,      /* …, phase */
  METRIC_STACK_IMAGE_INFO, /* …, image */
  METRIC_STACK_REPLICAS_DESIRED,
  METRIC_STACK_REPLICAS_READY,
  METRIC_STACK_REVISION_CURRENT,
  METRIC_STACK_REVISION_TARGET,
  METRIC_STACK_SCHEMA_VERSION,
  METRIC_STACK_MIGRATION_ATTEMPTS,
  METRIC_STACK_RELEASE_FAILED,
  METRIC_STACK_MIGRATION_STATE, /* …, kind, state */
  METRIC_STACK_TRANSITION_SECONDS,
  METRIC_STACK_POD_RESTARTS, /* …, pod */
  METRIC_STACK_KEY_AGE_SECONDS,
  METRIC_STACK_MESSAGES_WAITING,
  METRIC_STACK_MESSAGES, /* …, receiver, result: delivered, failed, refused */
  METRIC_PROCESS_CPU_SECONDS,
  METRIC_PROCESS_RESIDENT_BYTES,
  METRIC_PROCESS_VIRTUAL_BYTES,
  METRIC_PROCESS_OPEN_FDS,
  METRIC_PROCESS_MAX_FDS,
  METRIC_PROCESS_START_SECONDS,
  METRICS,
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum { METRIC_LABELS_MAX = 4, METRIC_BUCKETS_MAX = 16 };

struct metric_row {
  const char *name;
  enum metric_type type;
  const char *help;
  const char *labels[METRIC_LABELS_MAX + 1];
  const double *buckets; /* of a histogram: upper bounds, rising, ending with 0; at most METRIC_BUCKETS_MAX */
};
extern const struct metric_row metric_rows[METRICS];

struct metrics;

struct metrics *metrics_new(void); /* NULL without memory */
void metrics_free(struct metrics *metrics);

/* Label values follow, one for each label of the row; a value that is missing or NULL is empty. */
#define metrics_add(metrics, metric, by, ...)        metrics_change((metrics), (metric), true, (by), METRIC_VALUES(__VA_ARGS__))
#define metrics_set(metrics, metric, to, ...)        metrics_change((metrics), (metric), false, (to), METRIC_VALUES(__VA_ARGS__))
#define metrics_observe(metrics, metric, value, ...) metrics_sample((metrics), (metric), (value), METRIC_VALUES(__VA_ARGS__))

/* Removes every series of METRIC whose first labels have these values. */
#define metrics_forget(metrics, metric, ...) metrics_remove((metrics), (metric), METRIC_VALUES(__VA_ARGS__))

/* Removes whatever is told of one stack. */
void metrics_forget_stack(struct metrics *metrics, const char *namespace, const char *name);

/* Reads /proc/self into the process_ metrics: before printing. What can't be read stays as it was. */
void metrics_read_process(struct metrics *metrics);

/* Metrics without a series stay out. Series are sorted, so that the same state prints the same text. */
void metrics_print(const struct metrics *metrics, struct buffer *to);

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* What the macros above call. */
#define METRIC_VALUES(...) ((const char *const[METRIC_LABELS_MAX + 1]){__VA_ARGS__})
void metrics_change(struct metrics *metrics, enum metric metric, bool add, double value, const char *const *values);
void metrics_sample(struct metrics *metrics, enum metric metric, double value, const char *const *values);
void metrics_remove(struct metrics *metrics, enum metric metric, const char *const *values);

DEFINE_CLEANUP(struct metrics, metrics_freep, metrics_free)
