#include "runtime/manager.h"

#include "base/clock.h"
#include "kube/discovery.h"
#include "kube/lease.h"
#include "render/render.h"
#include "runtime/caches.h"
#include "runtime/metrics.h"
#include "runtime/probes.h"
#include "runtime/queue.h"
#include "runtime/report.h"
#include "stack/reconcile.h"
#include "stack/stack.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEASE_NAME "supernova-operator"
#define CONTROLLER "supernovastack"

enum { DRAIN_MS = 5000, DRAIN_POLL_MS = 50, WORKERS = 16, SYNC_POLL_MS = 20 };

struct manager {
  struct loop *loop;
  const struct settings *settings;
  struct kube_config *config;
  struct kube_client *client;
  struct event_recorder *events;
  struct caches *caches;
  struct discovery *discovery;
  struct queue *queue;
  struct offload *offload;
  struct prober *prober;
  struct reconciler *reconciler;
  struct lease *lease;
  struct metrics *metrics;
  struct probes *probe_server, *metrics_server;
  struct timer sync, drain;
  int64_t drain_until_ms;
  bool leads, stopping;
  bool discovered; /* which optional APIs are served is known: before that, what they bring would be taken for turned off */
  int exit_status;
};

/* ---- what a change means for which stack ---- */

static void enqueue_stack(void *owner, const char *key, const void *stack) {
  (void)stack;
  queue_add(((struct manager *)owner)->queue, key);
}

struct reference {
  struct manager *manager;
  enum resource resource;
  const char *name;
};

/* Does this stack refer to the Secret or ConfigMap that has changed? */
static void enqueue_if_referring(void *owner, const char *key, const void *projection) {
  const struct reference *changed = owner;
  const struct stack *stack = projection;
  const char *tokens = stack->spec.design_tokens.config_map_ref;
  char keys[64];
  bool refers = changed->resource == RESOURCE_SECRET
                    ? !strcmp(stack->spec.secrets.name, changed->name) || !strcmp(stack_jwks_secret_name(stack, keys), changed->name)
                    : tokens && !strcmp(tokens, changed->name);
  if (refers) queue_add(changed->manager->queue, key);
}

static void enqueue_owner(struct manager *manager, enum resource resource, const struct child *child) {
  if (!child) return;
  if (resources[resource].ours && child->stack) queue_add(manager->queue, child->stack);
  if (resources[resource].ours) return;
  caches_each(manager->caches, RESOURCE_STACK, child->namespace, child->namespace, enqueue_if_referring,
              &(struct reference){manager, resource, child->name});
}

static void on_change(void *owner, enum resource resource, const void *old, const void *now) {
  struct manager *manager = owner;
  if (!manager->leads) return; /* every stack is looked at when the Lease comes; until then nothing piles up */
  if (resource != RESOURCE_STACK) {
    const struct child *before = old, *after = now;
    enqueue_owner(manager, resource, after ? after : before);
    if (before && after && before->stack && (!after->stack || strcmp(before->stack, after->stack)))
      enqueue_owner(manager, resource, before);
    return;
  }
  const struct stack *stack = now ? now : old;
  char key[384];
  (void)snprintf(key, sizeof key, "%s/%s", stack->namespace, stack->name);
  queue_add(manager->queue, key);
}

/* ---- rounds ---- */

static void work(void *owner, const char *key) {
  struct manager *manager = owner;
  report_wait(manager->metrics, CONTROLLER, queue_waited_ns(manager->queue, key));
  reconciler_run(manager->reconciler, key);
}

