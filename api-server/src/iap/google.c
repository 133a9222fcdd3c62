#include "iap/google.h"

#include "base/buffer.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum { URL_MAX = 16 * 1024, HEADER_MAX = 8 * 1024 };

int google_init(struct google *google, const struct settings *settings, struct http_client *client, struct error *error) {
  *google = (struct google){.settings = settings, .client = client};
  return google_tokens_init(&google->tokens, settings, client, error);
}

void google_done(struct google *google) { google_tokens_done(&google->tokens); }

bool google_is_set(const struct google *google) { return google->tokens.key; }

/* ---- the end of a call ---- */

static void release(struct google_call *call) {
  call->google->calls--;
  call->google = NULL;
  free(TAKE(call->url));
}

static void fail(struct google_call *call, const struct error *error) {
  release(call);
  call->done(call, NULL, error);
}

void google_cancel(struct google_call *call) {
  if (!call->google) return;
  google_token_cancel(&call->wait);
  http_cancel(TAKE(call->transfer));
  release(call);
}

/* ---- the answer ---- */

static int check_status(const struct http_response *response, struct error *error) {
  int status = response->status;
  if (response->error.kind) return *error = response->error, error_wrap(error, "ask Google");
  if (status >= 200 && status < 300) return 0;
  if (status == 409 || status == 412)
    error_set(error, ERROR_CONFLICT, "Google says that another change is under way (%d)", status);
  else if (status == 400 || status == 404 || status == 410)
    error_set(error, ERROR_NOT_FOUND, "Google doesn't know such a purchase (%d)", status);
  else if (status == 401 || status == 403)
    error_set(error, ERROR_RETRY, "Google doesn't let the service account in (%d): it needs the right to see and manage orders", status);
  else
    error_set(error, ERROR_RETRY, "Google answers %d", status);
  if (error) {
    error->cause = status;
    error->after_ms = response->retry_after_ms;
  }
  return -1;
}

static int start(struct google_call *call, struct error *error);

static void on_answer(void *owner, const struct http_response *response) {
  struct google_call *call = owner;
  struct error error = {0};
  _cleanup_(json_freep) cJSON *json = NULL;
  call->transfer = NULL;
  if (response->status == 401 && !call->renewed) {
    call->renewed = true;
    google_tokens_forget(&call->google->tokens);
    if (start(call, &error) < 0) fail(call, &error);
    return;
  }
  int result = check_status(response, &error);
  if (result == 0 && response->body_len && json_parse(response->body, response->body_len, &google_limits, &json, NULL) < 0)
    result = error_set(&error, ERROR_RETRY, "Google's answer is not JSON");
  if (result < 0) {
    fail(call, &error);
    return;
  }
  release(call);
  call->done(call, json, NULL);
}

/* ---- its beginning ---- */

static int send_with(struct google_call *call, const char *token, struct error *error) {
  _cleanup_(buffer_done_secret) struct buffer authorization;
  buffer_init_secret(&authorization, HEADER_MAX);
  buffer_printf(&authorization, "Authorization: Bearer %s", token);
  const char *headers[] = {buffer_text(&authorization), "Accept: application/json", "Content-Type: application/json", NULL};
  bool post = strcmp(call->method, "POST") == 0;
  if (authorization.failed) return error_oom(error);
  call->transfer = http_send(call->google->client,
                             &(struct http_request){.method = call->method,
                                                    .url = call->url,
                                                    .headers = headers,
                                                    .body = post ? "{}" : NULL,
                                                    .body_len = post ? 2 : 0,
                                                    .timeout_ms = GOOGLE_TIMEOUT_MS,
                                                    .max_response = google_limits.max_bytes,
                                                    .on_done = on_answer,
                                                    .owner = call},
                             error);
  return call->transfer ? 0 : -1;
}

static void on_token(struct google_token_wait *wait, const char *token, const struct error *error) {
  struct google_call *call = CONTAINER_OF(wait, struct google_call, wait);
  struct error failure = {0};
  if (error)
    fail(call, error);
  else if (send_with(call, token, &failure) < 0)
    fail(call, &failure);
}

