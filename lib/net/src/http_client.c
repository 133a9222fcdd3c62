#include "http_internal.h"

#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void init_curl(void) { (void)curl_global_init(CURL_GLOBAL_DEFAULT); /* where it fails, making handles fails too */ }

/* --- the lists ------------------------------------------------------------------------------------------------------------------ */

static void push(struct http_transfer **list, struct http_transfer *transfer) {
  transfer->next = *list;
  transfer->previous = list;
  if (*list) (*list)->previous = &transfer->next;
  *list = transfer;
}

static void enqueue(struct http_client *client, struct http_transfer *transfer) {
  transfer->next = NULL;
  transfer->previous = client->queued_end;
  *client->queued_end = transfer;
  client->queued_end = &transfer->next;
}

static void unlink_transfer(struct http_transfer *transfer) {
  struct http_client *client = transfer->client;
  if (transfer->state == TRANSFER_QUEUED && !transfer->next) client->queued_end = transfer->previous;
  *transfer->previous = transfer->next;
  if (transfer->next) transfer->next->previous = transfer->previous;
  transfer->next = NULL;
  transfer->previous = NULL;
}

/* --- into libcurl --------------------------------------------------------------------------------------------------------------- */

static void note_result(struct http_client *client, const struct http_transfer *transfer, CURLcode result) {
  client->suspicious = result == CURLE_OPERATION_TIMEDOUT;
  long version = 0;
  if (curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_VERSION, &version) != CURLE_OK || client->http1_seen) return;
  if (version != CURL_HTTP_VERSION_1_0 && version != CURL_HTTP_VERSION_1_1) return;
  client->http1_seen = true; /* it serves one exchange a connection: a bound on these would make requests wait for watches to end */
  (void)curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 0L); /* cannot fail for a known option */
}

static void take_out(struct http_transfer *transfer) {
  struct http_client *client = transfer->client;
  client->in_curl = true;
  (void)curl_multi_remove_handle(client->multi, transfer->easy); /* fails only for a handle that is not in it */
  client->in_curl = false;
  unlink_transfer(transfer);
  client->active--;
}

/* Not while libcurl is at work. */
static void transfer_discard(struct http_transfer *transfer) {
  if (transfer->state == TRANSFER_QUEUED) {
    unlink_transfer(transfer);
    transfer->client->active--;
  } else {
    take_out(transfer);
  }
  transfer_free(transfer);
}

static void discard_all(struct http_transfer **list) {
  while (*list) transfer_discard(*list);
}

static void collect(struct http_client *client) {
  int left;
  for (CURLMsg *message; (message = curl_multi_info_read(client->multi, &left));) {
    if (message->msg != CURLMSG_DONE) continue;
    struct http_transfer *transfer = NULL;
    CURLcode result = message->data.result;
    if (curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer) != CURLE_OK || !transfer) continue;
    note_result(client, transfer, result);
    take_out(transfer);
    if (transfer->state == TRANSFER_DROPPED)
      transfer_free(transfer);
    else
      transfer_complete(transfer, result);
  }
}

static void drive(struct http_client *client, curl_socket_t fd, int events) {
  int running;
  client->in_curl = true;
  (void)curl_multi_socket_action(client->multi, fd, events, &running); /* what fails is told transfer by transfer */
  client->in_curl = false;
  collect(client);
}

static void start_queued(struct http_client *client) {
  while (client->queued) {
    struct http_transfer *transfer = client->queued;
    unlink_transfer(transfer);
    transfer->state = TRANSFER_RUNNING;
    if (client->suspicious && !client->running)
      (void)curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 1L); /* at worst the old one */
    push(&client->running, transfer);
    client->in_curl = true;
    CURLMcode added = curl_multi_add_handle(client->multi, transfer->easy);
    client->in_curl = false;
    if (added == CURLM_OK) continue;
    unlink_transfer(transfer);
    client->active--;
    transfer_complete(transfer, CURLE_OUT_OF_MEMORY);
  }
}

static void on_task(struct task *task) {
  struct http_client *client = CONTAINER_OF(task, struct http_client, task);
  discard_all(&client->dropped);
  start_queued(client);
  if (!client->due) return;
  client->due = false;
  drive(client, CURL_SOCKET_TIMEOUT, 0);
}

static void on_timer(struct timer *timer) { drive(CONTAINER_OF(timer, struct http_client, timer), CURL_SOCKET_TIMEOUT, 0); }

/* --- libcurl's callbacks -------------------------------------------------------------------------------------------------------- */

static int curl_wants_timer(CURLM *multi, long delay_ms, void *owner) {
  (void)multi;
  struct http_client *client = owner;
  timer_stop(&client->timer);
  if (delay_ms < 0) return 0;
  if (delay_ms > 0) return timer_set(&client->timer, delay_ms);
  client->due = true;
  task_schedule(&client->task);
  return 0;
}

