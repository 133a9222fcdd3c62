/* Requests to the API server: over lanes, bounded, obeying 429, with the API's own words in errors.
 *
 *     struct kube_call *call = kube_send(client, &(struct kube_request){.method = "PATCH", .path = buffer_text(&path),
 *         .content_type = KUBE_APPLY, .body = text, .body_len = n, .on_done = on_done, .owner = me}, &error);
 *     static void on_done(void *owner, const struct kube_response *response) {
 *       switch (response->error.kind) { case ERROR_NONE: …; case ERROR_CONFLICT: …; case ERROR_EXISTS: …; default: retry }
 *     }
 *
 * Exactly one on_done for each kube_send that did not fail, never before kube_send has returned; none after kube_cancel.
 * Lanes: each has HTTP/2 connections of its own, so that a full watch connection never holds a write or the Lease (the API server allows
 * 100 streams on one; we use 80). CALLS wait in a first-in-first-out queue for one of max_in_flight places, and all of them for as long as a
 * 429 with Retry-After asked; WATCH and LEASE never wait.
 * Credentials (token file, exec plugin, certificate) are looked up for each request; a 401 makes them be fetched anew, once a request.
 * Lives on the client's loop. Nothing of a body or a token is ever logged.
 */
#pragma once

#include "codec/json.h"
#include "kube/config.h"
#include "kube/path.h"
#include "net/loop.h"

#define KUBE_APPLY       "application/apply-patch+yaml" /* server-side apply; JSON is YAML */
#define KUBE_MERGE_PATCH "application/merge-patch+json"
#define KUBE_JSON_PATCH  "application/json-patch+json"

struct kube_client;
struct kube_call; /* one request; gone once on_done was called or kube_cancel returned */

enum kube_lane { KUBE_LANE_CALLS, KUBE_LANE_WATCH, KUBE_LANE_LEASE };

struct kube_client_options {
  const char *user_agent;
  unsigned max_in_flight; /* of KUBE_LANE_CALLS; 0: 32 */
};

/* ERROR_NONE is any 2xx. Else, by status and Status.reason: 404 NOT_FOUND, 409 CONFLICT or (AlreadyExists) EXISTS, 410 GONE, 400, 405, 413,
 * 415 and 422 INVALID, 401 and 403 FORBIDDEN, 429 THROTTLED (after_ms from Retry-After), the rest and no answer at all RETRY. error.cause is
 * the HTTP status, error.message the API's Status.message. */
struct kube_response {
  int status;       /* 0: no answer */
  const char *body; /* NUL-terminated, never NULL; borrowed until on_done returns */
  size_t body_len;
  struct error error;
};

struct kube_request {
  const char *method;                /* NULL: GET */
  const char *path;                  /* with its query: kube_path, kube_query */
  const char *content_type, *accept; /* NULL: application/json */
  const char *body;                  /* copied */
  size_t body_len;
  int64_t timeout_ms;  /* from when it leaves the queue; 0: 30 s; -1: none */
  size_t max_response; /* 0: 16 MB */
  enum kube_lane lane;
  void (*on_data)(void *owner, const char *bytes, size_t n); /* the body of a 2xx as it comes, instead of collecting it; NULL: collect */
  void (*on_done)(void *owner, const struct kube_response *response);
  void *owner;
};

/* CONFIG is borrowed and must outlive the client. */
struct kube_client *kube_client_new(struct loop *loop, const struct kube_config *config, const struct kube_client_options *options,
                                    struct error *error);
void kube_client_free(struct kube_client *client); /* cancels all calls; not from within one of its callbacks; accepts NULL */

/* NULL without memory. */
struct kube_call *kube_send(struct kube_client *client, const struct kube_request *request, struct error *error) _must_check_;
void kube_cancel(struct kube_call *call); /* accepts NULL */

/* The answer as a tree, which the caller owns. */
int kube_response_parse(const struct kube_response *response, cJSON **ret, struct error *error) _must_check_;

struct loop *kube_client_loop(const struct kube_client *client);
const struct kube_config *kube_client_config(const struct kube_client *client);
/* The API server's clock less ours, to a second, by the last answer with a Date (a watch's is as old as the watch, and does not count); 0: none yet. */
int64_t kube_client_skew_ms(const struct kube_client *client);
unsigned kube_client_in_flight(const struct kube_client *client); /* calls that are sent or wait; not watches, not the Lease */

/* For rest_client_requests_total{method,code}; code 0 is a request without an answer. Borrowed until the next turn of the loop. */
struct kube_request_count {
  const char *method;
  int code;
  uint64_t count;
};
const struct kube_request_count *kube_client_counts(const struct kube_client *client, size_t *ret_n);

DEFINE_CLEANUP(struct kube_client, kube_client_freep, kube_client_free)