static int start(struct google_call *call, struct error *error) {
  const char *token = NULL;
  if (google_token_get(&call->google->tokens, &call->wait, &token, error) < 0) return -1;
  return token ? send_with(call, token, error) : 0;
}

static int begin(struct google *google, struct google_call *call, const char *method, struct buffer *url, struct error *error) {
  if (!google_is_set(google)) return error_set(error, ERROR_TERMINAL, "GOOGLE_SERVICE_ACCOUNT_KEY is not set");
  if (google->calls >= GOOGLE_CALLS_MAX) return error_set(error, ERROR_RETRY, "%d calls of Google are under way", GOOGLE_CALLS_MAX);
  char *text = buffer_take(url);
  if (!text) return error_set(error, ERROR_INVALID, "the purchase's token is too long");
  void (*done)(struct google_call *, const cJSON *, const struct error *) = call->done;
  *call = (struct google_call){.done = done, .google = google, .wait.done = on_token, .method = method, .url = text};
  google->calls++;
  if (start(call, error) == 0) return 0;
  release(call);
  return -1;
}

/* ---- addresses ---- */

/* RFC 3986, 2.3: everything that is not unreserved is escaped, so that a token can't change the path. */
static void put_escaped(struct buffer *to, const char *text) {
  for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
    bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || strchr("-._~", *c);
    if (plain)
      buffer_append(to, c, 1);
    else
      buffer_printf(to, "%%%02X", *c);
  }
}

static void put_base(struct buffer *to, const struct google *google, const char *what) {
  buffer_init(to, URL_MAX);
  buffer_puts(to, google->settings->google_api_base);
  buffer_puts(to, "/androidpublisher/v3/applications/");
  put_escaped(to, google->settings->google_package_name);
  buffer_puts(to, "/purchases/");
  buffer_puts(to, what);
}

/* …/products/PRODUCT/tokens/TOKEN, and the verb behind it. */
static void put_purchase(struct buffer *to, const struct google *google, const char *what, const char *product_id, const char *token,
                         const char *verb) {
  put_base(to, google, what);
  if (product_id) {
    buffer_puts(to, "/");
    put_escaped(to, product_id);
  }
  buffer_puts(to, "/tokens/");
  put_escaped(to, token);
  buffer_puts(to, verb);
}

int google_get_purchase(struct google *google, struct google_call *call, enum purchase_type type, const char *product_id, const char *token,
                        struct error *error) {
  bool subscription = type == PURCHASE_SUBSCRIPTION;
  _cleanup_buffer_ struct buffer url;
  put_purchase(&url, google, subscription ? "subscriptionsv2" : "products", subscription ? NULL : product_id, token, "");
  return begin(google, call, "GET", &url, error);
}

int google_acknowledge(struct google *google, struct google_call *call, enum purchase_type type, const char *product_id, const char *token,
                       struct error *error) {
  _cleanup_buffer_ struct buffer url;
  put_purchase(&url, google, type == PURCHASE_SUBSCRIPTION ? "subscriptions" : "products", product_id, token, ":acknowledge");
  return begin(google, call, "POST", &url, error);
}

int google_consume(struct google *google, struct google_call *call, const char *product_id, const char *token, struct error *error) {
  _cleanup_buffer_ struct buffer url;
  put_purchase(&url, google, "products", product_id, token, ":consume");
  return begin(google, call, "POST", &url, error);
}

int google_list_voided(struct google *google, struct google_call *call, int64_t start_ms, const char *page, struct error *error) {
  _cleanup_buffer_ struct buffer url;
  put_base(&url, google, "voidedpurchases");
  buffer_printf(&url, "?startTime=%" PRId64 "&maxResults=1000&type=1&includeQuantityBasedPartialRefund=true", start_ms);
  if (page) {
    buffer_puts(&url, "&token=");
    put_escaped(&url, page);
  }
  return begin(google, call, "GET", &url, error);
}
