#include "runtime/metrics.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define _cleanup_metrics_ _cleanup_(metrics_freep)

static void print(const struct metrics *metrics, struct buffer *to) {
  buffer_init(to, 1 << 24);
  metrics_print(metrics, to);
  cr_assert_not(to->failed);
}

static void assert_prints(const struct metrics *metrics, const char *expected) {
  _cleanup_buffer_ struct buffer text;
  print(metrics, &text);
  cr_assert_str_eq(buffer_text(&text), expected);
}

static bool tells(const struct metrics *metrics, const char *line) {
  _cleanup_buffer_ struct buffer text;
  print(metrics, &text);
  return strstr(buffer_text(&text), line);
}

Test(metrics, counters_add_and_gauges_are_set) {
  _cleanup_metrics_ struct metrics *metrics = metrics_new();
  assert_prints(metrics, "");
  metrics_add(metrics, METRIC_RECONCILES, 1, "stack", "success");
  metrics_add(metrics, METRIC_RECONCILES, 2, "stack", "success");
  metrics_add(metrics, METRIC_RECONCILES, 1, "stack", "error");
  metrics_set(metrics, METRIC_QUEUE_DEPTH, 5, "stack", "stack");
  metrics_set(metrics, METRIC_QUEUE_DEPTH, 0.1, "stack", "stack");
  assert_prints(metrics,
                "# HELP controller_runtime_reconcile_total Reconciliations, by how they ended.\n"
                "# TYPE controller_runtime_reconcile_total counter\n"
                "controller_runtime_reconcile_total{controller=\"stack\",result=\"error\"} 1\n"
                "controller_runtime_reconcile_total{controller=\"stack\",result=\"success\"} 3\n"
                "# HELP workqueue_depth Keys that wait in the work queue.\n"
                "# TYPE workqueue_depth gauge\n"
                "workqueue_depth{name=\"stack\",controller=\"stack\"} 0.1\n");
}

Test(metrics, histograms_are_cumulative_and_bounds_inclusive) {
  _cleanup_metrics_ struct metrics *metrics = metrics_new();
  static const double samples[] = {0.001, 0.005, 0.02, 59, 1000};
  for (size_t i = 0; i < ELEMENTS(samples); i++) metrics_observe(metrics, METRIC_RECONCILE_SECONDS, samples[i], "stack");
  static const char *const lines[] = {"_bucket{controller=\"stack\",le=\"0.005\"} 2\n", "_bucket{controller=\"stack\",le=\"0.01\"} 2\n",
                                      "_bucket{controller=\"stack\",le=\"0.025\"} 3\n", "_bucket{controller=\"stack\",le=\"30\"} 3\n",
                                      "_bucket{controller=\"stack\",le=\"60\"} 4\n",    "_bucket{controller=\"stack\",le=\"+Inf\"} 5\n",
                                      "_sum{controller=\"stack\"} 1059.026\n",          "_count{controller=\"stack\"} 5\n"};
  for (size_t i = 0; i < ELEMENTS(lines); i++) cr_assert(tells(metrics, lines[i]), "%s", lines[i]);
}

