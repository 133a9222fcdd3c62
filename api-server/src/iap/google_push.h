/* Who pushes: the OpenID Connect token that Google Cloud Pub/Sub sends along (Pub/Sub, "Authenticate push subscriptions"), checked against
 * Google's published keys.
 *
 *     google_push_check(&push, &me->check, authorization, n);       // me->check.done is called, now or later
 *
 * RS256 by a key of GOOGLE_CERTS_URL; iss is Google's; aud is GOOGLE_PUSH_AUDIENCE; email is GOOGLE_PUSH_EMAIL and verified; exp. The keys are
 * kept as long as Google says (an hour where it doesn't), asked for once however many wait, asked for early where a kid is unknown (at
 * most each 30 s), and used beyond their time where Google is away.
 */
#pragma once

#include "iap/store_call.h"
#include "settings/settings.h"

struct jwks;
struct google_push_check;

struct google_push {
  const struct settings *settings;
  struct http_client *client;
  struct jwks *keys;                /* NULL: never had any */
  int64_t fresh_until_ms, asked_ms; /* monotonic */
  struct http_transfer *transfer;
  struct google_push_check *waiting;
};

/* Embedded in what waits for it. */
struct google_push_check {
  /* REFUSAL NULL: let in. ERROR: it can't be said now, Google's keys are not to be had. Neither holds anything of the token. */
  void (*done)(struct google_push_check *check, const char *refusal, const struct error *error);
  const char *traceparent; /* as of store_request; borrowed until google_push_check returns */

  /* its own */
  char *token;
  struct google_push_check *next, **previous; /* `previous` is NULL while it doesn't wait */
};

void google_push_init(struct google_push *push, const struct settings *settings, struct http_client *client);
void google_push_done(struct google_push *push); /* accepts one that is zeroed; who waits isn't called back */

/* The setting that is missing; NULL: none. */
const char *google_push_missing(const struct google_push *push);

/* TOKEN (not terminated) is copied. `done` may be called before this returns. */
void google_push_check(struct google_push *push, struct google_push_check *check, const char *token, size_t n);
void google_push_cancel(struct google_push_check *check); /* fine when it doesn't wait */
