/* Whether the API server serves resources that not every cluster has: asked at start, and again and again from then on.
 *
 *     static const struct kube_resource *const wanted[] = {&service_monitors, &prometheus_rules, NULL};       one group and version
 *     struct discovery *discovery = discovery_new(client, &(struct discovery_options){.resources = wanted, .on_answer = look, .owner = me}, &error);
 *     static void look(void *owner, uint64_t served) { if (served & 1) ... }                 bit i: resources[i] is served
 *
 * What the group is made of needs no right of its own (system:discovery). An API that is not served, or that nobody may ask for, has no bits. A
 * question that gets no answer changes nothing and is asked again (0.8 s doubling to the interval). (API reference: APIResourceList; API concepts:
 * discovery.) Lives on the client's loop.
 */
#pragma once

#include "kube/client.h"

struct discovery;

struct discovery_options {
  const struct kube_resource *const *resources; /* of one group and version; ends with NULL, at most 64; borrowed */
  int64_t interval_ms;
  void (*on_answer)(void *owner, uint64_t served); /* each time, also when nothing has changed; never before discovery_new has returned */
  void *owner;
};

struct discovery *discovery_new(struct kube_client *client, const struct discovery_options *options, struct error *error);
void discovery_free(struct discovery *discovery); /* accepts NULL */

DEFINE_CLEANUP(struct discovery, discovery_freep, discovery_free)
