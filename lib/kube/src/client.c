#include "kube/client.h"

#include "answer.h"
#include "credentials.h"

#include "base/clock.h"
#include "net/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  STREAMS_A_CONNECTION = 80, /* the API server allows 100 */
  MAX_COUNTS = 64,
  DEFAULT_IN_FLIGHT = 32,
  DEFAULT_TIMEOUT_MS = 30000,
  DEFAULT_MAX_RESPONSE = 16 << 20,
  MAX_PAUSE_MS = 60000,
};

enum call_state { CALL_QUEUED, CALL_SENT, CALL_DONE };

struct connection {
  struct http_client *http;
  unsigned streams, serial; /* serial: of the certificate that it was given */
  struct connection *next;
};

struct kube_call {
  struct kube_client *client;
  struct kube_call *next, **previous;
  enum call_state state;
  enum kube_lane lane;
  struct connection *connection; /* of CALL_SENT */
  struct http_transfer *transfer;
  char *method, *path, *content_type, *accept, *body;
  size_t body_len, max_response;
  int64_t timeout_ms;
  unsigned serial; /* of the credentials that it bore */
  bool asked_again;
  void (*on_data)(void *owner, const char *bytes, size_t n);
  void (*on_done)(void *owner, const struct kube_response *response);
  void *owner;
};

struct call_list {
  struct kube_call *first, **end;
};

struct kube_client {
  struct loop *loop;
  const struct kube_config *config;
  char *user_agent;
  struct credentials *credentials;
  struct connection *connections[3]; /* by lane; only the watches' has more than one */
  struct call_list queued[3], sent;  /* queued by lane: what waits for a place, for credentials, or for this turn's end */
  unsigned max_in_flight, in_flight, waiting;
  int64_t paused_until_ms;
  int64_t skew_ms;
  struct timer resume;
  struct task task;
  struct kube_request_count counts[MAX_COUNTS];
  size_t counts_used;
};

/* --- lists ---------------------------------------------------------------------------------------------------------------------- */

static void append(struct call_list *list, struct kube_call *call) {
  call->next = NULL;
  call->previous = list->end;
  *list->end = call;
  list->end = &call->next;
}

static void unlink_call(struct call_list *list, struct kube_call *call) {
  *call->previous = call->next;
  if (call->next)
    call->next->previous = call->previous;
  else
    list->end = call->previous;
}

static void enqueue(struct kube_call *call) {
  struct kube_client *client = call->client;
  call->state = CALL_QUEUED;
  append(&client->queued[call->lane], call);
  client->waiting += call->lane == KUBE_LANE_CALLS;
}

static void leave_list(struct kube_call *call) {
  struct kube_client *client = call->client;
  if (call->state == CALL_SENT) {
    unlink_call(&client->sent, call);
    call->connection->streams--;
    client->in_flight -= call->lane == KUBE_LANE_CALLS;
  } else {
    unlink_call(&client->queued[call->lane], call);
    client->waiting -= call->lane == KUBE_LANE_CALLS;
  }
}

static void call_free(struct kube_call *call) {
  free(call->method);
  free(call->path);
  free(call->content_type);
  free(call->accept);
  if (call->body) explicit_bzero(call->body, call->body_len); /* it may be a Secret's */
  free(call->body);
  free(call);
}

/* --- answers -------------------------------------------------------------------------------------------------------------------- */

/* A method that we don't know is not counted: labels of metrics are bounded. */
static void count(struct kube_client *client, const char *method, int code) {
  static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
  for (size_t i = 0; i < client->counts_used; i++) {
    struct kube_request_count *it = &client->counts[i];
    if (it->code != code || strcmp(it->method, method)) continue;
    it->count++;
    return;
  }
  for (size_t i = 0; i < ELEMENTS(methods) && client->counts_used < MAX_COUNTS; i++)
    if (!strcmp(methods[i], method)) client->counts[client->counts_used++] = (struct kube_request_count){methods[i], code, 1};
}

/* CALL is in no list any more. */
static void finish(struct kube_call *call, const struct kube_response *response) {
  call->state = CALL_DONE;
  call->on_done(call->owner, response);
  call_free(call);
}

static void fail(struct kube_call *call, const struct error *error) {
  leave_list(call);
  finish(call, &(struct kube_response){.body = "", .error = *error});
}

static void obey_throttle(struct kube_client *client, const struct http_response *response) {
  if (response->status != 429 || !response->retry_after_ms) return;
  int64_t wait_ms = response->retry_after_ms < MAX_PAUSE_MS ? response->retry_after_ms : MAX_PAUSE_MS;
  int64_t until_ms = loop_now_ms(client->loop) + wait_ms;
  if (until_ms <= client->paused_until_ms) return;
  if (timer_set(&client->resume, wait_ms) == 0) client->paused_until_ms = until_ms;
}

static bool ask_again(struct kube_call *call, const struct http_response *response) {
  if (response->status != 401 || call->asked_again || !credentials_refused(call->client->credentials, call->serial)) return false;
  call->asked_again = true;
  call->transfer = NULL;
  enqueue(call);
  return true;
}

