#include "http_internal.h"

#include "net/address.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

static size_t on_bytes(char *bytes, size_t size, size_t count, void *owner) {
  struct http_transfer *transfer = owner;
  size_t n = size * count;
  if (transfer->state == TRANSFER_DROPPED) return 0; /* cancelled within libcurl: end it now */
  long status = 0;
  (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status); /* 0 where it fails: then the bytes are collected */
  if (transfer->on_data && status / 100 == 2) {
    transfer->on_data(transfer->owner, bytes, n);
    return transfer->state == TRANSFER_DROPPED ? 0 : n;
  }
  buffer_append(&transfer->answer, bytes, n);
  transfer->too_large = transfer->answer.failed;
  return transfer->answer.failed ? 0 : n;
}

/* A peer that vanished without a word is given up after 30 s, with data under way (user time-out) as without (keep-alive). */
static int on_socket(void *owner, curl_socket_t fd, curlsocktype purpose) {
  (void)owner;
  (void)purpose;
  unsigned user_timeout_ms = 30000;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof user_timeout_ms); /* an improvement, not a need */
  return CURL_SOCKOPT_OK;
}

/* The address that is about to be connected to is the one that counts: a name may have another in a moment. */
static curl_socket_t on_connect(void *owner, curlsocktype purpose, struct curl_sockaddr *address) {
  struct http_transfer *transfer = owner;
  (void)purpose;
  if (transfer->may_be_private || address_is_public(&address->addr))
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  transfer->address_refused = true;
  return CURL_SOCKET_BAD;
}

static bool lists_host(const char *list, const char *host) {
  size_t n = strlen(host);
  for (const char *entry = list; entry && *entry;) {
    size_t entry_n = strcspn(entry, ", ");
    if (entry_n == n && !strncasecmp(entry, host, n)) return true;
    entry += entry_n + strspn(entry + entry_n, ", ");
  }
  return false;
}

/* Without the brackets of an IPv6 address. */
static bool may_be_private(const struct http_client *client, const char *url) {
  char *host = NULL;
  CURLU *parsed = curl_url();
  bool may =
      parsed && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK && curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK;
  size_t n = may ? strlen(host) : 0;
  if (n > 2 && *host == '[') {
    memmove(host, host + 1, n - 2);
    host[n - 2] = 0;
  }
  may = may && lists_host(client->private_hosts, host);
  curl_free(host);
  curl_url_cleanup(parsed);
  return may;
}

/* A stream holds its buffers as long as it lives, so it gets small ones; they can only be set on a handle that was never used. */
static CURL *make_easy_for_stream(void) {
  CURL *easy = curl_easy_init();
  if (easy && curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 8192L) == CURLE_OK) return easy;
  curl_easy_cleanup(easy);
  return NULL;
}

static CURL *take_easy(struct http_client *client, bool stream) {
  if (stream) return make_easy_for_stream();
  if (!client->idle_count) return curl_easy_init();
  CURL *easy = client->idle[--client->idle_count];
  curl_easy_reset(easy);
  return easy;
}

void transfer_free(struct http_transfer *transfer) {
  struct http_client *client = transfer->client;
  if (transfer->easy && client->idle_count < HTTP_IDLE_HANDLES)
    client->idle[client->idle_count++] = transfer->easy;
  else if (transfer->easy)
    curl_easy_cleanup(transfer->easy);
  for (struct curl_slist *header = transfer->headers; header; header = header->next) explicit_bzero(header->data, strlen(header->data));
  curl_slist_free_all(transfer->headers);
  curl_slist_free_all(transfer->connect_to);
  free(transfer->body);
  buffer_done(&transfer->answer);
  free(transfer);
}

#define SET(option, value) (curl_easy_setopt(transfer->easy, CURLOPT_##option, value) != CURLE_OK)

static bool set_text(CURL *easy, CURLoption option, const char *text) { return text && curl_easy_setopt(easy, option, text) != CURLE_OK; }

