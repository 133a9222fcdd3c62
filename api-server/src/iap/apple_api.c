#include "iap/apple_api.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "crypto/es256.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { URL_MAX = 8 * 1024, TOKEN_MAX = 4 * 1024, TOKEN_LIFE_S = 300 };

static const char production_base[] = "https://api.storekit.apple.com";
static const char sandbox_base[] = "https://api.storekit-sandbox.apple.com";

/* A page of notifications holds 20 texts of up to 128 kB. */
static const struct json_limits answer_limits = {.max_bytes = 4 << 20, .max_depth = 16, .max_keys = 256, .no_duplicate_keys = true};

int apple_api_init(struct apple_api *api, const struct settings *settings, struct http_client *client, struct error *error) {
  const char *pem = settings->apple_private_key;
  *api = (struct apple_api){.settings = settings, .client = client};
  if (!pem || es256_key_parse_private(pem, strlen(pem), &api->key, error) == 0) return 0;
  return error_wrap(error, "APPLE_PRIVATE_KEY");
}

void apple_api_done(struct apple_api *api) { es256_key_free(TAKE(api->key)); }

const char *apple_api_missing(const struct apple_api *api) {
  if (!api->settings->apple_issuer_id) return "APPLE_ISSUER_ID";
  if (!api->settings->apple_key_id) return "APPLE_KEY_ID";
  return api->key ? NULL : "APPLE_PRIVATE_KEY";
}

/* ---- the answer ---- */

static void release(struct apple_call *call) {
  call->api->calls--;
  call->api = NULL;
}

void apple_api_cancel(struct apple_call *call) {
  if (!call->api) return;
  http_cancel(TAKE(call->transfer));
  release(call);
}

static const char no_entry[] = "the App Store doesn't let us in: see APPLE_ISSUER_ID, APPLE_KEY_ID and APPLE_PRIVATE_KEY";

static const struct store_refusal refusals[] = {{400, ERROR_NOT_FOUND, "the App Store doesn't know it"},
                                                {404, ERROR_NOT_FOUND, "the App Store doesn't know it"},
                                                {401, ERROR_RETRY, no_entry},
                                                {403, ERROR_RETRY, no_entry},
                                                {0, ERROR_RETRY, "the App Store can't answer"}};

static int get_transaction(struct apple_call *call, struct error *error);

static void on_answer(void *owner, const struct http_response *response) {
  struct apple_call *call = owner;
  struct error error = {0};
  _cleanup_(json_freep) cJSON *json = NULL;
  call->transfer = NULL;
  int result = store_check(response, "ask the App Store", refusals, &error);
  if (result < 0 && error.kind == ERROR_NOT_FOUND && call->sandbox_next) {
    call->sandbox_next = false;
    call->in_sandbox = true;
    if (get_transaction(call, &error) == 0) return;
  }
  if (result == 0 && (json_parse(response->body, response->body_len, &answer_limits, &json, NULL) < 0 || !cJSON_IsObject(json)))
    result = error_set(&error, ERROR_RETRY, "the App Store's answer is not JSON");
  release(call);
  call->done(call, result == 0 ? json : NULL, result == 0 ? NULL : &error);
}

/* ---- the question ---- */

static int put_token(const struct apple_api *api, struct buffer *to, struct error *error) {
  const struct settings *settings = api->settings;
  int64_t now_s = clock_real_ms() / 1000;
  _cleanup_(json_freep) cJSON *claims = cJSON_CreateObject();
  if (!claims || !cJSON_AddStringToObject(claims, "iss", settings->apple_issuer_id) ||
      !cJSON_AddNumberToObject(claims, "iat", (double)now_s) || !cJSON_AddNumberToObject(claims, "exp", (double)(now_s + TOKEN_LIFE_S)) ||
      !cJSON_AddStringToObject(claims, "aud", "appstoreconnect-v1") || !cJSON_AddStringToObject(claims, "bid", settings->apple_bundle_id))
    return error_oom(error);
  return es256_sign_jwt(claims, api->key, settings->apple_key_id, to, error);
}

static void put_base(const struct apple_call *call, struct buffer *url) {
  const char *base = call->api->settings->apple_api_base;
  buffer_init(url, URL_MAX);
  if (base)
    buffer_printf(url, "%s%s", base, call->in_sandbox ? "/sandbox" : "");
  else
    buffer_puts(url, call->in_sandbox ? sandbox_base : production_base);
}

static int ask(struct apple_call *call, const struct buffer *url, const char *body, struct error *error) {
  _cleanup_(buffer_done) struct buffer token;
  buffer_init_secret(&token, TOKEN_MAX);
  if (url->failed) return error_set(error, ERROR_INVALID, "the address is too long");
  if (put_token(call->api, &token, error) < 0) return -1;
  call->transfer = store_send(call->api->client,
                              &(struct store_request){.url = buffer_text(url),
                                                      .bearer = buffer_text(&token),
                                                      .traceparent = call->traceparent,
                                                      .body = body,
                                                      .body_len = body ? strlen(body) : 0,
                                                      .max_response = answer_limits.max_bytes,
                                                      .on_done = on_answer,
                                                      .owner = call},
                              error);
  return call->transfer ? 0 : -1;
}

static int begin(struct apple_api *api, struct apple_call *call, struct error *error) {
  const char *missing = apple_api_missing(api);
  if (missing) return error_set(error, ERROR_TERMINAL, "%s is not set", missing);
  if (api->calls >= STORE_CALLS_MAX) return error_set(error, ERROR_RETRY, "%d calls of the App Store are under way", STORE_CALLS_MAX);
  *call =
      (struct apple_call){.done = call->done, .traceparent = call->traceparent, .api = api, .in_sandbox = api->settings->iap_use_sandbox};
  api->calls++;
  return 0;
}

static int get_transaction(struct apple_call *call, struct error *error) {
  _cleanup_buffer_ struct buffer url;
  put_base(call, &url);
  buffer_printf(&url, "/inApps/v1/transactions/%s", call->id);
  return ask(call, &url, NULL, error);
}

int apple_api_get_transaction(struct apple_api *api, struct apple_call *call, const char *id, struct error *error) {
  size_t n = strlen(id);
  if (!n || n >= sizeof call->id || strspn(id, "0123456789") != n)
    return error_set(error, ERROR_INVALID, "a transaction's id is 1 to 64 digits");
  if (begin(api, call, error) < 0) return -1;
  memcpy(call->id, id, n + 1);
  call->sandbox_next = !call->in_sandbox;
  if (get_transaction(call, error) == 0) return 0;
  release(call);
  return -1;
}

int apple_api_list_notifications(struct apple_api *api, struct apple_call *call, int64_t start_ms, int64_t end_ms, const char *page,
                                 struct error *error) {
  char body[96];
  if (begin(api, call, error) < 0) return -1;
  _cleanup_buffer_ struct buffer url;
  put_base(call, &url);
  buffer_puts(&url, "/inApps/v1/notifications/history");
  if (page) {
    buffer_puts(&url, "?paginationToken=");
    buffer_percent(&url, page);
  }
  (void)snprintf(body, sizeof body, "{\"startDate\":%" PRId64 ",\"endDate\":%" PRId64 "}", start_ms, end_ms);
  if (ask(call, &url, body, error) == 0) return 0;
  release(call);
  return -1;
}
