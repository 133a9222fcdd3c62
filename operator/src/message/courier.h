/* Carries messages from a stack's outbox (outbox.h) to their receivers, beside the rounds: a receiver that hangs holds nobody up.
 *
 *     courier_send(courier, stack, "msg-3fdba35f04");         then delivered(owner, "shop/web", "team", &delivery), once
 *     ... DELIVERY_TAKEN: its entry may go; FAILED: once more, later; REFUSED: the receiver will never take it
 *
 * One sending a stack at a time (the caller sees to that). The Secret is read anew for each: what was mended counts at once, and nothing of it is kept. A
 * receiver has 10 s; redirects are not followed; what it answers is looked at for its status alone. 2xx: taken. 400, 410, 413 and 422: refused, the same
 * words will not do better. Everything else: failed. Addresses and keys are in no log, event or status.
 *
 * delivered may be called from within courier_send. After courier_free nothing is called; what was sent may still arrive.
 */
#pragma once

#include "kube/client.h"
#include "message/delivery.h"
#include "stack/stack.h"

struct courier;

struct courier_options {
  struct kube_client *client; /* borrowed; its loop is ours */
  const char *pagerduty_url;  /* borrowed */
  void (*delivered)(void *owner, const char *key, const char *receiver, const struct delivery *delivery);
  void *owner;
};

struct courier *courier_new(const struct courier_options *options, struct error *error);
void courier_free(struct courier *courier); /* accepts NULL */

/* The entry ID of STACK's status; NOW_MS: real time, for the signature. */
void courier_send(struct courier *courier, const struct stack *stack, const char *id, int64_t now_ms);
