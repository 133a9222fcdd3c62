#include "runtime/report.h"

#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct metrics *metrics;
static struct buffer text;

static void begin(void) {
  metrics = metrics_new();
  buffer_init(&text, 1 << 20);
}
static void end(void) {
  metrics_free(metrics);
  buffer_done(&text);
}

TestSuite(report, .init = begin, .fini = end);

static bool tells(const char *line) {
  buffer_clear(&text);
  metrics_print(metrics, &text);
  return strstr(buffer_text(&text), line) != NULL;
}

Test(report, rounds_by_how_they_ended) {
  const struct {
    struct reconcile_result result;
    bool failed;
    const char *label;
  } rows[] = {{{.outcome = RECONCILED}, false, "success"},
              {{.outcome = RECONCILED, .look_again_ms = 5}, false, "requeue_after"},
              {{.outcome = RECONCILE_WAITS, .look_again_ms = 5}, false, "requeue_after"},
              {{.outcome = RECONCILE_RETRY}, false, "requeue"},
              {{.outcome = RECONCILE_RETRY, .look_again_ms = 5}, true, "error"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char line[128];
    end();
    begin();
    report_round(metrics, "stack", &rows[i].result, rows[i].failed);
    (void)snprintf(line, sizeof line, "controller_runtime_reconcile_total{controller=\"stack\",result=\"%s\"} 1\n", rows[i].label);
    cr_assert(tells(line), "%s\n%s", line, buffer_text(&text));
    cr_assert_eq(tells("controller_runtime_reconcile_errors_total{controller=\"stack\"} 1\n"), rows[i].failed);
    cr_assert(tells("controller_runtime_reconcile_time_seconds_count{controller=\"stack\"} 1\n"));
  }
}

Test(report, a_stack_is_told_as_its_status_says) {
  struct world w;
  world_init(&w, "image: {repository: r, tag: v1}\nreplicas: 3");
  report_stack(metrics, w.stack, "companion:1");
  cr_assert(tells("supernova_stack_phase{namespace=\"demo\",name=\"shop\",phase=\"Pending\"} 1\n"), "before it was looked at");
  cr_assert(tells("supernova_stack_image_info{namespace=\"demo\",name=\"shop\",image="));
  cJSON *object = cJSON_Duplicate(w.stack->object, true);
  cJSON_ReplaceItemInObjectCaseSensitive(
      object, "status",
      cJSON_Parse("{\"phase\": \"Failed\", \"readyReplicas\": 2, \"revision\": {\"current\": 4, \"target\": 5},"
                  " \"conditions\": [{\"type\": \"Stalled\", \"status\": \"True\"}, {\"type\": \"Ready\", \"status\": \"False\", "
                  "\"lastTransitionTime\":"
                  " \"2026-01-01T00:00:00Z\"}], \"migration\": {\"kind\": \"seed\", \"state\": \"Failed\", \"attempt\": 6}}"));
  stack_free(w.stack);
  w.stack = stack_decode(object, NULL);
  report_stack(metrics, w.stack, "companion:1");
  static const char *const lines[] = {
      "supernova_stack_phase{namespace=\"demo\",name=\"shop\",phase=\"Failed\"} 1\n",
      "supernova_stack_ready{namespace=\"demo\",name=\"shop\"} 0\n",
      "supernova_stack_release_failed{namespace=\"demo\",name=\"shop\"} 1\n",
      "supernova_stack_replicas_desired{namespace=\"demo\",name=\"shop\"} 3\n",
      "supernova_stack_replicas_ready{namespace=\"demo\",name=\"shop\"} 2\n",
      "supernova_stack_revision_target{namespace=\"demo\",name=\"shop\"} 5\n",
      "supernova_stack_migration_state{namespace=\"demo\",name=\"shop\",kind=\"seed\",state=\"Failed\"} 1\n",
      "supernova_stack_migration_attempts{namespace=\"demo\",name=\"shop\"} 6\n",
      "supernova_stack_transition_timestamp_seconds{namespace=\"demo\",name=\"shop\"} 1767225600\n",
  };
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) cr_assert(tells(lines[i]), "%s\n%s", lines[i], buffer_text(&text));
  cr_assert(!tells("Pending"), "one phase at a time");
  metrics_forget_stack(metrics, "demo", "shop");
  cr_assert(!tells("supernova_stack_"), "nothing of one that is gone");
  world_done(&w);
}

Test(report, the_queue_is_told_as_it_is) {
  report_queue(metrics, "stack", (struct queue_counts){.adds = 7, .retries = 2, .ready = 3, .active = 1});
  cr_assert(tells("workqueue_depth{name=\"stack\",controller=\"stack\"} 3\n"), "%s", buffer_text(&text));
  cr_assert(tells("workqueue_adds_total{name=\"stack\",controller=\"stack\"} 7\n"));
  cr_assert(tells("workqueue_retries_total{name=\"stack\",controller=\"stack\"} 2\n"));
  cr_assert(tells("controller_runtime_active_workers{controller=\"stack\"} 1\n"));
}

Test(report, keys_by_their_age) {
  struct world w;
  world_init(&w, "image: {repository: r, tag: v1}");
  cJSON *object = cJSON_Duplicate(w.stack->object, true);
  cJSON_ReplaceItemInObjectCaseSensitive(
      object, "status",
      cJSON_Parse(
          "{\"keys\": {\"signing\": \"2\", \"items\": [{\"kid\": \"2\", \"state\": \"signing\", \"since\": \"1970-01-01T00:01:00Z\"}, "
          "{\"kid\": \"1\", \"state\": \"retiring\", \"since\": \"1970-01-01T00:03:00Z\"}]}}"));
  stack_free(w.stack);
  w.stack = stack_decode(object, NULL);
  report_keys(metrics, w.stack, 100 * 1000);
  cr_assert(tells("supernova_stack_key_age_seconds{namespace=\"demo\",name=\"shop\",kid=\"2\",state=\"signing\"} 40\n"));
  cr_assert(tells("supernova_stack_key_age_seconds{namespace=\"demo\",name=\"shop\",kid=\"1\",state=\"retiring\"} 0\n"),
            "a clock went back");
  cJSON_ReplaceItemInObjectCaseSensitive((cJSON *)w.stack->status, "keys", cJSON_CreateNull());
  report_keys(metrics, w.stack, 100 * 1000);
  cr_assert_not(tells("supernova_stack_key_age_seconds{"), "keys that have gone are told no more");
  world_done(&w);
}