/* The blobs are the client's and may be replaced while the transfer runs, so libcurl copies them. */
static bool set_blob(CURL *easy, CURLoption option, char *pem) {
  if (!pem) return false;
  struct curl_blob blob = {.data = pem, .len = strlen(pem), .flags = CURL_BLOB_COPY};
  return curl_easy_setopt(easy, option, &blob) != CURLE_OK;
}

static bool set_tls(struct http_transfer *transfer) {
  struct http_client *client = transfer->client;
  bool failed = false;
  if (client->insecure_skip_verify) failed |= SET(SSL_VERIFYPEER, 0L) || SET(SSL_VERIFYHOST, 0L);
  /* with authorities given, the system's must not count as well */
  if (client->ca_pem || client->ca_file) failed |= SET(CAPATH, NULL) || SET(CAINFO, NULL);
  failed |= set_text(transfer->easy, CURLOPT_CAINFO, client->ca_pem ? NULL : client->ca_file);
  failed |= set_blob(transfer->easy, CURLOPT_CAINFO_BLOB, client->ca_pem);
  failed |= set_blob(transfer->easy, CURLOPT_SSLCERT_BLOB, client->certificate_pem);
  failed |= set_blob(transfer->easy, CURLOPT_SSLKEY_BLOB, client->key_pem);
  return failed;
}

static bool set_connection(struct http_transfer *transfer, const char *url) {
  const struct http_client *client = transfer->client;
  /* waiting for a connection to say whether it multiplexes pays where TLS's handshake says it; in clear text only an answer would */
  bool may_multiplex = !client->http1_only && !strncmp(url, "https:", 6);
  long version = client->http1_only ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS;
  return SET(HTTP_VERSION, version) || SET(PIPEWAIT, may_multiplex ? 1L : 0L) || SET(NOSIGNAL, 1L) || SET(PROTOCOLS_STR, "http,https") ||
         SET(CONNECTTIMEOUT_MS, (long)client->connect_timeout_ms) || SET(TCP_KEEPALIVE, 1L) || SET(TCP_KEEPIDLE, 15L) ||
         SET(TCP_KEEPINTVL, 5L) || SET(SOCKOPTFUNCTION, on_socket) || set_text(transfer->easy, CURLOPT_PROXY, client->proxy) ||
         set_text(transfer->easy, CURLOPT_USERAGENT, client->user_agent);
}

static bool set_address_check(struct http_transfer *transfer, const char *url) {
  if (!transfer->client->refuse_private) return false;
  transfer->may_be_private = may_be_private(transfer->client, url);
  return SET(OPENSOCKETFUNCTION, on_connect) || SET(OPENSOCKETDATA, transfer);
}

static bool set_headers(struct http_transfer *transfer, const struct http_request *request) {
  static const char *const none[] = {NULL};
  for (const char *const *header = request->headers ? request->headers : none; *header; header++) {
    struct curl_slist *longer = curl_slist_append(transfer->headers, *header);
    if (!longer) return true;
    transfer->headers = longer;
  }
  struct curl_slist *longer = curl_slist_append(transfer->headers, "Expect:"); /* no 100-continue: it costs a round trip */
  if (!longer) return true;
  transfer->headers = longer;
  return SET(HTTPHEADER, transfer->headers);
}