static void on_finished(void *owner, const char *key, const struct reconcile_result *result) {
  struct manager *manager = owner;
  bool failed = result->outcome == RECONCILE_RETRY && result->error.kind != ERROR_NONE && result->error.kind != ERROR_CONFLICT;
  const char *slash = strchr(key, '/');
  char namespace[256];
  (void)snprintf(namespace, sizeof namespace, "%.*s", (int)(slash ? slash - key : 0), key);
  const struct stack *stack = slash ? caches_get(manager->caches, RESOURCE_STACK, namespace, slash + 1) : NULL;
  if (failed) log_warn("a round failed and is tried again", log_str("stack", key), log_err(&result->error));
  report_round(manager->metrics, CONTROLLER, result, failed);
  if (stack) {
    report_stack(manager->metrics, stack, manager->settings->server_image);
    report_pods(manager->metrics, stack, manager->caches);
  } else {
    metrics_forget_stack(manager->metrics, namespace, slash ? slash + 1 : "");
  }
  static const enum queue_outcome outcomes[] = {
      [RECONCILED] = QUEUE_OK, [RECONCILE_WAITS] = QUEUE_LATER, [RECONCILE_RETRY] = QUEUE_AGAIN, [RECONCILE_GONE] = QUEUE_FORGET};
  char copy[384];
  (void)snprintf(copy, sizeof copy, "%s", key);
  int64_t look_again_ms = result->look_again_ms;
  queue_done(manager->queue, copy, outcomes[result->outcome]);
  if (look_again_ms) queue_add_after(manager->queue, copy, look_again_ms);
}

static void on_delivered(void *owner, const char *key, const char *receiver, const struct delivery *delivery) {
  struct manager *manager = owner;
  const char *slash = strchr(key, '/');
  char namespace[256];
  (void)snprintf(namespace, sizeof namespace, "%.*s", (int)(slash ? slash - key : 0), key);
  report_delivery(manager->metrics, namespace, slash ? slash + 1 : "", receiver, delivery);
  queue_add(manager->queue, key);
}

/* ---- leading ---- */

static void fail(struct manager *manager, const char *why) {
  log_fatal(why);
  manager->exit_status = 1;
  loop_stop(manager->loop);
}

static void may_work(struct manager *manager) {
  bool wanted = manager->leads && !manager->stopping, ready = wanted && manager->discovered && caches_synced(manager->caches);
  queue_pause(manager->queue, !ready);
  if (wanted && !ready && timer_set(&manager->sync, SYNC_POLL_MS) < 0) fail(manager, "out of memory");
}

static void on_sync_timer(struct timer *timer) { may_work(CONTAINER_OF(timer, struct manager, sync)); }

/* ---- optional APIs ---- */

static void look_at_all(void *owner) {
  struct manager *manager = owner;
  if (manager->leads) caches_each_stack(manager->caches, enqueue_stack, manager);
}

static const enum resource optional[] = {RESOURCE_SERVICE_MONITOR, RESOURCE_PROMETHEUS_RULE};
static const struct kube_resource *const discovered[] = {&resources[RESOURCE_SERVICE_MONITOR].api, &resources[RESOURCE_PROMETHEUS_RULE].api,
                                                         NULL};

static void on_discovery(void *owner, uint64_t served) {
  struct manager *manager = owner;
  bool changed = !manager->discovered;
  for (size_t i = 0; i < ELEMENTS(optional); i++) {
    if (!caches_serve(manager->caches, optional[i], served >> i & 1)) continue;
    changed = true;
    log_info("an optional API has come or gone", log_str("resource", resources[optional[i]].api.plural),
             log_bool("served", served >> i & 1));
  }
  manager->discovered = true;
  if (changed) look_at_all(manager);
}

static void on_leadership(void *owner, bool leads) {
  struct manager *manager = owner;
  bool lost = manager->leads && !leads && !manager->stopping;
  manager->leads = leads;
  log_info(leads ? "this process leads" : "this process does not lead", log_str("identity", manager->settings->identity));
  if (lost) {
    fail(manager, "the Lease is lost: ending, so that nothing is written beside the new leader");
    return;
  }
  look_at_all(manager);
  may_work(manager);
}

/* ---- ending ---- */

static void on_released(void *owner) { loop_stop(((struct manager *)owner)->loop); }

