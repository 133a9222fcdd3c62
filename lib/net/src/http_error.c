#include "http_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What libcurl's code means to whom reads our log; the rest is told in libcurl's own words. All are passing but those marked. */
static const struct {
  CURLcode code;
  enum error_kind kind;
  const char *words;
} sentences[] = {
    {CURLE_COULDNT_RESOLVE_HOST, ERROR_RETRY, "the host's name cannot be resolved"},
    {CURLE_COULDNT_RESOLVE_PROXY, ERROR_RETRY, "the proxy's name cannot be resolved"},
    {CURLE_OPERATION_TIMEDOUT, ERROR_RETRY, "no answer in time"},
    {CURLE_GOT_NOTHING, ERROR_RETRY, "the connection was closed without an answer"},
    {CURLE_SEND_ERROR, ERROR_RETRY, "the connection broke while sending"},
    {CURLE_RECV_ERROR, ERROR_RETRY, "the connection broke while receiving"},
    {CURLE_PARTIAL_FILE, ERROR_RETRY, "the connection was closed within the answer"},
    {CURLE_HTTP2, ERROR_RETRY, "the HTTP/2 connection broke"},
    {CURLE_HTTP2_STREAM, ERROR_RETRY, "the HTTP/2 stream was reset"},
    {CURLE_PEER_FAILED_VERIFICATION, ERROR_RETRY, "its certificate is not trusted or not for this name"},
    {CURLE_SSL_CONNECT_ERROR, ERROR_RETRY, "the TLS handshake failed"},
    {CURLE_SSL_CERTPROBLEM, ERROR_INVALID, "our client certificate or its key cannot be read as PEM, or they do not belong together"},
    {CURLE_SSL_CACERT_BADFILE, ERROR_INVALID, "the certificate authority cannot be read as PEM"},
    {CURLE_URL_MALFORMAT, ERROR_INVALID, "malformed URL"},
    {CURLE_OUT_OF_MEMORY, ERROR_RETRY, "out of memory"},
};

/* Scheme, host and port of a URL, without what a person may have put before the @. */
static void origin_of(const char *url, char *to, size_t size) {
  const char *authority = strstr(url, "://");
  if (!authority) {
    (void)snprintf(to, size, "the peer");
    return;
  }
  authority += 3;
  size_t length = strcspn(authority, "/?#");
  const char *at = memrchr(authority, '@', length);
  const char *host = at ? at + 1 : authority;
  (void)snprintf(to, size, "%.*s%.*s", (int)(authority - url), url, (int)(authority + length - host), host); /* cut is fine */
}

void http_error_of(const struct http_transfer *transfer, CURLcode result, struct error *ret_error) {
  *ret_error = (struct error){0};
  if (result == CURLE_OK) return;
  char *url = NULL;
  char origin[256];
  (void)curl_easy_getinfo(transfer->easy, CURLINFO_EFFECTIVE_URL, &url); /* NULL where it fails */
  origin_of(url ? url : "", origin, sizeof origin);
  if (transfer->too_large) {
    error_set(ret_error, ERROR_INVALID, "%s: the answer is larger than %zu bytes", origin, transfer->answer.max);
    return;
  }
  if (transfer->address_refused && result == CURLE_COULDNT_CONNECT) {
    error_set(ret_error, ERROR_FORBIDDEN, "%s: its address is not a public one, and it is not among the hosts that may have another",
              origin);
    return;
  }
  long number = 0;
  (void)curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number); /* 0 where it fails */
  if (result == CURLE_COULDNT_CONNECT) {
    char text[128];
    error_set(ret_error, ERROR_RETRY, "%s: %s", origin, number ? strerror_r((int)number, text, sizeof text) : "cannot connect");
    ret_error->cause = (int)number;
    return;
  }
  for (size_t i = 0; i < ELEMENTS(sentences); i++) {
    if (sentences[i].code != result) continue;
    error_set(ret_error, sentences[i].kind, "%s: %s", origin, sentences[i].words);
    return;
  }
  error_set(ret_error, ERROR_RETRY, "%s: %s", origin, curl_easy_strerror(result));
}
