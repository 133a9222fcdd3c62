#include "runtime/report.h"

#include "base/clock.h"
#include "stack/conditions.h"

#include <stdio.h>
#include <string.h>

void report_round(struct metrics *metrics, const char *controller, const struct reconcile_result *result, bool failed) {
  const char *label = failed                               ? "error"
                      : result->outcome == RECONCILE_RETRY ? "requeue"
                      : result->look_again_ms              ? "requeue_after"
                                                           : "success";
  metrics_add(metrics, METRIC_RECONCILES, 1, controller, label);
  if (failed) metrics_add(metrics, METRIC_RECONCILE_ERRORS, 1, controller);
  metrics_observe(metrics, METRIC_RECONCILE_SECONDS, (double)result->took_ns / 1e9, controller);
  metrics_observe(metrics, METRIC_QUEUE_WORK_SECONDS, (double)result->took_ns / 1e9, controller, controller);
}

static bool condition_is_true(const struct stack *stack, const char *type) {
  const cJSON *condition = condition_find(json_get(stack->status, "conditions"), type);
  return !strcmp(json_string(condition, "status", ""), "True");
}

void report_wait(struct metrics *metrics, const char *controller, int64_t waited_ns) {
  metrics_observe(metrics, METRIC_QUEUE_SECONDS, (double)waited_ns / 1e9, controller, controller);
}

static void report_image(struct metrics *metrics, const struct stack *stack, const char *companion_image) {
  struct buffer image;
  buffer_init(&image, 1024);
  stack_image_reference(stack, companion_image, &image);
  metrics_forget(metrics, METRIC_STACK_IMAGE_INFO, stack->namespace, stack->name);
  metrics_set(metrics, METRIC_STACK_IMAGE_INFO, 1, stack->namespace, stack->name, buffer_text(&image));
  buffer_done(&image);
}

static void report_migration(struct metrics *metrics, const struct stack *stack) {
  const char *state = json_string(stack->status, "migration.state", NULL), *kind = json_string(stack->status, "migration.kind", "migrate");
  metrics_forget(metrics, METRIC_STACK_MIGRATION_STATE, stack->namespace, stack->name);
  if (state) metrics_set(metrics, METRIC_STACK_MIGRATION_STATE, 1, stack->namespace, stack->name, kind, state);
}

static void report_transition(struct metrics *metrics, const struct stack *stack) {
  int64_t ms = 0;
  const cJSON *ready = condition_find(json_get(stack->status, "conditions"), "Ready");
  if (parse_rfc3339(json_string(ready, "lastTransitionTime", NULL), &ms) < 0) return;
  metrics_set(metrics, METRIC_STACK_TRANSITION_SECONDS, (double)ms / 1000, stack->namespace, stack->name);
}

struct told_pods {
  struct metrics *metrics;
  const struct stack *stack;
};

static void report_pod(void *owner, const char *key, const void *projection) {
  const struct told_pods *told = owner;
  const struct child *pod = projection;
  (void)key;
  if (!pod->pod.component || strcmp(pod->pod.component, "server") != 0) return;
  metrics_set(told->metrics, METRIC_STACK_POD_RESTARTS, (double)pod->pod.restarts, told->stack->namespace, told->stack->name, pod->name);
}

void report_pods(struct metrics *metrics, const struct stack *stack, const struct caches *caches) {
  char key[384];
  (void)snprintf(key, sizeof key, "%s/%s", stack->namespace, stack->name);
  metrics_forget(metrics, METRIC_STACK_POD_RESTARTS, stack->namespace, stack->name);
  caches_each(caches, RESOURCE_POD, stack->namespace, key, report_pod, &(struct told_pods){metrics, stack});
}

