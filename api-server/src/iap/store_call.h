/* One exchange with a store: what calls of Google and of the App Store have in common. Each goes once, within a bounded time; an access token never gets
 * into a log.
 *
 *     transfer = store_send(client, &(struct store_request){.url = url, .bearer = token, .on_done = on_answer, .owner = me}, &error);
 *
 *     static const struct store_refusal refusals[] = {{404, ERROR_NOT_FOUND, "Google doesn't know it"}, {0, ERROR_RETRY, "Google can't answer"}};
 *     if (store_check(response, "ask Google", refusals, &error) < 0) ...         // "Google doesn't know it (404)"
 */
#pragma once

#include "net/http_client.h"

enum { STORE_TIMEOUT_MS = 4000, STORE_CALLS_MAX = 256 }; /* of one exchange; of a store's under way at once, of one worker */

/* Everything is copied, but the owner. */
struct store_request {
  const char *url;
  const char *bearer;       /* the access token; NULL: none */
  const char *traceparent;  /* W3C Trace Context: for whose sake we ask; NULL: of our own accord */
  const char *content_type; /* of the body; NULL: JSON */
  const char *body;         /* NULL: it is a GET, else a POST */
  size_t body_len;
  size_t max_response;
  void (*on_done)(void *owner, const struct http_response *response);
  void *owner;
};

struct http_transfer *store_send(struct http_client *client, const struct store_request *request, struct error *error) _must_check_;

/* What a status means. The last row's is 0: all others that are not 2xx. */
struct store_refusal {
  int status;
  enum error_kind kind;
  const char *sentence;
};

/* -1 where nothing came (ERROR as it was, WHAT before it), or what did is not 2xx (its status is the error's `cause`). */
int store_check(const struct http_response *response, const char *what, const struct store_refusal *refusals,
                struct error *error) _must_check_;
