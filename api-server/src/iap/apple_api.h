/* The App Store Server API: asks Apple for what it has to say, in texts that it signs. Each call bears a token of its own (ES256, RFC 7519).
 *
 *     apple_api_get_transaction(api, &me->call, "2000000012345678", &error);
 *     static void on_answer(struct apple_call *call, const cJSON *json, const struct error *error) { … "signedTransactionInfo" … }
 *
 * A transaction is asked for in production first, and in the sandbox where production doesn't know it, as Apple advises; IAP_USE_SANDBOX: in
 * the sandbox alone. With APPLE_API_BASE both are there: the sandbox at /sandbox below it.
 * Errors of an answer: ERROR_RETRY (away, slow, throttled, answers nonsense, or doesn't let us in, which people must mend; `cause` is the
 * status where there was one), ERROR_NOT_FOUND (Apple doesn't know it, in either place).
 * Sources: App Store Server API, "Generating JSON Web Tokens for API requests", Get Transaction Info, Get Notification History.
 */
#pragma once

#include "codec/json.h"
#include "iap/store_call.h"
#include "settings/settings.h"

struct es256_key;

struct apple_api {
  const struct settings *settings;
  struct http_client *client;
  struct es256_key *key; /* NULL: APPLE_PRIVATE_KEY isn't set */
  unsigned calls;
};

/* Embedded in what waits for it. */
struct apple_call {
  /* JSON (borrowed) or ERROR. */
  void (*done)(struct apple_call *call, const cJSON *json, const struct error *error);
  const char *traceparent; /* as of store_request; borrowed until `done` */

  /* its own */
  struct apple_api *api; /* NULL: not under way */
  struct http_transfer *transfer;
  char id[65];
  bool in_sandbox, sandbox_next;
};

/* CLIENT is borrowed. ERROR_INVALID where APPLE_PRIVATE_KEY is malformed. */
int apple_api_init(struct apple_api *api, const struct settings *settings, struct http_client *client, struct error *error) _must_check_;
void apple_api_done(struct apple_api *api); /* accepts one that is zeroed; no call may be under way */

/* The setting that is missing; NULL: none. */
const char *apple_api_missing(const struct apple_api *api);

/* `done` is called exactly once, later, unless these fail or the call is cancelled. ID: 1 to 64 digits. */
int apple_api_get_transaction(struct apple_api *api, struct apple_call *call, const char *id, struct error *error) _must_check_;

/* Notifications from START_MS to END_MS, whether they reached us or not, 20 a page; PAGE is the paginationToken of the one before, or NULL. */
int apple_api_list_notifications(struct apple_api *api, struct apple_call *call, int64_t start_ms, int64_t end_ms, const char *page,
                                 struct error *error) _must_check_;

void apple_api_cancel(struct apple_call *call); /* fine when not under way */
