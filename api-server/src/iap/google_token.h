/* Access tokens for Google's APIs, had with a service account's key (RFC 7523; Google, "Using OAuth 2.0 for Server to Server Applications").
 *
 * One at a time is asked for, however many wait; it is kept until 300 s before its end.
 *
 *     const char *token = NULL;
 *     if (google_token_get(&tokens, &me->wait, &token, &error) < 0) ...
 *     if (!token) ...                                        // me->wait.done is called, later
 */
#pragma once

#include "iap/store_call.h"
#include "settings/settings.h"

struct rsa_key;
struct google_token_wait;

struct google_tokens {
  const struct settings *settings;
  struct http_client *client;
  struct rsa_key *key; /* NULL: GOOGLE_SERVICE_ACCOUNT_KEY isn't set */
  char *email, *kid;
  char *token;           /* NULL: there was none yet */
  unsigned number;       /* its: how many there were */
  int64_t good_until_ms; /* monotonic */
  struct http_transfer *transfer;
  struct google_token_wait *waiting;
};

struct google_token_wait {
  /* Exactly one of the two. Called from the loop, never from within google_token_get. */
  void (*done)(struct google_token_wait *wait, const char *token, const struct error *error);
  const char *traceparent;                    /* of whoever is the first to wait; borrowed until google_token_get returns */
  struct google_token_wait *next, **previous; /* its own; `previous` is NULL while it doesn't wait */
};

/* ERROR_INVALID where the key is set and malformed. CLIENT may be NULL, to check the settings alone. */
int google_tokens_init(struct google_tokens *tokens, const struct settings *settings, struct http_client *client,
                       struct error *error) _must_check_;
void google_tokens_done(struct google_tokens *tokens); /* accepts one that is zeroed; who waits isn't called back */

/* RET_TOKEN is borrowed until the loop turns, or stays NULL where WAIT waits. What either is given is the token of tokens->number. */
int google_token_get(struct google_tokens *tokens, struct google_token_wait *wait, const char **ret_token,
                     struct error *error) _must_check_;
void google_token_cancel(struct google_token_wait *wait); /* fine when it doesn't wait */

/* Google didn't take the token of that NUMBER, which is given up; a newer one stays, however late the older one's refusal came. */
void google_tokens_forget(struct google_tokens *tokens, unsigned number);
