#include "observe/metrics.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs WORK as a worker of REGION in a process of its own. */
static void as_worker(struct metrics *metrics, unsigned region, void (*work)(struct metrics *)) {
  pid_t pid = fork();
  if (pid == 0) {
    metrics_attach(metrics, region);
    work(metrics);
    _exit(0);
  }
  int status;
  cr_assert_eq(waitpid(pid, &status, 0), pid);
  cr_assert_eq(status, 0);
}

static void count_three(struct metrics *metrics) {
  series_add(metrics_series(metrics, METRIC_HTTP_REQUESTS, "status=\"200\""), 3);
  series_set(metrics_series(metrics, METRIC_WORKERS, ""), 1);
  series_set(metrics_series(metrics, METRIC_DEPENDENCY_UP, "name=\"redis\""), 0);
  series_set(metrics_series(metrics, METRIC_SCHEMA, "what=\"current\""), 7);
}

static void count_four(struct metrics *metrics) {
  series_add(metrics_series(metrics, METRIC_HTTP_REQUESTS, "status=\"404\""), 1);
  series_add(metrics_series(metrics, METRIC_HTTP_REQUESTS, "status=\"200\""), 4);
  series_set(metrics_series(metrics, METRIC_WORKERS, ""), 1);
  series_set(metrics_series(metrics, METRIC_DEPENDENCY_UP, "name=\"redis\""), 1);
  series_set(metrics_series(metrics, METRIC_SCHEMA, "what=\"current\""), 8);
}

Test(metrics, processes_are_told_together) {
  struct metrics *metrics = metrics_new(3, NULL);
  as_worker(metrics, 1, count_three);
  as_worker(metrics, 2, count_four);
  cr_expect_eq(metrics_total(metrics, METRIC_HTTP_REQUESTS, "status=\"200\""), 7);
  cr_expect_eq(metrics_total(metrics, METRIC_HTTP_REQUESTS, "status=\"404\""), 1);
  cr_expect_eq(metrics_total(metrics, METRIC_WORKERS, ""), 2);
  cr_expect_eq(metrics_total(metrics, METRIC_DEPENDENCY_UP, "name=\"redis\""), 0, "up for every one, or not up");
  cr_expect_eq(metrics_total(metrics, METRIC_SCHEMA, "what=\"current\""), 8);
  metrics_free(metrics);
}

Test(metrics, a_dead_workers_gauges_go_and_its_counters_stay) {
  struct metrics *metrics = metrics_new(2, NULL);
  as_worker(metrics, 1, count_three);
  metrics_detached(metrics, 1);
  cr_expect_eq(metrics_total(metrics, METRIC_WORKERS, ""), 0);
  cr_expect_eq(metrics_total(metrics, METRIC_HTTP_REQUESTS, "status=\"200\""), 3);
  as_worker(metrics, 1, count_four);
  cr_expect_eq(metrics_total(metrics, METRIC_HTTP_REQUESTS, "status=\"200\""), 7);
  cr_expect_eq(metrics_total(metrics, METRIC_WORKERS, ""), 1);
  metrics_free(metrics);
}

Test(metrics, text) {
  struct metrics *metrics = metrics_new(1, NULL);
  struct buffer text;
  buffer_init(&text, 64 * 1024);
  struct series *seconds = metrics_series(metrics, METRIC_HTTP_DURATION, "route=\"/x\"");
  series_observe_us(seconds, 500);
  series_observe_us(seconds, 501);
  series_observe_us(seconds, 600000);
  series_observe_us(seconds, 60000000);
  series_add(metrics_series(metrics, METRIC_LIMITED, ""), 2);
  metrics_print(metrics, METRICS_PROMETHEUS, &text);
  static const char *const lines[] = {
      "# HELP supernova_limited_requests_total Requests over their rate limit.\n# TYPE supernova_limited_requests_total counter\n"
      "supernova_limited_requests_total 2\n",
      "http_request_duration_seconds_bucket{route=\"/x\",le=\"0.0005\"} 1\n",
      "http_request_duration_seconds_bucket{route=\"/x\",le=\"0.001\"} 2\n",
      "http_request_duration_seconds_bucket{route=\"/x\",le=\"0.5\"} 2\n",
      "http_request_duration_seconds_bucket{route=\"/x\",le=\"1\"} 3\n",
      "http_request_duration_seconds_bucket{route=\"/x\",le=\"+Inf\"} 4\n",
      "http_request_duration_seconds_sum{route=\"/x\"} 60.601001\n",
      "http_request_duration_seconds_count{route=\"/x\"} 4\n",
  };
  for (size_t i = 0; i < ELEMENTS(lines); i++) cr_expect_not_null(strstr(buffer_text(&text), lines[i]), "%s", lines[i]);
  cr_expect_null(strstr(buffer_text(&text), "supernova_workers"), "what nobody has touched is not told");
  buffer_done(&text);
  metrics_free(metrics);
}

Test(metrics, a_full_region_loses_nothing_that_it_has) {
  struct metrics *metrics = metrics_new(1, NULL);
  char labels[32];
  unsigned full = 0;
  for (unsigned i = 0; i < 3000; i++) {
    (void)snprintf(labels, sizeof labels, "n=\"%u\"", i);
    struct series *series = metrics_series(metrics, METRIC_HTTP_REQUESTS, labels);
    series_add(series, 1);
    full += !series;
  }
  cr_expect_gt(full, 0);
  cr_expect_eq(metrics_total(metrics, METRIC_HTTP_REQUESTS, "n=\"0\""), 1);
  cr_expect_eq(metrics_total(metrics, METRIC_HTTP_REQUESTS, "n=\"2999\""), 0);
  metrics_free(metrics);
}