void report_stack(struct metrics *metrics, const struct stack *stack, const char *companion_image) {
  const char *ns = stack->namespace, *name = stack->name;
  const cJSON *status = stack->status;
  const struct {
    enum metric metric;
    int64_t value;
  } gauges[] = {
      {METRIC_STACK_READY, condition_is_true(stack, "Ready")},
      {METRIC_STACK_AVAILABLE, condition_is_true(stack, "Available")},
      {METRIC_STACK_SUSPENDED, stack->spec.suspend},
      {METRIC_STACK_REPLICAS_DESIRED, stack->spec.replicas},
      {METRIC_STACK_REPLICAS_READY, json_int(status, "readyReplicas", 0)},
      {METRIC_STACK_REVISION_CURRENT, json_int(status, "revision.current", 0)},
      {METRIC_STACK_REVISION_TARGET, json_int(status, "revision.target", 0)},
      {METRIC_STACK_SCHEMA_VERSION, json_int(status, "migration.schemaVersion", 0)},
      {METRIC_STACK_MIGRATION_ATTEMPTS, json_int(status, "migration.attempt", 0)},
      {METRIC_STACK_RELEASE_FAILED, condition_is_true(stack, "Stalled")},
      {METRIC_STACK_MESSAGES_WAITING, cJSON_GetArraySize(json_get(status, "outbox"))},
  };
  for (size_t i = 0; i < ELEMENTS(gauges); i++) metrics_set(metrics, gauges[i].metric, (double)gauges[i].value, ns, name);
  metrics_forget(metrics, METRIC_STACK_PHASE, ns, name);
  metrics_set(metrics, METRIC_STACK_PHASE, 1, ns, name, json_string(status, "phase", "Pending"));
  report_image(metrics, stack, companion_image);
  report_migration(metrics, stack);
  report_transition(metrics, stack);
}

void report_keys(struct metrics *metrics, const struct stack *stack, int64_t now_ms) {
  const cJSON *key;
  metrics_forget(metrics, METRIC_STACK_KEY_AGE_SECONDS, stack->namespace, stack->name);
  cJSON_ArrayForEach(key, json_get(stack->status, "keys.items")) {
    int64_t since_ms = now_ms;
    (void)!parse_rfc3339(json_string(key, "since", NULL), &since_ms);
    double age_s = now_ms > since_ms ? (double)(now_ms - since_ms) / 1000 : 0;
    metrics_set(metrics, METRIC_STACK_KEY_AGE_SECONDS, age_s, stack->namespace, stack->name, json_string(key, "kid", ""),
                json_string(key, "state", ""));
  }
}

void report_delivery(struct metrics *metrics, const char *namespace, const char *name, const char *receiver,
                     const struct delivery *delivery) {
  static const char *const results[] = {[DELIVERY_TAKEN] = "delivered", [DELIVERY_FAILED] = "failed", [DELIVERY_REFUSED] = "refused"};
  metrics_add(metrics, METRIC_STACK_MESSAGES, 1, namespace, name, receiver, results[delivery->state]);
}

/* The queue counts for itself: what it holds is told as it is. */
void report_queue(struct metrics *metrics, const char *controller, struct queue_counts counts) {
  metrics_set(metrics, METRIC_QUEUE_DEPTH, counts.ready, controller, controller);
  metrics_set(metrics, METRIC_QUEUE_ADDS, (double)counts.adds, controller, controller);
  metrics_set(metrics, METRIC_QUEUE_RETRIES, (double)counts.retries, controller, controller);
  metrics_set(metrics, METRIC_ACTIVE_WORKERS, counts.active, controller);
}

void report_requests(struct metrics *metrics, struct kube_client *client) {
  size_t n;
  const struct kube_request_count *counts = kube_client_counts(client, &n);
  for (size_t i = 0; i < n; i++) {
    char code[16];
    (void)snprintf(code, sizeof code, "%d", counts[i].code);
    metrics_set(metrics, METRIC_REST_REQUESTS, (double)counts[i].count, counts[i].code ? code : "<error>", counts[i].method,
                kube_client_config(client)->server);
  }
}

/* Summed over namespaces. */
struct sums {
  double objects[RESOURCES], stale[RESOURCES];
};

static void sum(void *owner, enum resource resource, const struct cache *cache) {
  struct sums *sums = owner;
  sums->objects[resource] += (double)cache_count(cache);
  sums->stale[resource] += cache_stale(cache);
}

void report_caches(struct metrics *metrics, const struct caches *caches) {
  struct sums sums = {0};
  caches_visit(caches, sum, &sums);
  for (enum resource resource = 0; resource < RESOURCES; resource++) {
    if (resource == RESOURCE_REFERENCED_CONFIG_MAP) continue; /* the same plural as our own ConfigMaps */
    metrics_set(metrics, METRIC_CACHED_OBJECTS, sums.objects[resource], resources[resource].api.plural);
    metrics_set(metrics, METRIC_WATCHES_STALE, sums.stale[resource], resources[resource].api.plural);
  }
}