static void on_http_done(void *owner, const struct http_response *http) {
  struct kube_call *call = owner;
  struct kube_client *client = call->client;
  if (http->date_ms && !call->on_data) client->skew_ms = http->date_ms - clock_real_ms();
  count(client, call->method, http->status);
  obey_throttle(client, http);
  leave_list(call);
  task_schedule(&client->task); /* a place is free */
  if (ask_again(call, http)) return;
  struct kube_response response = {.status = http->status, .body = http->body, .body_len = http->body_len};
  answer_error(http, call->method, call->path, &response.error);
  finish(call, &response);
}

static void on_http_data(void *owner, const char *bytes, size_t n) {
  struct kube_call *call = owner;
  call->on_data(call->owner, bytes, n);
}

/* --- sending -------------------------------------------------------------------------------------------------------------------- */

static struct connection *connection_new(struct kube_client *client, struct error *error) {
  const struct kube_config *config = client->config;
  struct connection *connection = calloc(1, sizeof *connection);
  if (!connection) {
    error_oom(error);
    return NULL;
  }
  connection->serial = credentials_serial(client->credentials);
  bool multiplexes = !strncmp(config->server, "https:", 6);
  connection->http = http_client_new(client->loop,
                                     &(struct http_client_options){.user_agent = client->user_agent,
                                                                   .ca_pem = config->ca_pem,
                                                                   .certificate_pem = credentials_certificate(client->credentials),
                                                                   .key_pem = credentials_key(client->credentials),
                                                                   .tls_server_name = config->tls_server_name,
                                                                   .proxy = config->proxy,
                                                                   .insecure_skip_verify = config->insecure_skip_verify,
                                                                   .max_connections = multiplexes ? 1 : 0},
                                     error);
  if (connection->http) return connection;
  free(connection);
  return NULL;
}

/* One with room. More than one is made for watches alone: the other lanes' requests end and share. */
static struct connection *choose_connection(struct kube_client *client, enum kube_lane lane, struct error *error) {
  struct connection **at = &client->connections[lane];
  while (*at && lane == KUBE_LANE_WATCH && (*at)->streams >= STREAMS_A_CONNECTION) at = &(*at)->next;
  if (!*at) *at = connection_new(client, error);
  struct connection *connection = *at;
  unsigned serial = credentials_serial(client->credentials);
  if (!connection || connection->serial == serial) return connection;
  if (http_client_set_certificate(connection->http, credentials_certificate(client->credentials), credentials_key(client->credentials),
                                  error) < 0)
    return NULL;
  connection->serial = serial;
  return connection;
}

static int hand_over(struct kube_call *call, struct connection *connection, struct error *error) {
  struct kube_client *client = call->client;
  const char *token = credentials_token(client->credentials);
  _cleanup_buffer_ struct buffer url, headers;
  buffer_init(&url, 32768);
  buffer_init_secret(&headers, 65536);
  buffer_printf(&url, "%s%s", client->config->server, call->path);
  buffer_printf(&headers, "Accept: %s", call->accept);
  size_t content_type = headers.len + 1;
  buffer_append(&headers, "", 1);
  buffer_printf(&headers, "Content-Type: %s", call->content_type);
  buffer_append(&headers, "", 1);
  size_t authorization = headers.len;
  buffer_printf(&headers, "Authorization: Bearer %s", token ? token : "");
  if (url.failed || headers.failed) return error_set(error, ERROR_INVALID, "a token or a path is too long to be sent");
  const char *lines[4] = {headers.data}, **line = &lines[1];
  if (call->body_len) *line++ = headers.data + content_type;
  if (token) *line = headers.data + authorization;
  call->transfer = http_send(connection->http,
                             &(struct http_request){.method = call->method,
                                                    .url = buffer_text(&url),
                                                    .headers = lines,
                                                    .body = call->body,
                                                    .body_len = call->body_len,
                                                    .timeout_ms = call->timeout_ms,
                                                    .max_response = call->max_response,
                                                    .on_data = call->on_data ? on_http_data : NULL,
                                                    .on_done = on_http_done,
                                                    .owner = call},
                             error);
  return call->transfer ? 0 : -1;
}

static void dispatch(struct kube_call *call) {
  struct kube_client *client = call->client;
  struct error error = {0};
  struct connection *connection = choose_connection(client, call->lane, &error);
  call->serial = credentials_serial(client->credentials);
  if (!connection || hand_over(call, connection, &error) < 0) {
    fail(call, &error);
    return;
  }
  leave_list(call);
  call->state = CALL_SENT;
  call->connection = connection;
  connection->streams++;
  client->in_flight += call->lane == KUBE_LANE_CALLS;
  append(&client->sent, call);
}

static bool may_send(const struct kube_client *client, enum kube_lane lane) {
  if (!client->queued[lane].first) return false;
  return lane != KUBE_LANE_CALLS || (client->in_flight < client->max_in_flight && client->paused_until_ms <= loop_now_ms(client->loop));
}

