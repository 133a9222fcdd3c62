#include "iap/google.h"

#include "base/buffer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { URL_MAX = 16 * 1024 };

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

static const char another_change[] = "Google says that another change is under way", not_known[] = "Google doesn't know such a purchase",
                  no_entry[] = "Google doesn't let the service account in: it needs the right to see and manage orders";

static const struct store_refusal refusals[] = {{409, ERROR_CONFLICT, another_change}, {412, ERROR_CONFLICT, another_change},
                                                {400, ERROR_NOT_FOUND, not_known},     {404, ERROR_NOT_FOUND, not_known},
                                                {410, ERROR_NOT_FOUND, not_known},     {401, ERROR_RETRY, no_entry},
                                                {403, ERROR_RETRY, no_entry},          {0, ERROR_RETRY, "Google can't answer"}};

static int start(struct google_call *call, struct error *error);

static void on_answer(void *owner, const struct http_response *response) {
  struct google_call *call = owner;
  struct error error = {0};
  _cleanup_(json_freep) cJSON *json = NULL;
  call->transfer = NULL;
  if (response->status == 401 && !call->renewed) {
    call->renewed = true;
    google_tokens_forget(&call->google->tokens, call->token_number);
    if (start(call, &error) < 0) fail(call, &error);
    return;
  }
  int result = store_check(response, "ask Google", refusals, &error);
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
  static const char nothing[] = "{}";
  call->token_number = call->google->tokens.number;
  call->transfer = store_send(call->google->client,
                              &(struct store_request){.url = call->url,
                                                      .bearer = token,
                                                      .traceparent = call->traceparent,
                                                      .body = call->changes ? nothing : NULL,
                                                      .body_len = call->changes ? strlen(nothing) : 0,
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

static int begin(struct google *google, struct google_call *call, bool changes, struct buffer *url, struct error *error) {
  if (!google_is_set(google)) return error_set(error, ERROR_TERMINAL, "GOOGLE_SERVICE_ACCOUNT_KEY is not set");
  if (google->calls >= STORE_CALLS_MAX) return error_set(error, ERROR_RETRY, "%d calls of Google are under way", STORE_CALLS_MAX);
  char *text = buffer_take(url);
  if (!text) return error_set(error, ERROR_INVALID, "the purchase's token is too long");
  *call = (struct google_call){.done = call->done,
                               .traceparent = call->traceparent,
                               .google = google,
                               .wait = {.done = on_token, .traceparent = call->traceparent},
                               .changes = changes,
                               .url = text};
  google->calls++;
  if (start(call, error) == 0) return 0;
  release(call);
  return -1;
}

/* ---- addresses ---- */

static void put_base(struct buffer *to, const struct google *google, const char *what) {
  buffer_init(to, URL_MAX);
  buffer_puts(to, google->settings->google_api_base);
  buffer_puts(to, "/androidpublisher/v3/applications/");
  buffer_percent(to, google->settings->google_package_name);
  buffer_puts(to, "/purchases/");
  buffer_puts(to, what);
}

/* …/products/PRODUCT/tokens/TOKEN, and the verb behind it. */
static void put_purchase(struct buffer *to, const struct google *google, const char *what, const char *product_id, const char *token,
                         const char *verb) {
  put_base(to, google, what);
  if (product_id) {
    buffer_puts(to, "/");
    buffer_percent(to, product_id);
  }
  buffer_puts(to, "/tokens/");
  buffer_percent(to, token);
  buffer_puts(to, verb);
}

int google_get_purchase(struct google *google, struct google_call *call, enum purchase_type type, const char *product_id, const char *token,
                        struct error *error) {
  bool subscription = type == PURCHASE_SUBSCRIPTION;
  _cleanup_buffer_ struct buffer url;
  put_purchase(&url, google, subscription ? "subscriptionsv2" : "products", subscription ? NULL : product_id, token, "");
  return begin(google, call, false, &url, error);
}

int google_acknowledge(struct google *google, struct google_call *call, enum purchase_type type, const char *product_id, const char *token,
                       struct error *error) {
  _cleanup_buffer_ struct buffer url;
  put_purchase(&url, google, type == PURCHASE_SUBSCRIPTION ? "subscriptions" : "products", product_id, token, ":acknowledge");
  return begin(google, call, true, &url, error);
}

int google_consume(struct google *google, struct google_call *call, const char *product_id, const char *token, struct error *error) {
  _cleanup_buffer_ struct buffer url;
  put_purchase(&url, google, "products", product_id, token, ":consume");
  return begin(google, call, true, &url, error);
}

int google_list_voided(struct google *google, struct google_call *call, int64_t start_ms, const char *page, struct error *error) {
  _cleanup_buffer_ struct buffer url;
  put_base(&url, google, "voidedpurchases");
  buffer_printf(&url, "?startTime=%" PRId64 "&maxResults=1000&type=1&includeQuantityBasedPartialRefund=true", start_ms);
  if (page) {
    buffer_puts(&url, "&token=");
    buffer_percent(&url, page);
  }
  return begin(google, call, false, &url, error);
}
