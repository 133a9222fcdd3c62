/* One stack's rounds: observe, plan, apply, send what is to be told, and what is remembered between them to spare requests (never to decide by: a fresh process comes to
 * the same end).
 *
 *     reconciler_run(reconciler, "shop/web");      // ... then finished(owner, "shop/web", result) exactly once
 *
 * A round waits for the caches to show its own last writes, reads the Secrets that have changed (the watches show their metadata alone), and looks again at
 * objects in its way. Lives on the loop; at most one round a key at a time (the queue sees to that).
 */
#pragma once

#include "kube/client.h"
#include "kube/events.h"
#include "message/delivery.h"
#include "net/offload.h"
#include "runtime/caches.h"

struct reconciler;

struct reconcile_result {
  /* WAITS: nothing was decided, the caches have yet to show our own writes; RETRY: with back-off; GONE: there is no such stack any more */
  enum { RECONCILED, RECONCILE_WAITS, RECONCILE_RETRY, RECONCILE_GONE } outcome;
  int64_t look_again_ms; /* 0: when something changes */
  int64_t took_ns;
  struct error error; /* of RETRY; ERROR_CONFLICT and ERROR_NONE are not worth a log line */
};

struct reconciler_options {
  struct kube_client *client;
  struct event_recorder *events;
  const struct caches *caches;
  struct offload *offload; /* makes keys; outlives the reconciler */
  struct prober *prober;   /* asks pods how they serve; likewise */
  const char *companion_image, *pagerduty_url;
  void (*finished)(void *owner, const char *key, const struct reconcile_result *result);
  /* A message to RECEIVER came out so: the stack is to be looked at again. */
  void (*delivered)(void *owner, const char *key, const char *receiver, const struct delivery *delivery);
  void *owner;
};

struct reconciler *reconciler_new(const struct reconciler_options *options, struct error *error);
void reconciler_free(struct reconciler *reconciler); /* cancels rounds under way; accepts NULL */
void reconciler_run(struct reconciler *reconciler, const char *key);