static void pump(struct kube_client *client) {
  static const enum kube_lane order[] = {KUBE_LANE_LEASE, KUBE_LANE_WATCH, KUBE_LANE_CALLS};
  for (size_t i = 0; i < ELEMENTS(order); i++) {
    while (may_send(client, order[i])) {
      struct error error = {0};
      enum credentials_state state = credentials_prepare(client->credentials, &error);
      if (state == CREDENTIALS_WAIT) return; /* on_credentials goes on */
      if (state == CREDENTIALS_READY)
        dispatch(client->queued[order[i]].first);
      else
        fail(client->queued[order[i]].first, &error);
    }
  }
}

static void on_task(struct task *task) { pump(CONTAINER_OF(task, struct kube_client, task)); }
static void on_resume(struct timer *timer) { pump(CONTAINER_OF(timer, struct kube_client, resume)); }
static void on_credentials(void *owner) { task_schedule(&((struct kube_client *)owner)->task); }

/* --- the surface ---------------------------------------------------------------------------------------------------------------- */

static char *copy(const char *text, const char *fallback) { return strdup(text ? text : fallback); }

struct kube_call *kube_send(struct kube_client *client, const struct kube_request *request, struct error *error) {
  struct kube_call *call = calloc(1, sizeof *call);
  if (!call) {
    error_oom(error);
    return NULL;
  }
  *call = (struct kube_call){.client = client,
                             .lane = request->lane,
                             .method = copy(request->method, "GET"),
                             .path = copy(request->path, "/"),
                             .content_type = copy(request->content_type, "application/json"),
                             .accept = copy(request->accept, "application/json"),
                             .body = request->body_len ? malloc(request->body_len) : NULL,
                             .body_len = request->body_len,
                             .max_response = request->max_response ? request->max_response : DEFAULT_MAX_RESPONSE,
                             .timeout_ms = request->timeout_ms < 0 ? 0
                                           : request->timeout_ms   ? request->timeout_ms
                                                                   : DEFAULT_TIMEOUT_MS,
                             .on_data = request->on_data,
                             .on_done = request->on_done,
                             .owner = request->owner};
  if (!call->method || !call->path || !call->content_type || !call->accept || (request->body_len && !call->body)) {
    call->body_len = call->body ? call->body_len : 0;
    call_free(call);
    error_oom(error);
    return NULL;
  }
  if (call->body) memcpy(call->body, request->body, request->body_len);
  enqueue(call);
  task_schedule(&client->task);
  return call;
}

void kube_cancel(struct kube_call *call) {
  if (!call || call->state == CALL_DONE) return;
  if (call->state == CALL_SENT) http_cancel(call->transfer);
  leave_list(call);
  task_schedule(&call->client->task); /* a place may be free */
  call_free(call);
}

struct kube_client *kube_client_new(struct loop *loop, const struct kube_config *config, const struct kube_client_options *options,
                                    struct error *error) {
  _cleanup_(kube_client_freep) struct kube_client *client = calloc(1, sizeof *client);
  if (!client) {
    error_oom(error);
    return NULL;
  }
  client->loop = loop;
  client->config = config;
  client->max_in_flight = options->max_in_flight ? options->max_in_flight : DEFAULT_IN_FLIGHT;
  for (size_t lane = 0; lane < ELEMENTS(client->queued); lane++) client->queued[lane].end = &client->queued[lane].first;
  client->sent.end = &client->sent.first;
  timer_init(&client->resume, loop, on_resume);
  task_init(&client->task, loop, on_task);
  client->user_agent = copy(options->user_agent, "supernova");
  client->credentials = credentials_new(loop, config, on_credentials, client, error);
  if (!client->credentials) return NULL;
  if (client->user_agent) return TAKE(client);
  error_oom(error);
  return NULL;
}

void kube_client_free(struct kube_client *client) {
  if (!client) return;
  while (client->sent.first) kube_cancel(client->sent.first);
  for (size_t lane = 0; lane < ELEMENTS(client->queued); lane++) {
    while (client->queued[lane].first) kube_cancel(client->queued[lane].first);
    while (client->connections[lane]) {
      struct connection *connection = client->connections[lane];
      client->connections[lane] = connection->next;
      http_client_free(connection->http);
      free(connection);
    }
  }
  credentials_free(client->credentials);
  timer_stop(&client->resume);
  task_stop(&client->task);
  free(client->user_agent);
  free(client);
}

int kube_response_parse(const struct kube_response *response, cJSON **ret, struct error *error) {
  return json_parse(response->body, response->body_len, &json_limits_cluster, ret, error);
}

struct loop *kube_client_loop(const struct kube_client *client) {
  return client->loop;
}
const struct kube_config *kube_client_config(const struct kube_client *client) { return client->config; }
int64_t kube_client_skew_ms(const struct kube_client *client) { return client->skew_ms; }

unsigned kube_client_in_flight(const struct kube_client *client) { return client->in_flight + client->waiting; }

const struct kube_request_count *kube_client_counts(const struct kube_client *client, size_t *ret_n) {
  *ret_n = client->counts_used;
  return client->counts;
}
