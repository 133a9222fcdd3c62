#include "message/courier.h"

#include "base/map.h"
#include "codec/base64.h"
#include "kube/path.h"
#include "message/envelope.h"
#include "net/http_client.h"
#include "render/render.h"
#include "stack/resources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 10 * 1000, CONNECT_MS = 5 * 1000, ANSWER_MAX_BYTES = 64 * 1024, VALUE_MAX_BYTES = 4096, KEY_SIZE = 384 };

struct courier {
  struct courier_options options;
  struct http_client *http;
  struct map *errands; /* by the stack's key: struct errand */
};

/* One message on its way. */
struct errand {
  struct courier *courier;
  char *key;    /* "namespace/name" */
  cJSON *entry; /* as it stands in the outbox */
  char *namespace, *stack, *type, *receiver, *secret_name, *secret_key;
  int64_t now_ms;
  struct delivery delivery;
  struct kube_call *call;
  struct http_transfer *transfer;
};

static void errand_free(void *memory) {
  struct errand *e = memory;
  if (!e) return;
  kube_cancel(e->call);
  http_cancel(e->transfer);
  cJSON_Delete(e->entry);
  free(e->key);
  free(e->namespace);
  free(e->stack);
  free(e->type);
  free(e->receiver);
  free(e->secret_name);
  free(e->secret_key);
  free(e);
}

/* Tells how it came out, and is gone. */
static void end(struct errand *e) {
  struct courier *courier = e->courier;
  (void)map_take(courier->errands, e->key);
  courier->options.delivered(courier->options.owner, e->key, e->receiver, &e->delivery);
  errand_free(e);
}

static void fail(struct errand *e, const char *words) {
  e->delivery.state = DELIVERY_FAILED;
  (void)snprintf(e->delivery.words, sizeof e->delivery.words, "%s", words);
  end(e);
}

/* ---- the receiver's answer ---- */

/* What went wrong, without the address before it: "https://host: no answer in time". */
static const char *without_address(const char *message) {
  const char *scheme = strstr(message, "://"), *colon = scheme ? strstr(scheme, ": ") : NULL;
  return colon ? colon + 2 : scheme ? "it could not be reached" : message;
}

static bool is_refusal(int status) { return status == 400 || status == 410 || status == 413 || status == 422; }

static void on_answer(void *owner, const struct http_response *response) {
  struct errand *e = owner;
  e->transfer = NULL;
  if (!response->status) return fail(e, without_address(response->error.message));
  e->delivery.retry_after_ms = response->retry_after_ms;
  e->delivery.state = response->status / 100 == 2 ? DELIVERY_TAKEN : is_refusal(response->status) ? DELIVERY_REFUSED : DELIVERY_FAILED;
  (void)snprintf(e->delivery.words, sizeof e->delivery.words, "it answered with status %d", response->status);
  end(e);
}

static int post(struct errand *e, const struct envelope *envelope, struct error *error) {
  const char *headers[ENVELOPE_HEADERS_MAX + 1] = {NULL};
  for (size_t i = 0; i < ENVELOPE_HEADERS_MAX && envelope->headers[i].len; i++) headers[i] = buffer_text(&envelope->headers[i]);
  e->transfer = http_send(e->courier->http,
                          &(struct http_request){.method = "POST",
                                                 .url = buffer_text(&envelope->url),
                                                 .headers = headers,
                                                 .body = buffer_text(&envelope->body),
                                                 .body_len = envelope->body.len,
                                                 .timeout_ms = TIMEOUT_MS,
                                                 .max_response = ANSWER_MAX_BYTES,
                                                 .on_done = on_answer,
                                                 .owner = e},
                          error);
  if (e->transfer) return 0;
  return error->kind == ERROR_INVALID ? error_set(error, ERROR_INVALID, "the Secret's value is no URL that can be used") : -1;
}

/* ---- the Secret ---- */

/* TO: "" where the Secret has no such key. */
static void read_value(const cJSON *secret, const char *key, struct buffer *to) {
  const char *encoded = cJSON_GetStringValue(json_member(json_get(secret, "data"), key));
  buffer_init_secret(to, VALUE_MAX_BYTES);
  if (encoded && base64_decode(encoded, strlen(encoded), to) < 0) buffer_clear(to);
}

static int check_found(const struct errand *e, const cJSON *secret, const struct buffer *address, struct error *error) {
  if (!secret)
    return error_set(error, ERROR_NOT_FOUND,
                     "Secret %s/%s does not exist; create it: kubectl -n %s create secret generic %s --from-literal=%s=…", e->namespace,
                     e->secret_name, e->namespace, e->secret_name, e->secret_key);
  if (!address->len || memchr(address->data, 0, address->len))
    return error_set(error, ERROR_INVALID, "Secret %s/%s has no key %s, or nothing in it; add it: kubectl -n %s edit secret %s",
                     e->namespace, e->secret_name, e->secret_key, e->namespace, e->secret_name);
  return 0;
}