static bool set_request(struct http_transfer *transfer, const struct http_request *request) {
  const char *method = request->method ? request->method : "GET";
  bool failed = SET(URL, request->url) || SET(PRIVATE, transfer) || SET(WRITEFUNCTION, on_bytes) || SET(WRITEDATA, transfer);
  if (request->body_len || !strcmp(method, "POST") || !strcmp(method, "PUT") || !strcmp(method, "PATCH"))
    failed |= SET(POST, 1L) || SET(POSTFIELDS, transfer->body) || SET(POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
  if (!strcmp(method, "HEAD")) failed |= SET(NOBODY, 1L);
  failed |= SET(CUSTOMREQUEST, method);
  if (request->timeout_ms) failed |= SET(TIMEOUT_MS, (long)request->timeout_ms);
  if (request->stall_ms) failed |= SET(LOW_SPEED_LIMIT, 1L) || SET(LOW_SPEED_TIME, (long)((request->stall_ms + 999) / 1000));
  return failed || set_headers(transfer, request);
}

/* The certificate must be that name's, and SNI asks for it, while the connection goes to the URL's host: RFC 6066, 3. */
static bool set_server_name(struct http_transfer *transfer, const char *url) {
  const char *name = transfer->client->tls_server_name;
  if (!name) return false;
  bool failed = true;
  char *host = NULL, *port = NULL, *target = NULL;
  struct buffer connect_to;
  buffer_init(&connect_to, 1024);
  CURLU *parsed = curl_url();
  if (parsed && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK && curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
      curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
      curl_url_set(parsed, CURLUPART_HOST, name, 0) == CURLUE_OK && curl_url_get(parsed, CURLUPART_URL, &target, 0) == CURLUE_OK) {
    buffer_printf(&connect_to, "%s:%s:%s:%s", name, port, host, port);
    struct curl_slist *list = connect_to.failed ? NULL : curl_slist_append(NULL, buffer_text(&connect_to));
    transfer->connect_to = list;
    failed = !list || SET(CONNECT_TO, list) || SET(URL, target);
  }
  curl_free(host);
  curl_free(port);
  curl_free(target);
  curl_url_cleanup(parsed);
  buffer_done(&connect_to);
  return failed;
}

struct http_transfer *transfer_new(struct http_client *client, const struct http_request *request, struct error *error) {
  if (!request->url || (strncmp(request->url, "https://", 8) && strncmp(request->url, "http://", 7))) {
    error_set(error, ERROR_INVALID, "\"%s\" is no HTTP URL: expected https://… or http://…", request->url ? request->url : "");
    return NULL;
  }
  struct http_transfer *transfer = calloc(1, sizeof *transfer);
  if (!transfer) {
    error_oom(error);
    return NULL;
  }
  transfer->client = client;
  buffer_init(&transfer->answer, request->max_response ? request->max_response : HTTP_DEFAULT_MAX_RESPONSE);
  transfer->on_data = request->on_data;
  transfer->on_done = request->on_done;
  transfer->owner = request->owner;
  transfer->easy = take_easy(client, request->on_data);
  transfer->body = malloc(request->body_len + 1);
  if (transfer->body && request->body_len) memcpy(transfer->body, request->body, request->body_len);
  if (!transfer->easy || !transfer->body || set_connection(transfer, request->url) || set_tls(transfer) || set_request(transfer, request) ||
      set_server_name(transfer, request->url) || set_address_check(transfer, request->url)) {
    transfer_free(transfer);
    error_oom(error);
    return NULL;
  }
  return transfer;
}

const char *http_response_header(const struct http_response *response, const char *name) {
  struct curl_header *header;
  return curl_easy_header(response->transfer->easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value : NULL;
}

static void read_times(struct http_response *response) {
  const char *date = http_response_header(response, "Date");
  time_t seconds = date ? curl_getdate(date, NULL) : -1;
  if (seconds > 0) response->date_ms = (int64_t)seconds * 1000;
  curl_off_t retry_after_s = 0;
  static const curl_off_t most_s = 24 * 3600;
  if (curl_easy_getinfo(response->transfer->easy, CURLINFO_RETRY_AFTER, &retry_after_s) == CURLE_OK && retry_after_s > 0)
    response->retry_after_ms = (retry_after_s < most_s ? retry_after_s : most_s) * 1000;
}

void transfer_complete(struct http_transfer *transfer, CURLcode result) {
  transfer->state = TRANSFER_DONE;
  struct http_response response = {.transfer = transfer, .body = "", .status = 0};
  http_error_of(transfer, result, &response.error);
  if (result == CURLE_OK) {
    long status = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status); /* cannot fail for a known field */
    response.status = (int)status;
    response.body = buffer_text(&transfer->answer);
    response.body_len = transfer->answer.len;
    read_times(&response);
  }
  transfer->on_done(transfer->owner, &response);
  transfer_free(transfer);
}
