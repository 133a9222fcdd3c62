/* An HTTP client on the loop (libcurl's multi interface), with its own connections: HTTP/2 multiplexed over TLS, else HTTP/1.1.
 *
 *     struct http_client *client = http_client_new(loop, &(struct http_client_options){.user_agent = "me/1", .ca_pem = pem}, &error);
 *     struct http_transfer *get = http_send(client, &(struct http_request){.url = "https://10.0.0.1:6443/version",
 *                                                                          .timeout_ms = 5000, .on_done = on_done, .owner = me}, &error);
 *     static void on_done(void *owner, const struct http_response *response) {
 *       if (response->error.kind) ...  // nothing came: "https://10.0.0.1:6443: connection refused"
 *       else if (response->status == 200) use(response->body, response->body_len);
 *     }
 *
 * An address is looked at when it is connected to, so a name that changes its address in between gains nothing. What is refused so is ERROR_FORBIDDEN.
 *
 * Exactly one on_done for each http_send that did not fail, never before http_send has returned; none after http_cancel. Redirects are not
 * followed, cookies are not kept, nothing of a body or a header is ever logged. Text in options and requests is copied.
 * Idle connections are kept and used again; one that is dead is found by TCP's keep-alive and user time-out within 30 s.
 * What a reused connection swallowed without a byte of an answer is sent once more on a new one, whatever its method.
 * The program ignores SIGPIPE. From within a callback everything is allowed but http_client_free of the very client that calls.
 */
#pragma once

#include "base/error.h"
#include "net/loop.h"

struct http_client;
struct http_transfer; /* one exchange; gone once on_done was called or http_cancel returned */

struct http_client_options {
  const char *user_agent;
  const char *ca_pem;                    /* trusted authorities; NULL: ca_file, else the system's */
  const char *ca_file;                   /* of PEM, read at each new connection */
  const char *certificate_pem, *key_pem; /* the client's own; both or none */
  const char *tls_server_name;           /* NULL: the host of the URL. The connection still goes to the URL's host */
  const char *proxy;                     /* "http://proxy:3128"; NULL: as https_proxy, http_proxy and no_proxy say; "": none */
  bool insecure_skip_verify;
  bool http1_only;
  bool refuse_private;        /* connects to public addresses alone (net/address.h), and never through a proxy, which would hide them */
  const char *private_hosts;  /* with refuse_private: these may be at any address all the same; separated by commas or spaces */
  unsigned max_connections;   /* to one host over HTTP/2, 0: no bound; lifted by itself where the peer speaks only HTTP/1.1 */
  int64_t connect_timeout_ms; /* name, TCP and TLS; 0: 10 s */
};

struct http_response {
  int status;       /* 0: no answer */
  const char *body; /* NUL-terminated, never NULL; empty where on_data had it. Borrowed until on_done returns */
  size_t body_len;
  int64_t date_ms;        /* the peer's Date header; 0: none */
  int64_t retry_after_ms; /* from now; 0: none (RFC 9110, 10.2.3: seconds or a date) */
  struct error error;     /* ERROR_NONE when there was an answer, whatever its status */
  struct http_transfer *transfer;
};

struct http_request {
  const char *method; /* NULL: GET */
  const char *url;
  const char *const *headers; /* "Accept: application/json", …, NULL; or NULL */
  const void *body;
  size_t body_len;
  int64_t timeout_ms;  /* for the whole exchange; 0: none */
  int64_t stall_ms;    /* ends when not a byte a second has come for so long; 0: never; in whole seconds */
  size_t max_response; /* bytes collected in `body`; more is an ERROR_INVALID. 0: 4 MB */

  /* Where set, the body of a 2xx answer goes here as it comes; every other body is collected. */
  void (*on_data)(void *owner, const char *bytes, size_t n);
  void (*on_done)(void *owner, const struct http_response *response);
  void *owner;
};

struct http_client *http_client_new(struct loop *loop, const struct http_client_options *options, struct error *error);
void http_client_free(struct http_client *client); /* cancels all of its transfers; accepts NULL */

/* NULL without memory or for what is no HTTP URL. */
struct http_transfer *http_send(struct http_client *client, const struct http_request *request, struct error *error) _must_check_;
void http_cancel(struct http_transfer *transfer); /* accepts NULL */

/* From the next request on; running ones end as they began. */
int http_client_set_certificate(struct http_client *client, const char *certificate_pem, const char *key_pem,
                                struct error *error) _must_check_;

/* Transfers under way or waiting. */
unsigned http_client_active(const struct http_client *client);

/* The value of a header of the answer, NULL when absent. Only within on_done. */
const char *http_response_header(const struct http_response *response, const char *name);

DEFINE_CLEANUP(struct http_client, http_client_freep, http_client_free)