static void on_ready(struct io *io, uint32_t events) {
  struct http_socket *socket = CONTAINER_OF(io, struct http_socket, io);
  int mask = (events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
             (events & EPOLLERR ? CURL_CSELECT_ERR : 0);
  drive(socket->client, io->fd, mask); /* may free the socket */
}

static void socket_free(struct http_socket *socket) {
  io_stop(&socket->io);
  *socket->previous = socket->next;
  if (socket->next) socket->next->previous = socket->previous;
  free(socket);
}

static struct http_socket *socket_new(struct http_client *client, curl_socket_t fd) {
  struct http_socket *socket = calloc(1, sizeof *socket);
  if (!socket) return NULL;
  socket->client = client;
  socket->next = client->sockets;
  socket->previous = &client->sockets;
  if (client->sockets) client->sockets->previous = &socket->next;
  client->sockets = socket;
  (void)curl_multi_assign(client->multi, fd, socket); /* fails only for a descriptor that libcurl does not know */
  return socket;
}

/* Always 0: another answer would end every transfer of the client. One whose descriptor could not be watched runs into its time-out. */
static int curl_wants_socket(CURL *easy, curl_socket_t fd, int what, void *owner, void *ours) {
  (void)easy;
  struct http_client *client = owner;
  struct http_socket *socket = ours;
  if (what == CURL_POLL_REMOVE) {
    if (socket) socket_free(socket);
    return 0;
  }
  uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
  if (!socket) socket = socket_new(client, fd);
  if (!socket) return 0;
  if (socket->io.loop && io_want(&socket->io, events, NULL) == 0) return 0;
  io_stop(&socket->io);
  struct error error;
  if (io_start(&socket->io, client->loop, fd, events, on_ready, &error) < 0) log_warn("cannot watch an HTTP connection", log_err(&error));
  return 0;
}

/* --- the client ----------------------------------------------------------------------------------------------------------------- */

static int copy(char **to, const char *text) {
  *to = text ? strdup(text) : NULL;
  return text && !*to ? -1 : 0;
}

static int copy_options(struct http_client *client, const struct http_client_options *options) {
  client->insecure_skip_verify = options->insecure_skip_verify;
  client->http1_only = options->http1_only;
  client->refuse_private = options->refuse_private;
  client->connect_timeout_ms = options->connect_timeout_ms ? options->connect_timeout_ms : HTTP_DEFAULT_CONNECT_TIMEOUT_MS;
  return copy(&client->user_agent, options->user_agent) | copy(&client->ca_pem, options->ca_pem) |
         copy(&client->ca_file, options->ca_file) | copy(&client->certificate_pem, options->certificate_pem) |
         copy(&client->key_pem, options->key_pem) | copy(&client->tls_server_name, options->tls_server_name) |
         copy(&client->proxy, options->refuse_private ? "" : options->proxy) | copy(&client->private_hosts, options->private_hosts);
}

static int set_up_multi(struct http_client *client, const struct http_client_options *options) {
  client->multi = curl_multi_init();
  if (!client->multi) return -1;
  CURLM *multi = client->multi;
  long most = options->http1_only ? 0 : (long)options->max_connections;
  return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, curl_wants_socket) != CURLM_OK ||
                 curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client) != CURLM_OK ||
                 curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, curl_wants_timer) != CURLM_OK ||
                 curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client) != CURLM_OK ||
                 curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX) != CURLM_OK ||
                 curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, most) != CURLM_OK
             ? -1
             : 0;
}

struct http_client *http_client_new(struct loop *loop, const struct http_client_options *options, struct error *error) {
  (void)pthread_once(&once, init_curl); /* cannot fail with these arguments */
  _cleanup_(http_client_freep) struct http_client *client = calloc(1, sizeof *client);
  if (!client) {
    error_oom(error);
    return NULL;
  }
  client->loop = loop;
  client->queued_end = &client->queued;
  timer_init(&client->timer, loop, on_timer);
  task_init(&client->task, loop, on_task);
  if (copy_options(client, options) < 0 || set_up_multi(client, options) < 0) {
    error_oom(error);
    return NULL;
  }
  return TAKE(client);
}

static void free_secret(char *text) {
  if (text) explicit_bzero(text, strlen(text));
  free(text);
}

void http_client_free(struct http_client *client) {
  if (!client) return;
  discard_all(&client->queued);
  discard_all(&client->running);
  discard_all(&client->dropped);
  while (client->idle_count) curl_easy_cleanup(client->idle[--client->idle_count]);
  if (client->multi) (void)curl_multi_cleanup(client->multi); /* fails only for what is no multi handle */
  while (client->sockets) socket_free(client->sockets);
  timer_stop(&client->timer);
  task_stop(&client->task);
  free(client->user_agent);
  free(client->ca_pem);
  free(client->ca_file);
  free(client->certificate_pem);
  free_secret(client->key_pem);
  free(client->tls_server_name);
  free(client->private_hosts);
  free_secret(client->proxy);
  free(client);
}

int http_client_set_certificate(struct http_client *client, const char *certificate_pem, const char *key_pem, struct error *error) {
  char *certificate, *key;
  if ((copy(&certificate, certificate_pem) | copy(&key, key_pem)) < 0) {
    free(certificate);
    free_secret(key);
    return error_oom(error);
  }
  free(client->certificate_pem);
  free_secret(client->key_pem);
  client->certificate_pem = certificate;
  client->key_pem = key;
  return 0;
}

unsigned http_client_active(const struct http_client *client) { return client->active; }

struct http_transfer *http_send(struct http_client *client, const struct http_request *request, struct error *error) {
  struct http_transfer *transfer = transfer_new(client, request, error);
  if (!transfer) return NULL;
  transfer->state = TRANSFER_QUEUED;
  enqueue(client, transfer);
  client->active++;
  task_schedule(&client->task);
  return transfer;
}

void http_cancel(struct http_transfer *transfer) {
  if (!transfer || transfer->state == TRANSFER_DONE || transfer->state == TRANSFER_DROPPED) return;
  struct http_client *client = transfer->client;
  if (transfer->state == TRANSFER_RUNNING && client->in_curl) {
    unlink_transfer(transfer);
    transfer->state = TRANSFER_DROPPED;
    push(&client->dropped, transfer);
    task_schedule(&client->task);
    return;
  }
  transfer_discard(transfer);
}