/* SECRET NULL: there is none. */
static int send_with(struct errand *e, const cJSON *secret, struct error *error) {
  struct buffer address, signing;
  struct envelope envelope = {0};
  char signing_key[256];
  (void)snprintf(signing_key, sizeof signing_key, "%s" STACK_SIGNING_KEY_SUFFIX, e->secret_key);
  read_value(secret, e->secret_key, &address);
  read_value(secret, signing_key, &signing);
  const struct letter letter = {e->namespace, e->stack, e->entry, e->type};
  const struct envelope_secret values = {buffer_text(&address), buffer_text(&signing)};
  int result = check_found(e, secret, &address, error);
  if (result == 0) result = envelope_make(&letter, &values, e->courier->options.pagerduty_url, e->now_ms, &envelope, error);
  if (result == 0) result = post(e, &envelope, error);
  envelope_done(&envelope);
  buffer_done(&address);
  buffer_done(&signing);
  return result;
}

static void on_secret(void *owner, const struct kube_response *response) {
  struct errand *e = owner;
  struct error error = response->error;
  cJSON *secret = NULL;
  e->call = NULL;
  bool gone = error.kind == ERROR_NOT_FOUND;
  int result = gone ? 0 : error.kind != ERROR_NONE ? -1 : kube_response_parse(response, &secret, &error);
  if (result == 0) result = send_with(e, secret, &error);
  render_secret_free(secret);
  if (result < 0) fail(e, error.message);
}

static int read_secret(struct errand *e, struct error *error) {
  struct buffer path;
  kube_path(&path, &resources[RESOURCE_SECRET].api, e->namespace, e->secret_name, NULL);
  e->call = kube_send(e->courier->options.client,
                      &(struct kube_request){.method = "GET", .path = buffer_text(&path), .on_done = on_secret, .owner = e}, error);
  buffer_done(&path);
  return e->call ? 0 : -1;
}

/* ---- sending ---- */

static const cJSON *find_entry(const struct stack *stack, const char *id) {
  const cJSON *entry;
  cJSON_ArrayForEach(entry, json_get(stack->status, "outbox")) {
    if (!strcmp(json_string(entry, "id", ""), id)) return entry;
  }
  return NULL;
}

static struct errand *errand_new(struct courier *courier, const struct stack *stack, const cJSON *entry) {
  struct stack_notification to;
  struct errand *e = calloc(1, sizeof *e);
  if (!e || !stack_notification_find(&stack->spec, json_string(entry, "receiver", ""), &to)) return errand_free(e), NULL;
  e->courier = courier;
  e->entry = cJSON_Duplicate(entry, true);
  e->namespace = strdup(stack->namespace);
  e->stack = strdup(stack->name);
  e->type = strdup(to.type);
  e->receiver = strdup(to.name);
  e->secret_name = strdup(to.secret_name);
  e->secret_key = strdup(to.secret_key);
  e->delivery.attempt = json_int(entry, "attempts", 0) + 1;
  (void)snprintf(e->delivery.id, sizeof e->delivery.id, "%s", json_string(entry, "id", ""));
  if (asprintf(&e->key, "%s/%s", stack->namespace, stack->name) < 0) e->key = NULL;
  bool whole = e->key && e->entry && e->namespace && e->stack && e->type && e->receiver && e->secret_name && e->secret_key;
  return whole ? e : (errand_free(e), NULL);
}

void courier_send(struct courier *courier, const struct stack *stack, const char *id, int64_t now_ms) {
  const cJSON *entry = find_entry(stack, id);
  struct errand *e = entry ? errand_new(courier, stack, entry) : NULL;
  struct error error = {0};
  char key[KEY_SIZE];
  (void)snprintf(key, sizeof key, "%s/%s", stack->namespace, stack->name);
  if (!e || map_put(courier->errands, e->key, e) < 0) {
    errand_free(e);
    courier->options.delivered(courier->options.owner, key, "", &(struct delivery){.state = DELIVERY_NONE});
    return;
  }
  e->now_ms = now_ms;
  if (read_secret(e, &error) < 0) fail(e, error.message);
}

struct courier *courier_new(const struct courier_options *options, struct error *error) {
  struct courier *courier = calloc(1, sizeof *courier);
  if (!courier) return (void)error_oom(error), NULL;
  courier->options = *options;
  courier->errands = map_new(errand_free);
  if (!courier->errands) return courier_free(courier), (void)error_oom(error), NULL;
  courier->http = http_client_new(
      kube_client_loop(options->client),
      &(struct http_client_options){.user_agent = "supernova-operator/" SUPERNOVA_VERSION, .connect_timeout_ms = CONNECT_MS}, error);
  return courier->http ? courier : (courier_free(courier), NULL);
}

void courier_free(struct courier *courier) {
  if (!courier) return;
  map_free(courier->errands);
  http_client_free(courier->http);
  free(courier);
}