static void on_drain(struct timer *timer) {
  struct manager *manager = CONTAINER_OF(timer, struct manager, drain);
  bool busy = !queue_is_idle(manager->queue) || events_in_flight(manager->events);
  if (busy && loop_now_ms(manager->loop) < manager->drain_until_ms && timer_set(timer, DRAIN_POLL_MS) == 0) return;
  reconciler_free(manager->reconciler); /* what is still under way must not write beside the next leader */
  manager->reconciler = NULL;
  lease_release(manager->lease, on_released, manager);
}

static void on_signal(int number, void *owner) {
  struct manager *manager = owner;
  if (manager->stopping) return;
  log_info("ending", log_str("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"));
  manager->stopping = true;
  queue_pause(manager->queue, true);
  manager->drain_until_ms = loop_now_ms(manager->loop) + DRAIN_MS;
  on_drain(&manager->drain);
}

/* ---- probes and metrics ---- */

static int answer_probe(void *owner, const char *path, struct buffer *body, const char **content_type) {
  struct manager *manager = owner;
  (void)content_type;
  if (!strcmp(path, "/healthz")) return buffer_puts(body, "ok\n"), 200;
  if (strcmp(path, "/readyz") != 0) return 404;
  struct buffer why;
  buffer_init(&why, 1024);
  const char *stale = caches_synced(manager->caches) ? caches_stale(manager->caches, &why) : "the first lists are not complete";
  int status = stale ? 503 : 200;
  buffer_printf(body, "%s\n", stale ? stale : "ok");
  buffer_done(&why);
  return status;
}

static void tell_keys(void *owner, const char *key, const void *stack) {
  struct manager *manager = owner;
  (void)key;
  report_keys(manager->metrics, stack, clock_real_ms());
}

static int answer_metrics(void *owner, const char *path, struct buffer *body, const char **content_type) {
  struct manager *manager = owner;
  if (strcmp(path, "/metrics") != 0) return 404;
  report_queue(manager->metrics, CONTROLLER, queue_counts(manager->queue));
  report_requests(manager->metrics, manager->client);
  report_caches(manager->metrics, manager->caches);
  caches_each_stack(manager->caches, tell_keys, manager);
  metrics_set(manager->metrics, METRIC_LEADER, manager->leads, LEASE_NAME);
  metrics_read_process(manager->metrics);
  metrics_print(manager->metrics, body);
  *content_type = METRICS_CONTENT_TYPE;
  return 200;
}

/* ---- wiring ---- */

static int connect_api(struct manager *manager, struct error *error) {
  const struct settings *s = manager->settings;
  manager->config = kube_config_load(&(struct kube_config_source){.files = *s->kubeconfig ? s->kubeconfig : NULL}, error);
  if (!manager->config) return -1;
  manager->client = kube_client_new(
      manager->loop, manager->config,
      &(struct kube_client_options){.user_agent = "supernova-operator/" SUPERNOVA_VERSION, .max_in_flight = (unsigned)s->max_in_flight},
      error);
  if (!manager->client) return -1;
  manager->events = events_new(
      manager->client, &(struct event_recorder_options){.controller = STACK_GROUP "/supernova-operator", .instance = s->identity}, error);
  return manager->events ? 0 : -1;
}