Test(metrics, label_values_are_escaped) {
  _cleanup_metrics_ struct metrics *metrics = metrics_new();
  metrics_add(metrics, METRIC_REST_REQUESTS, 1, "<error>", "GET", "a\"b\\c\nd");
  cr_assert(tells(metrics, "{code=\"<error>\",method=\"GET\",host=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

Test(metrics, a_stack_that_is_gone_is_told_no_more) {
  _cleanup_metrics_ struct metrics *metrics = metrics_new();
  static const char *const stacks[][2] = {{"shop", "web"}, {"shop", "web2"}, {"shop2", "web"}};
  for (size_t i = 0; i < ELEMENTS(stacks); i++) {
    metrics_set(metrics, METRIC_STACK_READY, 1, stacks[i][0], stacks[i][1]);
    metrics_set(metrics, METRIC_STACK_PHASE, 1, stacks[i][0], stacks[i][1], "Ready");
    metrics_set(metrics, METRIC_STACK_PHASE, 0, stacks[i][0], stacks[i][1], "Failed");
  }
  metrics_forget_stack(metrics, "shop", "web");
  cr_assert_not(tells(metrics, "namespace=\"shop\",name=\"web\""));
  cr_assert(tells(metrics, "supernova_stack_phase{namespace=\"shop\",name=\"web2\",phase=\"Ready\"} 1\n"));
  cr_assert(tells(metrics, "supernova_stack_ready{namespace=\"shop2\",name=\"web\"} 1\n"));
}

/* The image of a stack is a label: the old one must not stay beside the new one. */
Test(metrics, forget_takes_the_series_of_the_first_labels) {
  _cleanup_metrics_ struct metrics *metrics = metrics_new();
  metrics_set(metrics, METRIC_STACK_IMAGE_INFO, 1, "shop", "web", "server:1");
  metrics_set(metrics, METRIC_STACK_IMAGE_INFO, 1, "shop", "api", "server:1");
  metrics_forget(metrics, METRIC_STACK_IMAGE_INFO, "shop", "web");
  metrics_set(metrics, METRIC_STACK_IMAGE_INFO, 1, "shop", "web", "server:2");
  cr_assert_not(tells(metrics, "name=\"web\",image=\"server:1\""));
  cr_assert(tells(metrics, "name=\"web\",image=\"server:2\""));
  cr_assert(tells(metrics, "name=\"api\",image=\"server:1\""));
}

Test(metrics, series_are_bounded) {
  _cleanup_metrics_ struct metrics *metrics = metrics_new();
  char name[32];
  for (int i = 0; i < 20010; i++) {
    snprintf(name, sizeof name, "s%05d", i);
    metrics_set(metrics, METRIC_STACK_READY, i, "shop", name);
  }
  cr_assert(tells(metrics, "name=\"s19999\"} 19999\n"));
  cr_assert_not(tells(metrics, "name=\"s20000\""));
  metrics_set(metrics, METRIC_STACK_READY, 7, "shop", "s00000");
  cr_assert(tells(metrics, "name=\"s00000\"} 7\n"), "those that are there still change");
}

Test(metrics, the_process_tells_of_itself) {
  _cleanup_metrics_ struct metrics *metrics = metrics_new();
  metrics_read_process(metrics);
  static const char *const names[] = {
      "\nprocess_cpu_seconds_total ", "\nprocess_resident_memory_bytes ", "\nprocess_virtual_memory_bytes ", "\nprocess_open_fds ",
      "\nprocess_max_fds ",           "\nprocess_start_time_seconds "};
  _cleanup_buffer_ struct buffer text;
  print(metrics, &text);
  for (size_t i = 0; i < ELEMENTS(names); i++) {
    const char *at = strstr(buffer_text(&text), names[i]);
    cr_assert(at, "%s", names[i]);
    double value = strtod(at + strlen(names[i]), NULL);
    cr_assert(i == 0 ? value >= 0 : value > 0, "%s%f", names[i], value);
  }
  double start = strtod(strstr(buffer_text(&text), "\nprocess_start_time_seconds ") + strlen("\nprocess_start_time_seconds "), NULL);
  cr_assert_float_eq(start, (double)time(NULL), 600, "this process has just begun");
}

/* Every metric with a series, as Prometheus' own linter reads it. */
Test(metrics, promtool_has_nothing_to_say) {
  if (system("command -v promtool >/dev/null") != 0) cr_skip_test("promtool is not installed");
  _cleanup_metrics_ struct metrics *metrics = metrics_new();
  for (int i = 0; i < METRICS; i++) {
    if (metric_rows[i].type == METRIC_HISTOGRAM)
      metrics_observe(metrics, (enum metric)i, 0.5, "a", "b", "c");
    else
      metrics_set(metrics, (enum metric)i, 1, "a", "b", "c");
  }
  _cleanup_buffer_ struct buffer text;
  print(metrics, &text);
  FILE *promtool = popen("promtool check metrics 2>&1", "we");
  cr_assert(promtool);
  cr_assert_eq(fwrite(buffer_text(&text), 1, text.len, promtool), text.len);
  cr_assert_eq(pclose(promtool), 0);
}
