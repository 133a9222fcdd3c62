/* From the operator's parts to its metrics: which number is told under which name. */
#pragma once

#include "runtime/caches.h"
#include "runtime/metrics.h"
#include "runtime/queue.h"
#include "stack/reconcile.h"
#include "stack/stack.h"

void report_round(struct metrics *metrics, const char *controller, const struct reconcile_result *result, bool failed);
void report_stack(struct metrics *metrics, const struct stack *stack, const char *companion_image);
/* Called for each scrape: an age grows by itself. */
void report_keys(struct metrics *metrics, const struct stack *stack, int64_t now_ms);
void report_pods(struct metrics *metrics, const struct stack *stack, const struct caches *caches);
void report_delivery(struct metrics *metrics, const char *namespace, const char *name, const char *receiver,
                     const struct delivery *delivery);
void report_wait(struct metrics *metrics, const char *controller, int64_t waited_ns);
void report_queue(struct metrics *metrics, const char *controller, struct queue_counts counts);
void report_requests(struct metrics *metrics, struct kube_client *client);
void report_caches(struct metrics *metrics, const struct caches *caches);