static int start_engine(struct manager *manager, struct error *error) {
  const struct settings *s = manager->settings;
  manager->queue = queue_new(manager->loop, WORKERS, work, manager);
  if (!manager->queue) return error_oom(error);
  queue_pause(manager->queue, true);
  manager->caches = caches_new(&(struct caches_options){.client = manager->client,
                                                        .namespaces = (const char *const *)s->namespaces,
                                                        .changed = on_change,
                                                        .listed = look_at_all,
                                                        .owner = manager},
                               error);
  if (!manager->caches) return -1;
  manager->discovery =
      discovery_new(manager->client,
                    &(struct discovery_options){
                        .resources = discovered, .interval_ms = s->discovery_s * 1000, .on_answer = on_discovery, .owner = manager},
                    error);
  if (!manager->discovery) return -1;
  manager->offload = offload_new(manager->loop, error);
  if (!manager->offload) return -1;
  manager->prober = prober_new(
      &(struct prober_options){.client = manager->client, .access = s->pod_access, .http_port = PORT_HTTP, .metrics_port = PORT_METRICS},
      error);
  if (!manager->prober) return -1;
  manager->reconciler = reconciler_new(&(struct reconciler_options){.client = manager->client,
                                                                    .events = manager->events,
                                                                    .caches = manager->caches,
                                                                    .offload = manager->offload,
                                                                    .prober = manager->prober,
                                                                    .companion_image = s->server_image,
                                                                    .pagerduty_url = s->pagerduty_url,
                                                                    .finished = on_finished,
                                                                    .delivered = on_delivered,
                                                                    .owner = manager},
                                       error);
  if (!manager->reconciler) return -1;
  int64_t duration_ms = s->lease_duration_s * 1000;
  manager->lease = lease_new(manager->client,
                             &(struct lease_options){.namespace = s->own_namespace,
                                                     .name = LEASE_NAME,
                                                     .identity = s->identity,
                                                     .duration_ms = duration_ms,
                                                     .renew_deadline_ms = duration_ms * 2 / 3,
                                                     .retry_ms = duration_ms * 2 / 15,
                                                     .on_change = on_leadership,
                                                     .owner = manager},
                             error);
  return manager->lease ? 0 : -1;
}

static int listen_ports(struct manager *manager, struct error *error) {
  const struct settings *s = manager->settings;
  manager->metrics = metrics_new();
  if (!manager->metrics) return error_oom(error);
  metrics_set(manager->metrics, METRIC_BUILD_INFO, 1, SUPERNOVA_VERSION);
  manager->probe_server = probes_start(
      manager->loop, &(struct probes_options){.port = (uint16_t)s->probe_port, .answer = answer_probe, .owner = manager}, error);
  if (!manager->probe_server) return error_wrap(error, "listen for probes");
  manager->metrics_server = probes_start(
      manager->loop, &(struct probes_options){.port = (uint16_t)s->metrics_port, .answer = answer_metrics, .owner = manager}, error);
  return manager->metrics_server ? 0 : error_wrap(error, "listen for metrics");
}

static int watch_signals(struct manager *manager, struct error *error) {
  if (loop_on_signal(manager->loop, SIGTERM, on_signal, manager, error) < 0) return -1;
  return loop_on_signal(manager->loop, SIGINT, on_signal, manager, error);
}

struct manager *manager_new(struct loop *loop, const struct settings *settings, struct error *error) {
  struct manager *manager = calloc(1, sizeof *manager);
  if (!manager) return (void)error_oom(error), NULL;
  manager->loop = loop;
  manager->settings = settings;
  timer_init(&manager->sync, loop, on_sync_timer);
  timer_init(&manager->drain, loop, on_drain);
  if (watch_signals(manager, error) < 0 || connect_api(manager, error) < 0 || start_engine(manager, error) < 0 ||
      listen_ports(manager, error) < 0)
    return manager_free(manager), NULL;
  return manager;
}

void manager_free(struct manager *manager) {
  if (!manager) return;
  timer_stop(&manager->sync);
  timer_stop(&manager->drain);
  probes_stop(manager->probe_server);
  probes_stop(manager->metrics_server);
  lease_free(manager->lease);
  reconciler_free(manager->reconciler);
  prober_free(manager->prober);
  offload_free(manager->offload);
  discovery_free(manager->discovery);
  caches_free(manager->caches);
  queue_free(manager->queue);
  events_free(manager->events);
  kube_client_free(manager->client);
  kube_config_free(manager->config);
  metrics_free(manager->metrics);
  free(manager);
}

int manager_exit_status(const struct manager *manager) { return manager->exit_status; }
