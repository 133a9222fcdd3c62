/* What the HTTP client's own files share.
 *
 * libcurl must not be entered again from within its own callbacks, and those call our users, who may send and cancel as they like. So a
 * request is first queued, and a task hands it over; what is cancelled while libcurl runs is dropped by that same task.
 */
#pragma once

#include "base/buffer.h"
#include "net/http_client.h"

#include <curl/curl.h>

enum { HTTP_IDLE_HANDLES = 4, HTTP_DEFAULT_MAX_RESPONSE = 4 << 20, HTTP_DEFAULT_CONNECT_TIMEOUT_MS = 10000 };

enum transfer_state { TRANSFER_QUEUED, TRANSFER_RUNNING, TRANSFER_DROPPED, TRANSFER_DONE };

struct http_transfer {
  struct http_client *client;
  struct http_transfer *next, **previous; /* in the client's list for its state */
  enum transfer_state state;
  CURL *easy;
  struct curl_slist *headers, *connect_to;
  char *body;
  struct buffer answer;
  bool too_large;
  bool may_be_private;  /* where the client refuses private addresses: this host is excepted */
  bool address_refused; /* one was */
  void (*on_data)(void *owner, const char *bytes, size_t n);
  void (*on_done)(void *owner, const struct http_response *response);
  void *owner;
};

struct http_socket {
  struct io io;
  struct http_client *client;
  struct http_socket *next, **previous;
};

struct http_client {
  struct loop *loop;
  CURLM *multi;
  struct timer timer;
  struct task task;
  bool due;        /* libcurl asked to be called at once */
  bool in_curl;    /* its callbacks are on the stack */
  bool suspicious; /* the last one timed out: the connection may be dead without TCP knowing yet */
  bool http1_seen;

  struct http_transfer *queued, **queued_end; /* first in, first out */
  struct http_transfer *running, *dropped;
  struct http_socket *sockets;
  unsigned active;
  CURL *idle[HTTP_IDLE_HANDLES];
  unsigned idle_count;

  char *user_agent, *ca_pem, *ca_file, *certificate_pem, *key_pem, *tls_server_name, *proxy, *private_hosts;
  bool insecure_skip_verify, http1_only, refuse_private;
  int64_t connect_timeout_ms;
};

/* http_transfer.c */
struct http_transfer *transfer_new(struct http_client *client, const struct http_request *request, struct error *error);
void transfer_free(struct http_transfer *transfer);
void transfer_complete(struct http_transfer *transfer, CURLcode result); /* calls on_done and frees */

/* http_error.c: what a person can act on; NONE for CURLE_OK. */
void http_error_of(const struct http_transfer *transfer, CURLcode result, struct error *ret_error);
