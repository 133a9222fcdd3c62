#include "iap/store_call.h"

#include "base/buffer.h"

#include <stdio.h>

enum { BEARER_MAX = 8 * 1024, FIELD_SIZE = 128, FIELDS = 4 };

struct http_transfer *store_send(struct http_client *client, const struct store_request *request, struct error *error) {
  _cleanup_(buffer_done) struct buffer bearer;
  char type[FIELD_SIZE], trace[FIELD_SIZE];
  const char *fields[FIELDS + 1] = {"Accept: application/json"};
  size_t n = 1;
  buffer_init_secret(&bearer, BEARER_MAX);
  if (request->bearer) {
    buffer_printf(&bearer, "Authorization: Bearer %s", request->bearer);
    if (bearer.failed) return error_oom(error), NULL;
    fields[n++] = buffer_text(&bearer);
  }
  if (request->body) {
    (void)snprintf(type, sizeof type, "Content-Type: %s", request->content_type ? request->content_type : "application/json");
    fields[n++] = type;
  }
  if (request->traceparent) {
    (void)snprintf(trace, sizeof trace, "traceparent: %s", request->traceparent);
    fields[n++] = trace;
  }
  return http_send(client,
                   &(struct http_request){.method = request->body ? "POST" : "GET",
                                          .url = request->url,
                                          .headers = fields,
                                          .body = request->body,
                                          .body_len = request->body_len,
                                          .timeout_ms = STORE_TIMEOUT_MS,
                                          .max_response = request->max_response,
                                          .on_done = request->on_done,
                                          .owner = request->owner},
                   error);
}

int store_check(const struct http_response *response, const char *what, const struct store_refusal *refusals, struct error *error) {
  if (response->error.kind) return *error = response->error, error_wrap(error, "%s", what);
  if (response->status >= 200 && response->status < 300) return 0;
  const struct store_refusal *refusal = refusals;
  while (refusal->status && refusal->status != response->status) refusal++;
  error_set(error, refusal->kind, "%s (%d)", refusal->sentence, response->status);
  error->cause = response->status;
  error->after_ms = response->retry_after_ms;
  return -1;
}
