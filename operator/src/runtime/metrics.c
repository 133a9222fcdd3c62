#include "runtime/metrics.h"

#include "base/map.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERIES_MAX = 20000, LABELS_MAX_BYTES = 2048 };

struct series {
  double value;    /* of a histogram: the sum */
  uint64_t hits[]; /* of a histogram: one a bucket, and one for what is above them all */
};

/* Series are found by their labels as they are printed: `namespace="shop",name="web"`. */
struct metrics {
  struct map *series[METRICS];
};

struct metrics *metrics_new(void) {
  struct metrics *metrics = calloc(1, sizeof *metrics);
  for (size_t i = 0; metrics && i < METRICS; i++) {
    if (!(metrics->series[i] = map_new(free))) {
      metrics_free(metrics);
      return NULL;
    }
  }
  return metrics;
}

void metrics_free(struct metrics *metrics) {
  if (!metrics) return;
  for (size_t i = 0; i < METRICS; i++) map_free(metrics->series[i]);
  free(metrics);
}

static void put_escaped(struct buffer *to, const char *value) {
  for (const char *at = value ? value : ""; *at; at++) {
    if (*at == '\n')
      buffer_puts(to, "\\n");
    else
      buffer_printf(to, *at == '"' || *at == '\\' ? "\\%c" : "%c", *at);
  }
}

static void put_labels(struct buffer *to, const struct metric_row *row, size_t n, const char *const *values) {
  for (size_t i = 0; i < n && row->labels[i]; i++) {
    buffer_printf(to, "%s%s=\"", i ? "," : "", row->labels[i]);
    put_escaped(to, values[i]);
    buffer_puts(to, "\"");
  }
}

static size_t bucket_count(const struct metric_row *row) {
  size_t n = 0;
  while (row->buckets && row->buckets[n] > 0) n++;
  return n;
}

/* The series with these labels, made where there is none; NULL where it can't be. */
static struct series *find(struct metrics *metrics, enum metric metric, const char *const *values) {
  const struct metric_row *row = &metric_rows[metric];
  struct map *all = metrics->series[metric];
  _cleanup_buffer_ struct buffer labels;
  buffer_init(&labels, LABELS_MAX_BYTES);
  put_labels(&labels, row, METRIC_LABELS_MAX, values);
  if (labels.failed) return NULL;
  struct series *series = map_get(all, buffer_text(&labels));
  if (series || map_count(all) >= SERIES_MAX) return series;
  series = calloc(1, sizeof *series + (bucket_count(row) + 1) * sizeof series->hits[0]);
  if (series && map_put(all, buffer_text(&labels), series) < 0) {
    free(series);
    return NULL;
  }
  return series;
}

void metrics_change(struct metrics *metrics, enum metric metric, bool add, double value, const char *const *values) {
  struct series *series = find(metrics, metric, values);
  if (series) series->value = add ? series->value + value : value;
}

void metrics_sample(struct metrics *metrics, enum metric metric, double value, const char *const *values) {
  struct series *series = find(metrics, metric, values);
  if (!series) return;
  const struct metric_row *row = &metric_rows[metric];
  size_t bucket = 0, n = bucket_count(row);
  while (bucket < n && value > row->buckets[bucket]) bucket++;
  series->hits[bucket]++;
  series->value += value;
}

static bool begins_with_labels(const char *labels, const struct buffer *prefix) {
  if (strncmp(labels, buffer_text(prefix), prefix->len) != 0) return false;
  return !labels[prefix->len] || labels[prefix->len] == ',';
}

/* The map must not change while it is stepped through: one removal a walk. */
static bool remove_one(struct map *all, const struct buffer *prefix) {
  const char *labels;
  void *series;
  for (size_t at = 0; map_next(all, &at, &labels, &series);) {
    if (!begins_with_labels(labels, prefix)) continue;
    _cleanup_free_ char *key = strdup(labels);
    return key && map_remove(all, key);
  }
  return false;
}

void metrics_remove(struct metrics *metrics, enum metric metric, const char *const *values) {
  size_t n = 0;
  while (n < METRIC_LABELS_MAX && values[n]) n++;
  _cleanup_buffer_ struct buffer prefix;
  buffer_init(&prefix, LABELS_MAX_BYTES);
  put_labels(&prefix, &metric_rows[metric], n, values);
  while (!prefix.failed && remove_one(metrics->series[metric], &prefix))
    ;
}

void metrics_forget_stack(struct metrics *metrics, const char *namespace, const char *name) {
  for (size_t i = 0; i < METRICS; i++)
    if (!strncmp(metric_rows[i].name, "supernova_stack_", strlen("supernova_stack_")))
      metrics_forget(metrics, (enum metric)i, namespace, name);
}

/* The shortest text that is read back as the same number. */
static void put_number(struct buffer *to, double value) {
  char text[32];
  snprintf(text, sizeof text, "%.15g", value);
  if (strtod(text, NULL) != value) snprintf(text, sizeof text, "%.17g", value);
  buffer_puts(to, text);
}

static void print_value(struct buffer *to, const char *name, const char *labels, double value) {
  buffer_printf(to, *labels ? "%s{%s} " : "%s%s ", name, labels);
  put_number(to, value);
  buffer_puts(to, "\n");
}

static void print_bucket(struct buffer *to, const char *name, const char *labels, const double *bound, uint64_t hits) {
  buffer_printf(to, "%s_bucket{%s%sle=\"", name, labels, *labels ? "," : "");
  if (bound)
    put_number(to, *bound);
  else
    buffer_puts(to, "+Inf");
  buffer_printf(to, "\"} %" PRIu64 "\n", hits);
}

static void print_histogram(struct buffer *to, const struct metric_row *row, const char *labels, const struct series *series) {
  uint64_t hits = 0;
  size_t n = bucket_count(row);
  for (size_t i = 0; i <= n; i++) print_bucket(to, row->name, labels, i < n ? &row->buckets[i] : NULL, hits += series->hits[i]);
  buffer_printf(to, *labels ? "%s_sum{%s} " : "%s_sum%s ", row->name, labels);
  put_number(to, series->value);
  buffer_printf(to, *labels ? "\n%s_count{%s} %" PRIu64 "\n" : "\n%s_count%s %" PRIu64 "\n", row->name, labels, hits);
}

struct printed {
  const char *labels;
  const struct series *series;
};

static int by_labels(const void *a, const void *b) {
  return strcmp(((const struct printed *)a)->labels, ((const struct printed *)b)->labels);
}

static void print_metric(struct buffer *to, const struct metric_row *row, const struct map *all) {
  static const char *const types[] = {[METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
  size_t n = map_count(all), i = 0;
  _cleanup_free_ struct printed *sorted = calloc(n ? n : 1, sizeof *sorted);
  if (!n || !sorted) return;
  void *series;
  for (size_t at = 0; map_next(all, &at, &sorted[i].labels, &series); i++) sorted[i].series = series;
  qsort(sorted, n, sizeof *sorted, by_labels);

  buffer_printf(to, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name, types[row->type]);
  for (i = 0; i < n; i++) {
    if (row->type == METRIC_HISTOGRAM)
      print_histogram(to, row, sorted[i].labels, sorted[i].series);
    else
      print_value(to, row->name, sorted[i].labels, sorted[i].series->value);
  }
}

void metrics_print(const struct metrics *metrics, struct buffer *to) {
  for (size_t i = 0; i < METRICS; i++) print_metric(to, &metric_rows[i], metrics->series[i]);
}
