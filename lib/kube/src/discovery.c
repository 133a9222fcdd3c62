#include "kube/discovery.h"

#include "base/backoff.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_RETRY_MS = 800 };

struct discovery {
  struct kube_client *client;
  struct discovery_options options;
  struct kube_call *call;
  struct timer next;
  struct backoff backoff;
};

static bool is_listed(const cJSON *list, const struct kube_resource *resource) {
  const cJSON *item;
  cJSON_ArrayForEach(item, json_member(list, "resources")) {
    if (!strcmp(json_string(item, "name", ""), resource->plural)) return true;
  }
  return false;
}

static uint64_t find_served(const struct kube_resource *const *resources, const cJSON *list) {
  uint64_t served = 0;
  for (size_t i = 0; resources[i]; i++)
    if (is_listed(list, resources[i])) served |= UINT64_C(1) << i;
  return served;
}

/* 0 with a list, or with NULL where there is no such API for us. */
static int read_answer(const struct kube_response *response, cJSON **ret) {
  *ret = NULL;
  if (response->error.kind == ERROR_NOT_FOUND || response->status == 403) return 0;
  if (response->error.kind != ERROR_NONE || kube_response_parse(response, ret, NULL) < 0) return -1;
  return strcmp(json_string(*ret, "kind", ""), "APIResourceList") ? -1 : 0;
}

static void ask_in(struct discovery *discovery, int64_t delay_ms) {
  if (timer_set(&discovery->next, delay_ms) < 0) log_warn("out of memory: optional APIs are not looked for any more");
}

static void on_done(void *owner, const struct kube_response *response) {
  struct discovery *discovery = owner;
  _cleanup_(json_freep) cJSON *list = NULL;
  discovery->call = NULL;
  bool answered = read_answer(response, &list) == 0;
  if (answered) backoff_reset(&discovery->backoff);
  ask_in(discovery, answered ? discovery->options.interval_ms : backoff_next(&discovery->backoff));
  if (answered) discovery->options.on_answer(discovery->options.owner, find_served(discovery->options.resources, list));
}

static void on_time(struct timer *timer) {
  struct discovery *discovery = CONTAINER_OF(timer, struct discovery, next);
  const struct kube_resource *first = discovery->options.resources[0];
  char path[256];
  (void)snprintf(path, sizeof path, "/apis/%s/%s", first->group, first->version);
  discovery->call = kube_send(discovery->client, &(struct kube_request){.path = path, .on_done = on_done, .owner = discovery}, NULL);
  if (!discovery->call) ask_in(discovery, discovery->options.interval_ms);
}

struct discovery *discovery_new(struct kube_client *client, const struct discovery_options *options, struct error *error) {
  _cleanup_(discovery_freep) struct discovery *discovery = calloc(1, sizeof *discovery);
  if (!discovery) return (void)error_oom(error), NULL;
  discovery->client = client;
  discovery->options = *options;
  discovery->backoff = (struct backoff){.initial_ms = FIRST_RETRY_MS, .max_ms = options->interval_ms, .jitter = true};
  timer_init(&discovery->next, kube_client_loop(client), on_time);
  if (timer_set(&discovery->next, 0) < 0) return (void)error_oom(error), NULL;
  return TAKE(discovery);
}

void discovery_free(struct discovery *discovery) {
  if (!discovery) return;
  kube_cancel(discovery->call);
  timer_stop(&discovery->next);
  free(discovery);
}
