#include "release/new_pods.h"

#include <string.h>

static bool same(const char *a, const char *b) { return a && b ? !strcmp(a, b) : a == b; }

static bool is_of(const struct child *pod, const struct deployment_facts *d) {
  const struct pod_facts *p = &pod->pod;
  bool runs = !pod->deleting && !p->failed && !p->succeeded && p->component && !strcmp(p->component, "server");
  return runs && p->content_hash && same(p->content_hash, d->content_hash) && same(p->secret_hash, d->secret_hash) &&
         same(p->restarted_at, d->restarted_at);
}

const struct child *new_pods_next(const struct observation *o, const struct deployment_facts *deployment, size_t *at) {
  const struct child_list *pods = &o->children[RESOURCE_POD];
  while (*at < pods->count) {
    const struct child *pod = pods->items[(*at)++];
    if (is_of(pod, deployment)) return pod;
  }
  return NULL;
}

struct new_pods new_pods_of(const struct observation *o, const struct deployment_facts *deployment) {
  struct new_pods all = {0};
  const struct child *pod;
  for (size_t i = 0; (pod = new_pods_next(o, deployment, &i));) {
    all.count++;
    all.ready += pod->pod.ready;
    if (pod->pod.ready && pod->pod.ready_since_ms > all.last_ready_ms) all.last_ready_ms = pod->pod.ready_since_ms;
  }
  return all;
}
